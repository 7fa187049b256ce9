from dataclasses import replace

import pytest

from edge_agent.observe.latency import BOUNDS_S, MOST_AWAITED, Histogram, Latency
from edge_agent.records import Batch, BusCounts, ClockQuality, CloseReason, EnvelopeKey
from tests.spool.batches import WARM

SECOND = 1_000_000_000
EPOCH = 1_700_000_000 * SECOND


def batch(seq: int) -> Batch:
    return Batch(seq, WARM, EPOCH, EPOCH, CloseReason.AGE, 1, (), (("can0", BusCounts()),), ClockQuality.SYSTEM, 0)


def test_a_duration_falls_into_the_first_bucket_that_is_not_shorter() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.1, 0.11, 86_400.0, 86_401.0, -3.0):
        histogram.add(seconds)

    assert histogram.counts == [3, 1, *[0] * (len(BOUNDS_S) - 3), 1, 1]
    assert histogram.sum_s == pytest.approx(0.21 + 86_400 + 86_401)


def test_each_leg_begins_where_the_one_before_ended() -> None:
    latency = Latency()
    one = replace(batch(7), epoch_ns=EPOCH, uptime_ns=20 * SECOND, opened_ns=EPOCH + 12 * SECOND)
    latency.commit(3, [one], 21 * SECOND)
    latency.acknowledge(EnvelopeKey(3, 7), 25 * SECOND)

    assert [leg.sum_s for leg in (latency.sealed, latency.committed, latency.acked)] == [8, 1, 4]


def test_what_an_earlier_start_committed_or_came_twice_is_not_timed() -> None:
    latency = Latency()
    latency.commit(3, [batch(7)], SECOND)
    for key in (EnvelopeKey(2, 7), EnvelopeKey(3, 7), EnvelopeKey(3, 7)):
        latency.acknowledge(key, 2 * SECOND)

    assert sum(latency.acked.counts) == 1


def test_a_recordings_own_times_tell_nothing_of_its_batches_wait() -> None:
    latency = Latency()
    latency.commit(1, [replace(batch(0), epoch_ns=0)], SECOND)

    assert (sum(latency.sealed.counts), sum(latency.committed.counts)) == (0, 1)


def test_a_week_without_a_link_is_timed_in_bounded_memory() -> None:
    latency = Latency()
    some = [batch(seq) for seq in range(10)]
    for begin in range(0, MOST_AWAITED + 10, 10):
        latency.commit(1, [replace(one, seq=begin + one.seq) for one in some], SECOND)
    for seq in range(MOST_AWAITED + 20):
        latency.acknowledge(EnvelopeKey(1, seq), 2 * SECOND)

    assert sum(latency.acked.counts) == MOST_AWAITED

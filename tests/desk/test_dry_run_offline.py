from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.desk.dry_run_offline import SEGMENT_BYTES, SPOOL_SHARES, SPOOL_SHARES_HELD_BACK, Inflow, offline
from edge_agent.records import Envelope, EnvelopeKey, Lane, Retention, Upload
from edge_agent.spool import segments
from edge_agent.spool.framing import record_length
from edge_agent.spool.segments import SegmentSpool
from tests.acquire.told import Told

CAP = 1 << 20
USABLE = CAP - SPOOL_SHARES_HELD_BACK * (CAP // SPOOL_SHARES)
SEGMENT = CAP // SPOOL_SHARES


def test_a_spool_that_holds_it_all_loses_nothing() -> None:
    outcome = offline([Inflow(0, 1000), Inflow(9, 2000)], hours=14, cap_bytes=CAP)

    assert outcome.lost_bytes == (0, 0)
    assert outcome.first_loss_hours is None


def test_the_least_important_goes_first_and_the_important_stays_whole() -> None:
    outcome = offline([Inflow(9, 50_000), Inflow(0, 50_000)], hours=15, cap_bytes=CAP)

    assert outcome.lost_bytes[1] == 0
    assert 1_500_000 - USABLE <= outcome.lost_bytes[0] <= 1_500_000 - USABLE + 2 * SEGMENT
    assert outcome.first_loss_hours == pytest.approx(USABLE / 100_000, rel=0.05)


def test_the_important_takes_the_place_of_all_that_is_less_and_then_of_its_own_oldest() -> None:
    outcome = offline([Inflow(0, 100_000), Inflow(5, 1000)], hours=20, cap_bytes=CAP)

    assert outcome.lost_bytes[1] == pytest.approx(20_000, abs=SEGMENT)
    assert outcome.lost_bytes[0] == pytest.approx(2_000_000 - USABLE, abs=2 * SEGMENT)


def test_rules_of_one_priority_lose_the_same_time() -> None:
    lost = offline([Inflow(5, 20_000), Inflow(5, 60_000)], hours=24, cap_bytes=CAP).lost_bytes

    assert lost[0] / 20_000 == pytest.approx(lost[1] / 60_000, rel=0.05)


def test_a_rule_that_writes_nothing_loses_nothing() -> None:
    assert offline([Inflow(9, 0), Inflow(0, 1_000_000)], hours=24, cap_bytes=CAP).lost_bytes[0] == 0
    assert offline([], hours=24, cap_bytes=CAP).lost_bytes == ()


def test_ten_years_of_more_than_any_spool_are_reckoned_at_once() -> None:
    outcome = offline([Inflow(9, 1e9), Inflow(0, 1e6)] * 100, hours=87_600, cap_bytes=1 << 30)

    assert all(lost > 0 for lost in outcome.lost_bytes[::2])


def test_what_expires_is_lost_before_the_spool_is_full() -> None:
    lasting, other = Inflow(5, 20_000, retention=Retention(powered_s=7_200)), Inflow(3, 1_000)
    outcome = offline([lasting, other], hours=10, cap_bytes=CAP)

    assert outcome.lost_bytes[0] == pytest.approx(20_000 * 8, rel=0.1)
    assert outcome.lost_bytes[1] == 0
    assert outcome.first_loss_hours == pytest.approx(2, rel=0.2)


def test_a_rule_that_may_be_thinned_loses_a_part_of_all_its_days_before_all_of_any() -> None:
    whole, thinned = Inflow(5, 100_000), Inflow(5, 100_000, retention=Retention(thin=2))
    lost = offline([whole, thinned], hours=5.5, cap_bytes=CAP).lost_bytes

    assert lost[0] == 0
    assert 0 < lost[1] < 550_000 * 0.6


def test_of_one_priority_what_waits_for_an_unmetered_link_goes_first() -> None:
    lost = offline([Inflow(5, 50_000), Inflow(5, 50_000, Upload.UNMETERED)], hours=12, cap_bytes=CAP).lost_bytes

    assert lost[0] == 0 < lost[1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200_000)), min_size=1, max_size=5), st.integers(1, 40))
def test_no_more_is_lost_than_came_and_no_more_stays_than_there_is_room(
    rules: list[tuple[int, int]], hours: int
) -> None:
    inflows = [Inflow(priority, rate) for priority, rate in rules]
    outcome = offline(inflows, hours=hours, cap_bytes=CAP)
    came = [rate * hours for _, rate in rules]

    assert all(0 <= lost <= one for lost, one in zip(outcome.lost_bytes, came, strict=True))
    assert sum(came) - sum(outcome.lost_bytes) <= USABLE
    assert (outcome.first_loss_hours is None) == (sum(outcome.lost_bytes) == 0)


async def test_a_spool_on_disk_gives_up_as_much_of_the_same_rules(tmp_path: Path) -> None:
    assert segments.SEGMENT_BYTES == SEGMENT_BYTES
    priorities, rounds = (2, 7, 9), 400
    spool = await SegmentSpool.open(tmp_path, cap_bytes=CAP, log=Told())
    try:
        for seq in range(0, rounds * len(priorities), len(priorities)):
            await spool.append([record(seq + at, priority) for at, priority in enumerate(priorities)])
        stayed = dict.fromkeys(priorities, 0)
        for envelope in await spool.lease(10_000):
            stayed[envelope.priority] += record_length(envelope)
    finally:
        await spool.close()

    came = rounds * record_length(record(0, 2))
    lost = offline([Inflow(priority, came) for priority in priorities], hours=1, cap_bytes=CAP).lost_bytes
    assert came * len(priorities) > 1.3 * CAP
    assert [came - one for one in lost] == pytest.approx(list(stayed.values()), abs=2 * SEGMENT)
    assert lost[0] == 0 < lost[2]


def record(seq: int, priority: int) -> Envelope:
    key = EnvelopeKey(1, seq)
    return Envelope(key, priority, Lane.WARM, "rule", "columns/1", "application/json", "gzip", b"\0" * 1100)

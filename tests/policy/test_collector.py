import itertools
import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.collector import Collector
from edge_agent.policy.rules import BatchLimits, OnChange, Periodic, Rule
from edge_agent.records import Batch, BusCounts, ClockQuality, CloseReason
from tests.policy.sealing import sample_json_bytes
from tests.policy.streams import (
    SECOND,
    SIGNALS,
    Sample,
    block,
    blocks,
    cuts,
    in_batches,
    info,
    kept_by_on_change,
    kept_by_periodic,
    named,
    on_change,
    periodic,
    sample,
    streams,
)

SHORT = BatchLimits(max_age_ns=100, max_bytes=600)


def running(*rules: Rule, version: int = 1) -> Collector:
    collector = Collector(["can0"])
    assert collector.reconfigure(version, SIGNALS, rules) == []
    return collector


def fed(collector: Collector, stream: Sequence[Sample], parts: Sequence[slice]) -> list[Batch]:
    return [batch for one in blocks(stream, parts) for batch in collector.feed(one)]


def of_rule(batches: Sequence[Batch], name: str) -> list[Batch]:
    return [batch for batch in batches if batch.rule.name == name]


@st.composite
def rules(draw: st.DrawFn) -> tuple[Periodic, OnChange]:
    limits = BatchLimits(draw(st.sampled_from([60, 500, 3600 * SECOND])), draw(st.sampled_from([600, 4096])))
    return (
        periodic(draw(st.sampled_from([1, 30, 200])), limits=limits, about=info("steady")),
        on_change(
            deadband=draw(st.sampled_from([0.0, 1.0])),
            min_interval_ns=draw(st.sampled_from([0, 50])),
            heartbeat_ns=draw(st.sampled_from([None, 100])),
            limits=limits,
            about=info("change", "on_change"),
        ),
    )


def expected(rule: Rule, stream: Sequence[Sample]) -> list[Sample]:
    if isinstance(rule, Periodic):
        return kept_by_periodic(stream, rule.every_ns)
    return kept_by_on_change(
        stream, deadband=rule.deadband, min_interval_ns=rule.min_interval_ns, heartbeat_ns=rule.heartbeat_ns
    )


def assert_well_formed(batches: Sequence[Batch], limits: BatchLimits, first_seq: int = 0) -> None:
    assert [batch.seq for batch in batches] == list(range(first_seq, first_seq + len(batches)))
    for batch in batches:
        times = np.concatenate([column.t_ns for column in batch.columns])
        assert all(len(column.t_ns) == len(column.raw) > 0 for column in batch.columns)
        assert all((np.diff(column.t_ns) >= 0).all() for column in batch.columns)
        assert (batch.opened_ns, batch.closed_ns) == (times.min(), times.max())
        assert batch.kept == len(times)
        assert sample_json_bytes(batch) <= limits.max_bytes or batch.kept == 1


@given(data=st.data(), both=rules())
def test_however_a_stream_is_cut_each_rule_keeps_the_same_and_every_kept_sample_is_in_one_batch(
    data: st.DataObject, both: tuple[Periodic, OnChange]
) -> None:
    stream = data.draw(streams())
    collector = running(*both)

    batches = fed(collector, stream, data.draw(cuts(len(stream)))) + collector.flush(CloseReason.STOPPED)

    assert_well_formed(batches, both[0].limits)
    for rule in both:
        mine = of_rule(batches, rule.info.name)
        assert in_batches(mine) == named(expected(rule, stream))
        for batch in mine:
            assert batch.closed_ns - batch.opened_ns < rule.limits.max_age_ns
    assert collector.flush(CloseReason.STOPPED) == []


@given(data=st.data(), both=rules())
def test_a_clock_that_steps_either_way_loses_no_sample_and_keeps_batches_within_twice_their_age(
    data: st.DataObject, both: tuple[Periodic, OnChange]
) -> None:
    stream = data.draw(streams(st.sampled_from([0, 1, 20, 20, 20, -30, -100_000, 10**12])))
    collector = running(*both)

    # A block's samples are in the order of time: a step shows between two blocks.
    edges = [0, *(i for i in range(1, len(stream)) if stream[i].t_ns < stream[i - 1].t_ns), len(stream)]
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    batches = fed(collector, stream, parts) + collector.flush(CloseReason.STOPPED)

    assert_well_formed(batches, both[0].limits)
    assert in_batches(of_rule(batches, "change")) == named(expected(both[1], stream))
    assert set(in_batches(of_rule(batches, "steady"))) >= {named([one])[0] for one in last_of_each(stream)}
    for batch in batches:
        assert batch.closed_ns - batch.opened_ns < 2 * both[0].limits.max_age_ns


def last_of_each(stream: Sequence[Sample]) -> list[Sample]:
    return list({one.signal: one for one in stream}.values())


@given(data=st.data(), both=rules())
def test_a_new_configuration_in_the_middle_loses_nothing_and_goes_on_counting(
    data: st.DataObject, both: tuple[Periodic, OnChange]
) -> None:
    stream = data.draw(streams())
    at = data.draw(st.integers(0, len(stream)))
    before, after = stream[:at], stream[at:]
    collector = running(*both, version=1)

    batches = fed(collector, before, data.draw(cuts(len(before))))
    closing = collector.reconfigure(2, SIGNALS, both)
    late = fed(collector, after, data.draw(cuts(len(after)))) + collector.flush(CloseReason.STOPPED)

    assert_well_formed(batches + closing + late, both[0].limits)
    assert {batch.config_version for batch in batches + closing} <= {1}
    assert {batch.config_version for batch in late} <= {2}
    # A rule that goes on still begins anew: nobody can tell whether it means the same.
    for rule in both:
        name = rule.info.name
        assert in_batches(of_rule(batches + closing, name)) == named(expected(rule, before))
        assert in_batches(of_rule(late, name)) == named(expected(rule, after))


def test_batches_that_a_new_configuration_closes_say_so() -> None:
    collector = running(on_change(), version=7)
    collector.feed(block([sample(5, 0, 1)]))

    [batch] = collector.reconfigure(8, SIGNALS, [])

    assert (batch.seq, batch.why, batch.config_version) == (0, CloseReason.CONFIG_CHANGED, 7)
    assert collector.feed(block([sample(6, 0, 2)])) == []


def test_a_batch_is_sealed_for_its_age_though_no_sample_comes_any_more() -> None:
    collector = running(on_change(limits=SHORT))
    collector.feed(block([sample(1000, 0, 1)]))

    assert collector.feed(block([], until_ns=1099)) == []
    [batch] = collector.feed(block([], until_ns=1100))

    assert (batch.why, batch.opened_ns, batch.closed_ns) == (CloseReason.AGE, 1000, 1000)


def test_a_batch_is_sealed_when_the_clock_steps_back_by_more_than_its_age() -> None:
    collector = running(on_change(limits=SHORT))
    collector.feed(block([sample(1000, 0, 1)]))

    assert collector.feed(block([], until_ns=900)) == []
    [batch] = collector.feed(block([], until_ns=899))

    assert batch.kept == 1


def test_a_sample_that_is_kept_only_when_its_window_is_over_goes_into_the_batch_of_its_time() -> None:
    collector = running(periodic(100, limits=BatchLimits(100, 4096)))
    collector.feed(block([sample(10, 0, 1)]))

    [batch] = collector.feed(block([sample(150, 0, 2)]))

    assert in_batches([batch]) == named([sample(10, 0, 1)])


def test_counters_go_on_over_configurations_and_stand_in_each_batch() -> None:
    collector = running(on_change(limits=SHORT))
    [] = collector.feed(block([sample(0, 0, 1), sample(1, 0, 2)]))
    collector.reconfigure(2, SIGNALS, [on_change()])
    collector.feed(block([sample(2, 0, 3)]))

    [batch] = collector.flush(CloseReason.FLUSHED)

    assert batch.counts == (("can0", BusCounts(seen=3, decoded=3)),) == collector.counts
    assert (batch.clock, batch.uptime_ns, batch.why) == (ClockQuality.SYSTEM, 2, CloseReason.FLUSHED)


def test_each_rule_hears_only_its_signals() -> None:
    speed = OnChange(info("speed"), np.array([0]), SHORT, 0.0, 0, None)
    rest = OnChange(info("rest"), np.array([2, 1]), SHORT, 0.0, 0, None)
    collector = running(speed, rest)
    stream = [sample(0, 0, 1), sample(1, 1, 2), sample(2, 2, 3)]
    collector.feed(block(stream))

    batches = collector.flush(CloseReason.FLUSHED)

    assert in_batches(of_rule(batches, "speed")) == named(stream[:1])
    assert in_batches(of_rule(batches, "rest")) == named(stream[1:])


def test_without_rules_nothing_is_kept_and_all_is_counted() -> None:
    collector = Collector(["can0"])

    assert collector.feed(block([sample(0, 0, 1)])) == []
    assert collector.counts == (("can0", BusCounts(seen=1, decoded=1)),)
    assert collector.flush(CloseReason.STOPPED) == []


def test_nan_is_kept_as_any_number() -> None:
    collector = running(periodic(100))
    stream = [sample(0, 2, math.nan), sample(150, 2, math.inf)]
    collector.feed(block(stream))

    assert in_batches(collector.flush(CloseReason.STOPPED)) == named(stream)

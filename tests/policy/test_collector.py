import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.bank import columns_of
from edge_agent.policy.collector import Collector
from edge_agent.policy.rules import Aggregate, BatchLimits, Bounded, OnChange, Periodic, Rule
from edge_agent.policy.swinging_door import SwingingDoorKeeper
from edge_agent.records import CLOCK_STEP_NS, Batch, BusCounts, ClockQuality, CloseReason, SampleBlock, TimeUnit
from tests.policy.by_hand import followed
from tests.policy.sealing import sample_json_bytes
from tests.policy.streams import (
    SECOND,
    SIGNALS,
    Sample,
    block,
    blocks,
    bounded,
    cuts,
    in_batches,
    info,
    judged,
    named,
    on_change,
    periodic,
    sample,
    streams,
)

SHORT = BatchLimits(max_age_ns=100, max_bytes=800)


def running(*rules: Rule, version: int = 1) -> Collector:
    collector = Collector(["can0"])
    assert collector.reconfigure(version, SIGNALS, rules) == []
    return collector


def fed(collector: Collector, stream: Sequence[Sample], parts: Sequence[slice]) -> list[Batch]:
    return [batch for one in blocks(stream, parts) for batch in collector.feed(one)]


def of_rule(batches: Sequence[Batch], name: str) -> list[Batch]:
    return [batch for batch in batches if batch.rule.name == name]


@st.composite
def rules(draw: st.DrawFn) -> tuple[Periodic, OnChange, Bounded]:
    limits = BatchLimits(draw(st.sampled_from([60, 500, 3600 * SECOND])), draw(st.sampled_from([800, 4096])))
    keep = draw(st.lists(st.sampled_from(list(Aggregate)), min_size=1, unique=True))
    return (
        periodic(draw(st.sampled_from([1, 30, 200])), keep, limits=limits, about=info("steady")),
        on_change(
            deadband=draw(st.sampled_from([0.0, 1.0])),
            min_interval_ns=draw(st.sampled_from([0, 50])),
            heartbeat_ns=draw(st.sampled_from([None, 100])),
            limits=limits,
            about=info("change", "on_change"),
        ),
        bounded(1.0, draw(st.sampled_from([50, 10_000])), limits=limits, about=info("lines", "on_change")),
    )


def expected(rule: Rule, stream: Sequence[Sample]) -> list[tuple[str, str, int, int]]:
    """As `in_batches` tells it."""
    infos = columns_of(rule, SIGNALS)
    whole = [slice(i, i + 1) for i in range(len(stream))]
    of_rule = judged(SwingingDoorKeeper([rule]), stream, whole) if isinstance(rule, Bounded) else followed(rule, stream)
    return sorted(
        (infos[column].signal.name, infos[column].aggregate.value, t_ns, raw) for column, t_ns, raw in of_rule
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


@given(data=st.data(), those=rules())
def test_however_a_stream_is_cut_each_rule_keeps_the_same_and_every_kept_sample_is_in_one_batch(
    data: st.DataObject, those: tuple[Periodic, OnChange, Bounded]
) -> None:
    stream = data.draw(streams())
    collector = running(*those)

    batches = fed(collector, stream, data.draw(cuts(stream))) + collector.flush(CloseReason.STOPPED)

    assert_well_formed(batches, those[0].limits)
    for rule in those:
        mine = of_rule(batches, rule.info.name)
        assert in_batches(mine) == expected(rule, stream)
        for batch in mine:  # what was held back may lie before the sample that opened the batch
            assert batch.closed_ns - batch.opened_ns < 2 * rule.limits.max_age_ns
    assert collector.flush(CloseReason.STOPPED) == []


@given(data=st.data(), those=rules())
def test_a_clock_that_steps_either_way_loses_no_sample_and_keeps_batches_within_twice_their_age(
    data: st.DataObject, those: tuple[Periodic, OnChange, Bounded]
) -> None:
    stream = data.draw(streams(st.sampled_from([0, 1, 20, 20, 20, -30, -100_000, 10**12])))
    collector = running(*those)

    batches = fed(collector, stream, data.draw(cuts(stream))) + collector.flush(CloseReason.STOPPED)

    assert_well_formed(batches, those[0].limits)
    for rule in those:
        assert in_batches(of_rule(batches, rule.info.name)) == expected(rule, stream)
    for batch in batches:
        assert batch.closed_ns - batch.opened_ns < 2 * those[0].limits.max_age_ns


@given(data=st.data(), those=rules())
def test_a_new_configuration_in_the_middle_loses_nothing_and_goes_on_counting(
    data: st.DataObject, those: tuple[Periodic, OnChange, Bounded]
) -> None:
    stream = data.draw(streams())
    at = data.draw(st.integers(0, len(stream)))
    before, after = stream[:at], stream[at:]
    collector = running(*those, version=1)

    batches = fed(collector, before, data.draw(cuts(before)))
    closing = collector.reconfigure(2, SIGNALS, those)
    late = fed(collector, after, data.draw(cuts(after))) + collector.flush(CloseReason.STOPPED)

    assert_well_formed(batches + closing + late, those[0].limits)
    assert {batch.config_version for batch in batches + closing} <= {1}
    assert {batch.config_version for batch in late} <= {2}
    # A rule that goes on still begins anew: nobody can tell whether it means the same.
    for rule in those:
        name = rule.info.name
        assert in_batches(of_rule(batches + closing, name)) == expected(rule, before)
        assert in_batches(of_rule(late, name)) == expected(rule, after)


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


# --- the wall clock becomes known ----------------------------------------------------------------


def told_by(one: SampleBlock, clock: ClockQuality, epoch_ns: int) -> SampleBlock:
    """The same block by a clock that says so of uptime zero: times in it are since then."""
    return replace(one, t_ns=one.t_ns + epoch_ns, until_ns=one.until_ns + epoch_ns, clock=clock, epoch_ns=epoch_ns)


@given(data=st.data(), those=rules(), windows=st.integers(-(10**9), 10**9), unit=st.sampled_from(list(TimeUnit)))
def test_what_came_before_the_clock_was_set_leaves_with_the_times_of_the_right_clock(
    data: st.DataObject, those: tuple[Periodic, OnChange, Bounded], windows: int, unit: TimeUnit
) -> None:
    stream = data.draw(streams())
    never = BatchLimits(max_age_ns=3600 * SECOND, max_bytes=500_000)
    mine = [replace(rule, limits=never, info=replace(rule.info, time_unit=unit)) for rule in those]
    # By whole windows and units, so that both clocks cut time alike.
    right_ns = windows * 600 * int(unit)
    parts = data.draw(cuts(stream))
    at = data.draw(st.integers(0, len(parts)))
    late, always = running(*mine), running(*mine)

    for i, one in enumerate(blocks(stream, parts)):
        clock = (ClockQuality.UNSYNCED, 0) if i < at else (ClockQuality.SYNCED, right_ns)
        assert late.feed(told_by(one, *clock)) == []
        assert always.feed(told_by(one, ClockQuality.SYNCED, right_ns)) == []
    late.feed(told_by(block([], until_ns=0), ClockQuality.SYNCED, right_ns))

    found = late.flush(CloseReason.STOPPED)
    wanted = always.flush(CloseReason.STOPPED)
    assert in_batches(found) == in_batches(wanted)
    assert [(one.opened_ns, one.closed_ns) for one in found] == [(one.opened_ns, one.closed_ns) for one in wanted]


def test_a_batch_that_was_sealed_before_the_clock_was_set_says_so_and_the_next_is_right() -> None:
    collector = running(on_change(limits=SHORT))
    one, two = block([sample(50, 0, 1)], 50), block([sample(200, 0, 2)], 200)
    collector.feed(told_by(one, ClockQuality.UNSYNCED, 7))
    [early] = collector.feed(told_by(two, ClockQuality.UNSYNCED, 7))

    collector.feed(told_by(block([sample(210, 0, 3)], 210), ClockQuality.SYNCED, 5007))
    [late] = collector.flush(CloseReason.STOPPED)

    assert (early.clock, early.epoch_ns, early.opened_ns) == (ClockQuality.UNSYNCED, 7, 57)
    assert (late.clock, late.epoch_ns, late.opened_ns, late.closed_ns) == (ClockQuality.SYNCED, 5007, 5207, 5217)


def test_lines_between_samples_move_by_whole_units_of_the_payload() -> None:
    about = info("lines", "on_change", unit=TimeUnit.MS)
    collector = running(bounded(1.0, about=about))
    collector.feed(told_by(block([sample(1_900_000, 0, 1)]), ClockQuality.UNSYNCED, 0))

    collector.feed(told_by(block([], 2_000_000), ClockQuality.SYNCED, 5_600_000))
    [batch] = collector.flush(CloseReason.STOPPED)

    assert batch.opened_ns == 6_900_000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ClockQuality.SYNCED, ClockQuality.SYNCED),
        (ClockQuality.SYSTEM, ClockQuality.SYNCED),
        (ClockQuality.UNSYNCED, ClockQuality.UNSYNCED),
        (ClockQuality.SYNCED, ClockQuality.UNSYNCED),
    ],
)
def test_any_other_drift_of_the_clock_moves_nothing(before: ClockQuality, after: ClockQuality) -> None:
    collector = running(on_change())
    collector.feed(told_by(block([sample(10, 0, 1)]), before, 100))
    collector.feed(told_by(block([sample(20, 0, 2)]), after, 900))

    [batch] = collector.flush(CloseReason.STOPPED)

    assert batch.columns[0].t_ns.tolist() == [110, 920]


@pytest.mark.parametrize("step_ns", [-CLOCK_STEP_NS, CLOCK_STEP_NS, -3600 * SECOND])
def test_a_clock_that_is_set_leaves_no_batch_with_times_of_two_settings(step_ns: int) -> None:
    collector = running(on_change(), periodic(SECOND))
    right_ns = 1_000_000 * SECOND
    collector.feed(told_by(block([sample(10, 0, 1)], 20), ClockQuality.SYNCED, right_ns))

    old = collector.feed(told_by(block([sample(30, 0, 2)], 40), ClockQuality.SYNCED, right_ns + step_ns))
    new = collector.flush(CloseReason.STOPPED)

    assert [(one.why, one.epoch_ns, one.opened_ns, one.closed_ns) for one in old] == [
        (CloseReason.CLOCK_SET, right_ns, right_ns + 10, right_ns + 10)
    ] * 2
    assert [(one.epoch_ns, one.opened_ns) for one in new] == [(right_ns + step_ns, right_ns + step_ns + 30)] * 2

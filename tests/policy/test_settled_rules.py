from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_agent.policy import settling
from edge_agent.policy.collector import Collector
from edge_agent.policy.condition_names import bind
from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.rules import (
    FIRST_NS,
    LAST_NS,
    OPEN,
    Aggregate,
    BatchLimits,
    Bounded,
    Event,
    Gate,
    OnChange,
    Periodic,
    Rule,
    Snapshot,
    Trigger,
)
from edge_agent.records import (
    Batch,
    ClockQuality,
    CloseReason,
    FrameBlock,
    Frames,
    Lane,
    RuleInfo,
    SampleBlock,
    TimeUnit,
)
from tests.policy.condition_reference import EXPRESSIONS, Expression, judged, written
from tests.policy.condition_signals import CATALOG, MS, SECOND, SIGNALS, Sample, block, blocks_of, sample, streams
from tests.policy.settled_reference import in_order, inside_of, pictures, windows

LATER_NS = 10**18
LOOSE = BatchLimits(max_age_ns=10 * LATER_NS // 4, max_bytes=500_000)
SPANS = st.sampled_from([0, 1, 10 * MS, 40 * MS, 500 * MS, SECOND, 3 * SECOND])
SIGNAL_SETS = st.lists(st.integers(0, len(SIGNALS) - 1), min_size=1, unique=True).map(np.array)
Told = list[tuple[int, str, int]]


def info(kind: str) -> RuleInfo:
    return RuleInfo("rule", kind, 5, Lane.WARM, "test", TimeUnit.NS)


@st.composite
def gates(draw: st.DrawFn, stream: Sequence[Sample], condition: int) -> tuple[Gate, Expression | None]:
    times = st.sampled_from([FIRST_NS, LAST_NS, *(one.t_ns for one in stream)])
    expression = draw(st.none() | EXPRESSIONS)
    return Gate(draw(times), draw(times), None if expression is None else condition), expression


@st.composite
def events(draw: st.DrawFn, gate: Gate) -> Event:
    return Event(
        info("event"),
        draw(SIGNAL_SETS),
        LOOSE,
        when=0,
        before_ns=draw(SPANS),
        after_ns=draw(SPANS),
        cooldown_ns=draw(SPANS),
        trigger=draw(st.sampled_from(Trigger)),
        after_true_ns=draw(SPANS),
        gate=gate,
    )


def running(rules: Sequence[Rule], conditions: Sequence[Expression]) -> Collector:
    collector = Collector(["can0"])
    trees = [bind(parse(written(one)), CATALOG) for one in conditions]
    assert collector.reconfigure(1, SIGNALS, rules, trees) == []
    return collector


def collected(rule: Rule, conditions: Sequence[Expression], parts: Sequence[SampleBlock]) -> list[Batch]:
    """All batches of one rule, over the stream cut so and a time that is later than all."""
    collector = running([rule], conditions)
    sealed = [batch for part in [*parts, block([], LATER_NS)] for batch in collector.feed(part)]
    sealed += collector.flush(CloseReason.STOPPED)
    assert [batch.seq for batch in sealed] == list(range(len(sealed)))
    return sealed


def told(batch: Batch) -> Told:
    return sorted(
        (t_ns, column.signal.name, raw)
        for column in batch.columns
        for t_ns, raw in zip(column.t_ns.tolist(), column.raw.tolist(), strict=True)
    )


def as_told(samples: Sequence[Sample]) -> Told:
    return sorted((one.t_ns, SIGNALS[one.signal].name, one.raw) for one in samples)


@given(stream=streams(), when=EXPRESSIONS, data=st.data())
def test_wherever_the_stream_is_cut_an_event_keeps_the_windows_that_pencil_and_paper_find(
    stream: list[Sample], when: Expression, data: st.DataObject
) -> None:
    gate, while_ = data.draw(gates(stream, 1))
    rule = data.draw(events(gate))

    batches = collected(rule, [when] if while_ is None else [when, while_], data.draw(blocks_of(stream)))

    inside = inside_of(stream, while_, gate.from_ns, gate.until_ns)
    expected = [one for one in windows(rule, stream, judged(stream, when), inside, LATER_NS) if one.samples]
    assert [(batch.fired_ns, told(batch)) for batch in batches] == [(w.fired_ns, as_told(w.samples)) for w in expected]
    assert {batch.why for batch in batches[:-1]} <= {CloseReason.EVENT}


@given(stream=streams(), when=EXPRESSIONS, data=st.data())
def test_a_flush_in_the_middle_of_a_window_loses_nothing_and_tells_nothing_twice(
    stream: list[Sample], when: Expression, data: st.DataObject
) -> None:
    rule = data.draw(events(Gate()))
    parts = [*data.draw(blocks_of(stream)), block([], LATER_NS)]
    collector = running([rule], [when])

    batches: list[Batch] = []
    for part in parts:
        batches += collector.feed(part)
        if data.draw(st.booleans()):
            batches += collector.flush(CloseReason.FLUSHED)
    batches += collector.flush(CloseReason.STOPPED)

    expected = windows(rule, stream, judged(stream, when), lambda _: True, LATER_NS)
    assert sorted(one for batch in batches for one in told(batch)) == as_told(
        [one for window in expected for one in window.samples]
    )


def frames_of(part: SampleBlock) -> FrameBlock:
    """A frame for each sample of a block, whose id is its signal's index."""
    count = len(part)
    return FrameBlock(
        t_ns=part.t_ns,
        bus=np.zeros(count, np.uint8),
        can_id=part.signal,
        flags=np.zeros(count, np.uint8),
        length=np.full(count, 8, np.uint16),
        data=np.zeros((count, 8), np.uint8),
        dropped=(0,),
        until_ns=part.until_ns,
        uptime_ns=0,
        clock=part.clock,
    )


@given(stream=streams(), when=EXPRESSIONS, data=st.data())
def test_wherever_the_stream_is_cut_the_frames_of_all_signals_in_a_window_are_captured(
    stream: list[Sample], when: Expression, data: st.DataObject
) -> None:
    gate, while_ = data.draw(gates(stream, 1))
    rule = replace(data.draw(events(gate)), raw_frames=True, signals=np.empty(0, np.int64))
    collector = running([rule], [when] if while_ is None else [when, while_])
    parts = [*data.draw(blocks_of(stream)), block([], LATER_NS)]

    batches = [batch for part in parts for batch in collector.feed(part, frames_of(part))]
    batches += collector.flush(CloseReason.STOPPED)

    inside = inside_of(stream, while_, gate.from_ns, gate.until_ns)
    whole = replace(rule, signals=np.arange(len(SIGNALS)))
    expected = [one for one in windows(whole, stream, judged(stream, when), inside, LATER_NS) if one.samples]
    found = [
        list(zip(*(part.tolist() for part in (one.t_ns, one.can_id)), strict=True)) for one in map(captured, batches)
    ]
    assert found == [[(one.t_ns, one.signal) for one in window.samples] for window in expected]


def captured(batch: Batch) -> Frames:
    assert batch.frames is not None
    assert (batch.columns, batch.kept) == ((), 0)
    assert (batch.opened_ns, batch.closed_ns) == (batch.frames.t_ns[0], batch.frames.t_ns[-1])
    return batch.frames


@given(stream=streams(), at=EXPRESSIONS, data=st.data())
def test_wherever_the_stream_is_cut_snapshots_tell_what_pencil_and_paper_know(
    stream: list[Sample], at: Expression, data: st.DataObject
) -> None:
    gate, while_ = data.draw(gates(stream, 1))
    rule = Snapshot(
        info("snapshot"),
        data.draw(SIGNAL_SETS),
        LOOSE,
        at=0,
        both_edges=data.draw(st.booleans()),
        every_ns=data.draw(st.sampled_from([None, 40 * MS, SECOND])),
        gate=gate,
    )

    batches = collected(rule, [at] if while_ is None else [at, while_], data.draw(blocks_of(stream)))

    expected = pictures(rule, stream, judged(stream, at), inside_of(stream, while_, gate.from_ns, gate.until_ns))
    assert [(batch.fired_ns, told(batch)) for batch in batches] == [
        ((picture.at_ns,), as_told(picture.samples)) for picture in expected
    ]


def rule_of(when: int | None = None, **fields: Any) -> Event:
    return Event(info("event"), np.array([0]), LOOSE, when or 0, 10, 20, 0, Trigger.RISING, 0, **fields)


FAST: Expression = ("compare", ">", ("signal", "Motion.Speed"), ("number", 1.0))


def test_an_event_right_after_a_new_configuration_finds_what_was_before_it() -> None:
    rules: list[Rule] = [
        rule_of(raw_frames=True),
        Snapshot(info("snapshot"), np.array([0]), LOOSE, None, both_edges=False, every_ns=None),
    ]
    collector = running(rules, [FAST])
    past = block([sample(95, 0, 0)], 98)
    assert collector.feed(past, frames_of(past)) == []
    other = (SIGNALS[1], SIGNALS[0])
    renumbered = [replace(rule, signals=np.array([1])) for rule in rules]

    assert collector.reconfigure(2, other, renumbered, [bind(parse(written(FAST)), CATALOG)]) == []
    [known] = collector.snapshot(["rule"])
    now = replace(block([sample(100, 0, 20)], 200), signal=np.array([1], np.uint32))
    event, frames = collector.feed(now, frames_of(now))

    assert (known.fired_ns, told(known)) == ((98,), [(95, "Motion.Speed", 0)])
    assert (event.config_version, told(event)) == (2, [(95, "Motion.Speed", 0), (100, "Motion.Speed", 20)])
    assert captured(frames).t_ns.tolist() == [95, 100]


@pytest.mark.parametrize("gate", [OPEN, Gate(condition=0)])
def test_a_value_that_no_snapshot_followed_since_is_known_no_longer(gate: Gate) -> None:
    asks = Snapshot(info("snapshot"), np.array([0]), LOOSE, None, both_edges=False, every_ns=None)
    collector = running([asks], [])
    collector.feed(block([sample(95, 0, 0)], 98))
    follows = OnChange(info("on_change"), np.array([0]), LOOSE, 0.0, 0, None, gate=gate)
    collector.reconfigure(2, SIGNALS, [follows], [bind(parse(written(FAST)), CATALOG)])
    collector.feed(block([sample(100, 0, 20)], 200))
    collector.reconfigure(3, SIGNALS, [asks])

    assert collector.snapshot(["rule"]) == []


def test_a_new_configuration_may_hear_of_time_that_the_one_before_had_not_waited_for() -> None:
    gated = OnChange(info("on_change"), np.array([1]), LOOSE, 0.0, 0, None, gate=Gate(condition=0))
    collector = running([gated], [FAST])
    collector.feed(block([sample(500, 0, 20)], 300))
    collector.reconfigure(2, SIGNALS, [gated], [bind(parse(written(FAST)), CATALOG)])

    collector.feed(block([sample(310, 0, 20), sample(320, 1, 3), sample(330, 0, 0), sample(340, 1, 2)], 400))
    [batch] = collector.flush(CloseReason.STOPPED)

    assert told(batch) == [(320, "Motion.Gear", 3)]


def test_a_batch_from_the_middle_of_a_window_names_the_last_firing_before_it() -> None:
    collector = running([rule_of()], [FAST])
    fed = block([sample(100, 0, 20), sample(101, 0, 0), sample(102, 0, 20)], 103)
    sealed = collector.feed(fed) + collector.flush(CloseReason.FLUSHED)
    sealed += collector.feed(block([sample(103, 0, 0), sample(104, 0, 20)], LATER_NS))

    assert [(batch.why, batch.fired_ns) for batch in sealed] == [
        (CloseReason.FLUSHED, (100, 102)),
        (CloseReason.EVENT, (102, 104)),
    ]


def test_a_window_remembers_how_its_gate_was_as_far_as_it_looks_back() -> None:
    gear: Expression = ("compare", ">", ("signal", "Motion.Gear"), ("number", 0.0))
    rule = replace(rule_of(), before_ns=35, gate=Gate(condition=1))
    collector = running([rule], [gear, FAST])
    steps = [
        block([sample(10, 0, 20), sample(12, 0, 0), sample(15, 0, 30), sample(20, 0, 0)], 30),
        block([sample(31, 0, 0)], 34),
        block([sample(35, 0, 40), sample(40, 1, 9)], LATER_NS),
    ]

    [batch] = [batch for step in steps for batch in collector.feed(step)]

    assert told(batch) == [(10, "Motion.Speed", 20), (15, "Motion.Speed", 30), (35, "Motion.Speed", 40)]


def test_samples_and_frames_of_an_open_window_are_sealed_with_all_that_is_open() -> None:
    collector = running([replace(rule_of(raw_frames=True), after_ns=5 * SECOND)], [FAST])
    part = block([sample(100, 0, 20), sample(2 * SECOND, 0, 20), sample(4 * SECOND, 0, 20)], 3 * SECOND)
    collector.feed(part, frames_of(part))

    sealed = collector.flush(CloseReason.STOPPED)

    assert [batch.why for batch in sealed] == [CloseReason.STOPPED] * 2
    assert told(sealed[0]) == [(t_ns, "Motion.Speed", 20) for t_ns in (100, 2 * SECOND, 4 * SECOND)]
    assert captured(sealed[1]).t_ns.tolist() == [100, 2 * SECOND, 4 * SECOND]


def test_samples_and_frames_of_an_open_window_move_with_a_clock_that_becomes_known() -> None:
    rule = replace(rule_of(raw_frames=True), before_ns=0, after_ns=5 * SECOND)
    collector = running([rule], [FAST])
    first = replace(block([sample(0, 0, 20), sample(SECOND, 0, 20)], 3 * SECOND), clock=ClockQuality.UNSYNCED)
    assert collector.feed(first, frames_of(first)) == []

    right_ns = 1000 * SECOND
    synced = block([sample(right_ns + 4 * SECOND, 0, 20)], right_ns + 9 * SECOND)
    synced = replace(synced, clock=ClockQuality.SYNCED, epoch_ns=right_ns)
    event, capture = collector.feed(synced, frames_of(synced))

    times = [right_ns, right_ns + SECOND, right_ns + 4 * SECOND]
    assert [t_ns for t_ns, _, _ in told(event)] == captured(capture).t_ns.tolist() == times
    assert event.fired_ns == (right_ns,)
    assert collector.watched.frames_held == 0


def test_where_the_clock_goes_back_windows_stay_as_long_as_they_are() -> None:
    gated = replace(rule_of(raw_frames=True), gate=Gate(condition=0))
    collector = running([gated], [FAST])
    before = block([sample(1_000_095, 0, 20), sample(1_000_100, 0, 20)], 1_000_101)
    collector.feed(before, frames_of(before))

    after = block([sample(500, 0, 20), sample(519, 0, 20), sample(521, 0, 20)], 600)
    batches = collector.feed(after, frames_of(after))

    # Settled up to 1,000,101, which is 500 now; the window began at 1,000,085 and ends at 1,000,115: at 514.
    event, capture = batches
    assert captured(capture).t_ns.tolist() == [494, 499, 500]
    assert (event.why, event.fired_ns) == (CloseReason.EVENT, (494,))
    assert [t_ns for t_ns, _, _ in told(event)] == [494, 499, 500]


def test_windows_are_as_long_where_too_many_samples_wait_and_one_that_comes_too_late_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settling, "WAITING_SAMPLES", 3)
    collector = running([replace(rule_of(), before_ns=20, after_ns=20)], [FAST])
    batches = []
    for t_ns in range(100, 200, 5):
        part = block([sample(t_ns, 0, 20 if t_ns >= 150 else 0)], t_ns - 40)  # eight samples want to wait
        batches += collector.feed(part)
    assert collector.watched.past_lost == 0
    batches += collector.feed(block([sample(179, 0, 0)], 160))

    [batch] = batches
    assert [t_ns for t_ns, _, _ in told(batch)] == list(range(130, 171, 5))
    assert collector.watched.past_lost == 1


@given(stream=streams(), data=st.data())
def test_a_gated_rule_keeps_what_it_would_of_the_samples_inside_alone(
    stream: list[Sample], data: st.DataObject
) -> None:
    gate, while_ = data.draw(gates(stream, 0))
    assume(gate != OPEN)  # without a gate a rule hears samples as they come, late ones too
    signals = data.draw(SIGNAL_SETS)
    rules = [
        lambda gate: Periodic(info("periodic"), signals, LOOSE, 500 * MS, (Aggregate.LAST, Aggregate.COUNT), gate),
        lambda gate: OnChange(info("on_change"), signals, LOOSE, 1.0, 40 * MS, SECOND, gate=gate),
        lambda gate: Bounded(info("on_change"), signals, LOOSE, 1.0, SECOND, gate),
    ]
    rule = data.draw(st.sampled_from(rules))
    inside = inside_of(stream, while_, gate.from_ns, gate.until_ns)

    batches = collected(rule(gate), [] if while_ is None else [while_], data.draw(blocks_of(stream)))

    alone = [one for one in in_order(stream) if inside(one.t_ns)]
    expected = collected(rule(Gate()), [], [block(alone, max((one.t_ns for one in alone), default=0))])
    assert [told(batch) for batch in batches] == [told(batch) for batch in expected]

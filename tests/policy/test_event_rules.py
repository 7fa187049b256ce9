from dataclasses import replace

import numpy as np
import pytest

from edge_agent.policy import event_windows
from edge_agent.policy.condition_instants import Readings
from edge_agent.policy.event_rules import Events
from edge_agent.policy.gates import Gates
from edge_agent.policy.kept import Found
from edge_agent.policy.rules import OPEN, BatchLimits, Event, Gate, Reduction, Trigger
from edge_agent.policy.spells import Turn
from edge_agent.records import Frames
from tests.policy.streams import SIGNALS, info, told

LIMITS = BatchLimits(10**18, 500_000)
RULE = Event(info("rule", "event"), np.array([1, 0]), LIMITS, 0, 10, 20, 0, Trigger.RISING, 0)
TWICE = {0: [Turn(100, true=True), Turn(101, true=False), Turn(200, true=True)]}


@pytest.fixture(autouse=True)
def pieces_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_windows, "PIECE_NS", 1)


def readings(*samples: tuple[int, int, int]) -> Readings:
    """(time, signal, raw number); the value is the raw number."""
    t_ns, signal, raw = np.array(samples, np.int64).reshape(-1, 3).T
    return Readings(t_ns, signal, raw, raw.astype(np.float64))


STREAM = readings(*((t_ns, t_ns % 3, t_ns // 10) for t_ns in range(0, 300, 4)))


def found(rule: Event, gate: Gate = OPEN) -> list[Found]:
    events = Events([(0, rule)], SIGNALS)
    return list(events.feed(TWICE, STREAM, 300, Gates([gate])))


def test_each_window_has_the_samples_of_the_rules_signals_by_their_columns() -> None:
    first, second = found(RULE)

    assert told(first.kept) == [(1 - t % 3, t, t // 10) for t in range(92, 121, 4) if t % 3 < 2]
    assert (first.fired_ns, first.ends, second.fired_ns) == ((100,), True, (200,))
    assert min(second.kept.t_ns) >= 190


def test_a_rule_that_looks_back_finds_the_past_of_earlier_blocks() -> None:
    events = Events([(0, RULE)], SIGNALS)
    assert list(events.feed({}, readings((90, 0, 1), (95, 1, 2)), 96, Gates([OPEN]))) == []

    [one] = events.feed({0: [Turn(100, true=True)]}, readings((100, 0, 3)), 101, Gates([OPEN]))

    assert told(one.kept) == [(1, 90, 1), (0, 95, 2), (1, 100, 3)]
    assert (events.fired, events.suppressed, events.past.held) == (1, 0, 3)


def test_samples_outside_the_gate_are_not_in_the_window() -> None:
    first, _ = found(RULE, Gate(from_ns=100, until_ns=290))

    assert min(first.kept.t_ns) == 100


def test_frames_outside_the_gate_are_not_captured_and_other_buses_are() -> None:
    events = Events([(0, replace(RULE, raw_frames=True))], SIGNALS)
    t_ns = np.arange(0, 300, 7)
    zeros = np.zeros(len(t_ns), np.uint8)
    assert events.frame_past is not None
    events.frame_past.add(
        Frames(t_ns, zeros, t_ns.astype(np.uint32), zeros, zeros.astype(np.uint16), np.zeros((len(t_ns), 8), np.uint8))
    )

    first, _ = events.feed(TWICE, readings(), 300, Gates([Gate(from_ns=100)]))

    assert first.frames is not None
    assert first.frames.t_ns.tolist() == [105, 112, 119]


@pytest.mark.parametrize(
    ("reduction", "times"),
    [(Reduction(every_ns=10), [99, 108, 117, 120]), (Reduction(deadband=1.5), [90, 111])],
)
def test_a_window_is_reduced_as_if_it_were_a_stream_of_its_own(reduction: Reduction, times: list[int]) -> None:
    stream = readings(*((t_ns, 0, t_ns // 10) for t_ns in range(0, 300, 3)))
    rule = replace(RULE, signals=np.array([0]), reduction=reduction)

    first, second = Events([(0, rule)], SIGNALS).feed(TWICE, stream, 300, Gates([OPEN]))

    assert first.kept.t_ns.tolist() == times
    assert (np.diff(first.kept.t_ns) > 0).all()
    assert second.kept.raw[0] == 19


def test_what_a_reduction_holds_back_is_told_when_it_must_be() -> None:
    events = Events([(3, replace(RULE, reduction=Reduction(every_ns=1000)))], SIGNALS)
    gates = Gates([OPEN] * 4)
    [one] = events.feed({0: [Turn(100, true=True)]}, readings((100, 0, 3)), 110, gates)

    assert told(one.kept) == []
    assert [(rest.rule, told(rest.kept)) for rest in events.rest(gates)] == [(3, [(1, 100, 3)])]


def test_the_past_and_the_windows_move_with_the_clock() -> None:
    events = Events([(0, replace(RULE, reduction=Reduction(every_ns=5)))], SIGNALS)
    gates = Gates([OPEN])
    list(events.feed({}, readings((90, 0, 1)), 96, gates))
    events.shift(1000)

    [one] = events.feed({0: [Turn(1100, true=True)]}, readings(), 2000, gates)

    assert told(one.kept) == [(1, 1090, 1)]

import numpy as np
import pytest

from edge_agent.policy import event_windows
from edge_agent.policy.event_windows import EventWindows, Piece
from edge_agent.policy.rules import BatchLimits, Event, Trigger
from edge_agent.policy.spells import Turn
from tests.policy.streams import info

LIMITS = BatchLimits(10**18, 500_000)
LATER_NS = 10**6


@pytest.fixture(autouse=True)
def pieces_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_windows, "PIECE_NS", 1)


def windows(
    *, before: int = 10, after: int = 20, cooldown: int = 0, after_true: int = 0, trigger: Trigger = Trigger.RISING
) -> EventWindows:
    return EventWindows(
        Event(info("rule", "event"), np.array([0]), LIMITS, 0, before, after, cooldown, trigger, after_true)
    )


def reached(one: EventWindows, *times: int, until: int = LATER_NS, is_open: bool = True) -> list[Piece]:
    """With turns to true, back, to true, ... at these times."""
    return list(one.reach([Turn(t_ns, i % 2 == 0) for i, t_ns in enumerate(times)], until, lambda _: is_open))


def test_a_window_lies_around_the_instant_at_which_the_condition_became_true() -> None:
    assert reached(windows(), 100) == [Piece(90, 121, (100,), ends=True)]


def test_a_window_is_told_as_far_as_time_is_settled_and_ends_when_time_has_passed_it() -> None:
    one = windows()

    assert reached(one, 100, until=100) == []
    assert reached(one, until=101) == [Piece(90, 101, (100,))]
    assert reached(one, until=120) == [Piece(101, 120)]
    assert reached(one, until=121) == [Piece(120, 121, (), ends=True)]
    assert one.idle


def test_a_window_that_goes_on_is_told_in_longer_pieces_unless_it_must_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_windows, "PIECE_NS", 50)
    one = windows(after=100)

    assert reached(one, 100, until=120) == []
    assert list(one.rest(120)) == [Piece(90, 120, (100,))]
    assert reached(one, until=169) == []
    assert reached(one, until=170) == [Piece(120, 170)]
    assert reached(one, until=201) == [Piece(170, 201, (), ends=True)]
    assert one.lookback_ns == 50


def test_a_condition_must_have_been_true_long_enough_and_needs_no_later_instant_for_it() -> None:
    one = windows(after_true=50)

    assert reached(one, 100, 150, 200) == [Piece(240, 271, (250,), ends=True)]


def test_a_condition_that_ceases_at_the_very_instant_has_not_been_true_long_enough() -> None:
    assert reached(windows(after_true=50), 100, 150) == []
    assert reached(windows(after_true=50), 100, 151) == [Piece(140, 171, (150,), ends=True)]


def test_a_firing_within_an_open_window_extends_it() -> None:
    assert reached(windows(), 100, 101, 120) == [Piece(90, 141, (100, 120), ends=True)]


def test_what_a_window_has_kept_is_not_kept_by_the_next() -> None:
    assert reached(windows(), 100, 101, 121) == [
        Piece(90, 121, (100,), ends=True),
        Piece(121, 142, (121,), ends=True),
    ]


def test_a_firing_within_the_cooldown_is_left_out_with_its_whole_spell() -> None:
    one = windows(cooldown=100)

    assert [piece.fired_ns for piece in reached(one, 100, 150, 199, 250, 300)] == [(100,), (300,)]
    assert (one.fired, one.suppressed) == (2, 1)


def test_a_cooldown_is_over_at_its_end() -> None:
    assert [piece.fired_ns for piece in reached(windows(cooldown=100), 100, 150, 200)] == [(100,), (200,)]


def test_while_it_is_true_everything_is_kept_and_a_window_around_it() -> None:
    one = windows(trigger=Trigger.WHILE)

    assert reached(one, 100, until=500) == [Piece(90, 500, (100,))]
    assert list(one.reach([Turn(600, true=False)], 610, lambda _: True)) == [Piece(500, 610)]
    assert reached(one, until=LATER_NS) == [Piece(610, 621, (), ends=True)]


def test_while_with_a_delay_begins_where_the_truth_began() -> None:
    one = windows(trigger=Trigger.WHILE, after_true=50)

    assert reached(one, 100, 200) == [Piece(90, 221, (150,), ends=True)]
    assert one.lookback_ns == 60


def test_a_closed_gate_lets_nothing_fire() -> None:
    one = windows()

    assert reached(one, 100, is_open=False) == []
    assert (one.fired, one.suppressed) == (0, 1)


@pytest.mark.parametrize("trigger", Trigger)
def test_everything_moves_with_the_clock(trigger: Trigger) -> None:
    one, moved = windows(trigger=trigger, after_true=5), windows(trigger=trigger, after_true=5)
    expected = reached(one, 100, until=103) + reached(one, until=110)
    expected += list(one.reach([Turn(115, true=False), Turn(117, true=True)], LATER_NS, lambda _: True))

    found = reached(moved, 100, until=103)
    moved.shift(1000)
    found += reached(moved, until=1110)
    moved.shift(-500)
    found += list(moved.reach([Turn(615, true=False), Turn(617, true=True)], LATER_NS, lambda _: True))

    assert [piece.end_ns - piece.begin_ns for piece in found[:-1]] == [
        piece.end_ns - piece.begin_ns for piece in expected[:-1]
    ]
    assert found[0].fired_ns == (1105,)
    assert [piece.ends for piece in found] == [piece.ends for piece in expected]


def test_a_firing_that_is_not_told_yet_moves_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_windows, "PIECE_NS", 10**9)
    one = windows()
    assert reached(one, 100, until=101) == []

    one.shift(1000)

    assert reached(one, until=1121) == [Piece(1090, 1121, (1100,), ends=True)]

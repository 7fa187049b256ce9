"""Missed cycles against a slow reference: a dictionary a message, frame by frame."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.catalog import Catalog, Database, Message
from edge_agent.decode.cycles import SILENCE_NS, Cycles
from edge_agent.decode.expected import Expected
from edge_agent.decode.plan import compile_plan

MS = 1_000_000
CYCLES_MS = (0, 10, 100, 0, 25)
"""of messages 0..4"""


def expected(cycles_ms: Sequence[int] = CYCLES_MS) -> Expected:
    messages = tuple(Message(f"M{i}", i, 8, (), cycle_ns=cycle * MS) for i, cycle in enumerate(cycles_ms))
    return compile_plan(Catalog([("a", [Database("a.dbc", messages)])]), ()).expected


def missed(
    frames: Sequence[tuple[int, int]], cuts: Sequence[int] = (), cycles_ms: Sequence[int] = CYCLES_MS
) -> list[int]:
    """How many frames each message missed, of (t_ms, message), fed in parts."""
    cycles, counts = Cycles(expected(cycles_ms)), 0
    names: set[int] = set()
    ends = [*sorted(cuts), len(frames)]
    for begin, end in zip([0, *ends], ends, strict=False):
        t_ms, message = zip(*frames[begin:end], strict=True) if begin < end else ((), ())
        found = cycles.feed(np.array(t_ms, np.int64) * MS, np.array(message, np.int64), np.ones(end - begin, np.bool_))
        assert (found.count > 0) == bool(found.messages)
        counts += found.count
        names |= set(found.messages)
    return [counts, *sorted(names)]


def reference(frames: Sequence[tuple[int, int]], cycles_ms: Sequence[int] = CYCLES_MS) -> list[int]:
    bus_ms, before_ms = 0, frames[0][0] if frames else 0
    last: dict[int, int] = {}
    gaps: list[tuple[int, int]] = []
    for t_ms, message in frames:
        step = t_ms - before_ms
        bus_ms, before_ms = bus_ms + (step if 0 <= step < SILENCE_NS // MS else 0), t_ms
        if message in last:
            gaps.append((message, bus_ms - last[message]))
        last[message] = bus_ms
    gaps += [(message, bus_ms - came) for message, came in last.items()]
    found = {
        message: sum(
            max(0, ceil(Fraction(gap, cycles_ms[message]) - Fraction(1, 2)) - 1) for m, gap in gaps if m == message
        )
        for message in last
        if cycles_ms[message]
    }
    return [sum(found.values()), *sorted(message for message, count in found.items() if count)]


STEPS = st.one_of(st.integers(0, 30), st.integers(0, 400), st.sampled_from([-5000, 9_999, 10_000, 3_600_000]))


@given(st.lists(st.tuples(STEPS, st.integers(0, 4)), max_size=60), st.sets(st.integers(0, 60), max_size=5))
def test_what_is_missed_is_what_a_slow_count_finds_wherever_blocks_are_cut(
    steps: list[tuple[int, int]], cuts: set[int]
) -> None:
    frames, t_ms = [], 1_000_000
    for step, message in steps:
        t_ms += step
        frames.append((t_ms, message))

    assert missed(frames, [cut for cut in cuts if cut <= len(frames)]) == reference(frames)


def test_a_frame_may_be_half_a_cycle_late() -> None:
    assert missed([(0, 2), (150, 2), (300, 2)]) == [0]
    assert missed([(0, 2), (151, 2)]) == [1, 2]
    assert missed([(0, 2), (250, 2)]) == [1, 2]
    assert missed([(0, 2), (251, 2)]) == [2, 2]
    assert missed([(0, 2), (1000, 2)]) == [9, 2]


def test_a_message_that_falls_silent_is_missed_as_time_goes_on_and_not_again_when_it_comes_back() -> None:
    cycles = Cycles(expected())

    def feed(*frames: tuple[int, int]) -> int:
        t_ms, message = zip(*frames, strict=True)
        return cycles.feed(np.array(t_ms) * MS, np.array(message), np.ones(len(frames), np.bool_)).count

    assert feed((0, 2), (1, 0)) == 0
    assert feed((1000, 0)) == 9
    assert feed((2000, 0)) == 10
    assert feed((2001, 2)) == 0
    assert feed((2100, 2)) == 0


def test_a_message_that_never_came_is_not_missed() -> None:
    assert missed([(0, 0), (5000, 0)]) == [0]


def test_a_bus_that_sleeps_misses_nothing_and_one_that_stutters_does() -> None:
    assert missed([(0, 2), (10_000, 2), (10_100, 2)]) == [0]
    assert missed([(0, 2), (9_999, 2)]) == [99, 2]


def test_a_clock_that_is_set_back_makes_nobody_late() -> None:
    assert missed([(100_000, 2), (100_100, 2), (0, 2), (100, 2), (200, 2)]) == [0]


def test_frames_that_are_no_message_let_time_go_on_and_nothing_else() -> None:
    cycles = Cycles(expected())
    found = cycles.feed(
        np.array([0, 100, 200, 300, 400]) * MS, np.array([2, 2, 2, 2, 2]), np.array([True, False, False, False, True])
    )

    assert (found.count, found.messages) == (3, (2,))


def test_after_a_loss_of_our_own_nobody_is_missed() -> None:
    cycles = Cycles(expected())
    cycles.feed(np.array([0]), np.array([2]), np.ones(1, np.bool_))

    cycles.forget()

    assert cycles.feed(np.array([5000 * MS]), np.array([2]), np.ones(1, np.bool_)).count == 0


def test_hundreds_of_messages_are_told_apart() -> None:
    many = [100] * 300
    frames = [(t_ms, message) for t_ms in (0, 100, 200, 400) for message in range(300) if (t_ms, message) != (100, 299)]

    assert missed(frames, cycles_ms=many) == [301, *range(300)]

"""The promise is told to a reader of the payload: so these tests read what is kept as a reader would."""

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.rules import Bounded
from edge_agent.policy.swinging_door import SwingingDoorKeeper
from edge_agent.records import TimeUnit
from tests.policy.streams import (
    FORWARD,
    FORWARD_AND_BACK,
    SIGNALS,
    Sample,
    bounded,
    cuts,
    info,
    judged,
    sample,
    samples_of,
    steps_back,
    streams,
    told,
)

Point = tuple[int, float]
"""time in the payload's unit, value"""


def in_unit(unit: TimeUnit, max_error: float, max_hold_ns: int = 10**18) -> Bounded:
    return bounded(max_error, max_hold_ns, about=info("lines", "on_change", unit=unit))


def reconstructed(points: Sequence[Point], t: int) -> list[float]:
    """What straight lines between kept samples give at a time; several where several samples stand there."""
    here = [value for at, value in points if at == t and math.isfinite(value)]
    if here:
        return here
    after = bisect_left([at for at, _ in points], t)
    (t0, v0), (t1, v1) = points[after - 1], points[after]
    return [v0 + (v1 - v0) * ((t - t0) / (t1 - t0))]


def exactly(points: Sequence[Point], t: int) -> Fraction:
    after = bisect_left([at for at, _ in points], t)
    (t0, v0), (t1, v1) = points[after - 1], points[after]
    return Fraction(v0) + (Fraction(v1) - Fraction(v0)) * Fraction(t - t0, t1 - t0)


def assert_within(rule: Bounded, stream: Sequence[Sample], kept: Sequence[tuple[int, int, int]]) -> None:
    """Every finite sample of a stream in time order has a line near it, and nothing else was kept than samples."""
    unit = int(rule.info.time_unit)
    for signal in range(len(SIGNALS)):
        mine = [one for one in stream if one.signal == signal]
        value_of = {(one.t_ns, one.raw): one.value for one in mine}
        assert all((t_ns, raw) in value_of for column, t_ns, raw in kept if column == signal)
        points = [(t_ns // unit, value_of[t_ns, raw]) for column, t_ns, raw in kept if column == signal]
        for one in mine:
            if math.isfinite(one.value):
                assert (
                    min(abs(value - one.value) for value in reconstructed(points, one.t_ns // unit)) <= rule.max_error
                )


units = st.sampled_from(list(TimeUnit))
bounds = st.sampled_from([0.3, 0.5, 1.0, 2.0])


@given(data=st.data(), unit=units, max_error=bounds, max_hold_ns=st.sampled_from([1, 60, 10**18]))
def test_wherever_the_stream_is_cut_the_same_is_kept_and_lines_pass_every_sample_within_the_bound(
    data: st.DataObject, unit: TimeUnit, max_error: float, max_hold_ns: int
) -> None:
    scale = int(unit) // data.draw(st.sampled_from([1, 50])) or 1
    stream = [one._replace(t_ns=one.t_ns * scale) for one in data.draw(streams(FORWARD))]
    rule = in_unit(unit, max_error, max_hold_ns * scale)

    found = judged(SwingingDoorKeeper([rule]), stream, data.draw(cuts(stream)))

    assert found == judged(SwingingDoorKeeper([rule]), stream, [slice(i, i + 1) for i in range(len(stream))])
    assert_within(rule, stream, found_in_order(found, stream))


def found_in_order(found: Sequence[tuple[int, int, int]], stream: Sequence[Sample]) -> list[tuple[int, int, int]]:
    """Kept samples in the order of the stream, which equal times need."""
    left = list(found)
    ordered = []
    for one in stream:
        if (one.signal, one.t_ns, one.raw) in left:
            left.remove((one.signal, one.t_ns, one.raw))
            ordered.append((one.signal, one.t_ns, one.raw))
    return ordered


def drive(seed: int, count: int, noise: float) -> list[Sample]:
    """A value that wanders, rests, and jumps now and then, with times that are not even."""
    chance = random.Random(seed)  # noqa: S311  the same drive each time
    found: list[Sample] = []
    t_ns, value, slope = 10**18, 100.0, 0.0
    for _ in range(count):
        t_ns += chance.randrange(1, 20_000_000)
        slope = slope if chance.random() < 0.95 else chance.choice([0.0, chance.uniform(-3, 3)])
        value += slope + (chance.uniform(-80, 80) if chance.random() < 0.01 else 0.0)
        found.append(Sample(t_ns, 2, len(found), value + chance.uniform(-noise, noise)))
    return found


@pytest.mark.parametrize("unit", list(TimeUnit))
@pytest.mark.parametrize("noise", [0.0, 0.2, 1e-9])
@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e290])
def test_lines_stay_within_the_bound_to_the_last_bit(unit: TimeUnit, noise: float, scale: float) -> None:
    rule = in_unit(unit, 0.5 * scale)
    stream = [one._replace(value=one.value * scale) for one in drive(1, 2000, noise)]

    found = told(SwingingDoorKeeper([rule]).keep(samples_of(stream)))

    points = [(t_ns // unit, stream[raw].value) for _, t_ns, raw in found]
    times = [t for t, _ in points]
    assert len(points) < len(stream) / 3
    for one in stream[: found[-1][2]]:
        t = one.t_ns // unit
        assert min(abs(value - one.value) for value in reconstructed(points, t)) <= rule.max_error
        if t not in times:
            assert abs(exactly(points, t) - Fraction(one.value)) <= rule.max_error


@given(
    values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=30),
    steps=st.lists(st.integers(0, 5), min_size=30, max_size=30),
    max_error=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
def test_the_bound_holds_for_any_floats_at_any_times(values: list[float], steps: list[int], max_error: float) -> None:
    times = np.cumsum(steps).tolist()
    stream = [Sample(times[i], 2, i, value) for i, value in enumerate(values)]
    rule = in_unit(TimeUnit.NS, max_error)
    judge = SwingingDoorKeeper([rule])

    found = told(judge.keep(samples_of(stream))) + told(judge.rest())

    assert_within(rule, stream, found)


@given(data=st.data(), max_error=bounds)
def test_a_clock_that_steps_back_ends_a_line_and_begins_another(data: st.DataObject, max_error: float) -> None:
    # Numbered, so that samples of one time on both sides of a step are told apart.
    stream = [one._replace(raw=i) for i, one in enumerate(data.draw(streams(FORWARD_AND_BACK)))]
    rule = in_unit(TimeUnit.NS, max_error)

    found = found_in_order(judged(SwingingDoorKeeper([rule]), stream, data.draw(cuts(stream))), stream)

    for signal in range(len(SIGNALS)):
        mine = [one for one in stream if one.signal == signal]
        edges = [0, *steps_back(mine), len(mine)]
        kept = [one for one in found if one[0] == signal]
        for begin, end in pairwise(edges):
            run = mine[begin:end]
            count = len(found_in_order(kept, run))
            assert_within(rule, run, kept[:count])
            kept = kept[count:]


@given(
    data=st.data(),
    unit=units,
    max_error=bounds,
    max_hold_ns=st.sampled_from([20_000_000, 10**18]),
    delta_ns=st.integers(-(10**18), 10**18),
)
def test_after_a_shift_lines_still_pass_every_sample_and_by_whole_units_nothing_else_is_kept(
    data: st.DataObject, unit: TimeUnit, max_error: float, max_hold_ns: int, delta_ns: int
) -> None:
    delta_ns = data.draw(st.sampled_from([delta_ns, delta_ns // unit * unit]))
    stream = [one._replace(t_ns=one.t_ns * 300_000) for one in data.draw(streams())]
    at = data.draw(st.integers(0, len(stream)))
    rule = in_unit(unit, max_error, max_hold_ns)
    judge = SwingingDoorKeeper([rule])
    whole = delta_ns // unit * unit

    before = [(column, t_ns + whole, raw) for column, t_ns, raw in told(judge.keep(samples_of(stream[:at])))]
    judge.shift(delta_ns)
    moved = [one._replace(t_ns=one.t_ns + whole) for one in stream]
    late = [one._replace(t_ns=one.t_ns + delta_ns) for one in stream[at:]]
    after = told(judge.keep(samples_of(late))) + told(judge.rest())

    assert_within(rule, moved[:at] + late, found_in_order(before + after, moved[:at] + late))
    if delta_ns == whole:
        assert sorted(before + after) == judged(SwingingDoorKeeper([rule]), moved, [slice(0, len(moved))])


# --- by example ----------------------------------------------------------------------------------


def kept(judge: SwingingDoorKeeper, *samples: Sample) -> list[int]:
    return [t_ns for _, t_ns, _ in told(judge.keep(samples_of(samples)))]


def due(judge: SwingingDoorKeeper, until_ns: int) -> list[int]:
    return [t_ns for _, t_ns, _ in told(judge.due(until_ns))]


def lines(max_error: float = 1.0, max_hold_ns: int = 10**18) -> SwingingDoorKeeper:
    return SwingingDoorKeeper([in_unit(TimeUnit.NS, max_error, max_hold_ns)])


def test_of_a_straight_line_only_the_ends_are_kept() -> None:
    judge = lines()

    assert kept(judge, *(sample(t, 1, 3 * t) for t in range(100))) == [0]
    assert told(judge.rest()) == [(1, 99, 297)]
    assert not len(judge.rest())


def test_a_corner_is_kept_when_the_line_behind_it_would_miss_it() -> None:
    judge = lines(0.5)

    up_and_down = [sample(t, 1, 2 * min(t, 20 - t)) for t in range(20)]

    assert kept(judge, *up_and_down) == [0, 10]


def test_a_jump_keeps_what_was_before_it_and_where_it_landed() -> None:
    judge = lines()

    assert kept(judge, *(sample(t, 1, 0 if t < 50 else 90) for t in range(100))) == [0, 49, 50]


def test_a_value_at_rest_is_told_once_in_the_time_it_may_be_held() -> None:
    judge = lines(max_hold_ns=100)

    assert kept(judge, *(sample(t, 1, 7) for t in range(0, 1000, 10))) == [0, *range(90, 990, 90)]


def test_a_held_sample_is_let_go_when_its_time_is_over_though_nothing_comes_any_more() -> None:
    judge = lines(max_hold_ns=100)
    kept(judge, sample(0, 1, 7), sample(40, 1, 7))

    assert due(judge, 99) == []
    assert due(judge, 100) == [40]
    assert due(judge, 10**17) == []


def test_when_the_clock_steps_back_both_sides_of_the_step_are_kept_at_once() -> None:
    judge = lines()

    assert kept(judge, sample(1000, 1, 7), sample(1010, 1, 7)) == [1000]
    assert kept(judge, sample(500, 1, 7)) == [1010, 500]
    assert kept(judge, sample(510, 1, 7)) == []
    assert due(judge, 10**18 + 500) == [510]


def test_what_is_no_number_is_kept_from_its_first_to_its_last_sample_and_breaks_the_lines() -> None:
    judge = lines()
    numbers = [1.0, 1.0, 1.0, math.nan, math.nan, math.nan, 1.0, 1.0, math.inf, -math.inf, 1.0]

    assert kept(judge, *(sample(t, 2, number) for t, number in enumerate(numbers))) == [0, 2, 3, 5, 6, 7, 8, 9, 10]


def test_samples_of_one_time_in_the_payload_are_kept_if_they_are_apart() -> None:
    judge = SwingingDoorKeeper([in_unit(TimeUnit.MS, 1.0)])
    numbers = [0, 1, 50, 51, 0, 0, 0]

    found = kept(judge, *(sample(t, 1, number) for t, number in enumerate(numbers)), sample(1_000_000, 1, 0))

    assert found == [0, 2, 4]


def test_a_bound_finer_than_a_float_can_tell_keeps_every_sample() -> None:
    judge = lines(1e-20)

    assert kept(judge, *(sample(t, 1, 3 * t) for t in range(100))) == list(range(99))


def test_rules_have_doors_of_their_own() -> None:
    fine, coarse = in_unit(TimeUnit.NS, 0.5), replace(in_unit(TimeUnit.NS, 50.0), signals=np.arange(1))
    judge = SwingingDoorKeeper([fine, coarse])
    zigzag = [sample(t, slot, 10 * (t % 2)) for t in range(10) for slot in (1,)]

    found = told(judge.keep(samples_of([one._replace(signal=slot) for one in zigzag for slot in (1, 3)])))

    assert [(slot, t_ns) for slot, t_ns, _ in found] == [*((1, t) for t in range(9)), (3, 0)]

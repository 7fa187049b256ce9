import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import condition_windows
from edge_agent.policy.condition_windows import Average, Extreme
from edge_agent.records import F64, RawKind, SignalInfo

TEMPERATURE = SignalInfo("Oil.Temperature", "degC", 0.1, -40.0, RawKind.UNSIGNED, 8)
CURRENT = SignalInfo("Cell.Current", "A", 1.0, 0.0, RawKind.FLOAT, 32)
SPAN_NS = 50

FLOATS = st.sampled_from([0.1, -0.3, 2.0, 1e300, -1e300, 5e-324])


def averages(signal: SignalInfo, numbers: Sequence[float], cuts: Sequence[int] = ()) -> F64:
    """The mean at each of a stream of samples 10 ns apart, which comes in parts."""
    window = Average(signal, SPAN_NS)
    t_ns = 10 * np.arange(len(numbers))
    values = np.array(numbers, np.float64)
    raws = values.view(np.int64) if signal.kind is RawKind.FLOAT else values.astype(np.int64)
    found = []
    for part in np.split(np.arange(len(numbers)), cuts):
        if len(part):
            window.add(t_ns[part], raws[part], values[part] * signal.factor + signal.offset)
            found.append(window.over(t_ns[part] - SPAN_NS, np.arange(len(part))[::-1]))
    return np.concatenate(found)


def largest(numbers: Sequence[float], cuts: Sequence[int] = ()) -> list[float]:
    window = Extreme()
    found: list[float] = []
    for part in map(np.ndarray.tolist, np.split(np.arange(len(numbers)), cuts)):
        t_ns = [10 * i for i in part]
        since = [one - SPAN_NS for one in t_ns]
        found += window.over(since, range(1, len(part) + 1), t_ns, [numbers[i] for i in part])
    return found


def test_the_mean_is_that_of_the_samples_later_than_its_span_ago() -> None:
    assert averages(TEMPERATURE, [10, 20, 30, 40, 50, 60, 70]).tolist() == pytest.approx(
        [-39.0, -38.5, -38.0, -37.5, -37.0, -36.0, -35.0]
    )


@given(st.lists(FLOATS, min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=4).map(sorted))
def test_the_mean_of_floats_is_exact_whatever_went_through_the_window(numbers: list[float], cuts: list[int]) -> None:
    windows = [numbers[max(0, i - 4) : i + 1] for i in range(len(numbers))]

    assert averages(CURRENT, numbers, cuts).tolist() == [float(sum(map(Fraction, one)) / len(one)) for one in windows]


def test_a_sample_that_is_no_finite_number_makes_the_mean_unknown_while_it_is_in_the_window() -> None:
    found = averages(CURRENT, [1.0, math.inf, 1.0, 1.0, 1.0, 1.0, 1.0, math.nan])

    assert np.isnan(found).tolist() == [False, True, True, True, True, True, False, True]


def test_where_no_sample_is_in_the_window_nothing_is_known() -> None:
    average, extreme = Average(TEMPERATURE, SPAN_NS), Extreme()
    one = np.array([0], np.int64)
    average.add(one, one, one.astype(np.float64))

    with np.errstate(invalid="ignore"):
        assert np.isnan(average.over(np.array([-1, 0]), np.array([0, 0]))).tolist() == [False, True]
    assert np.isnan(extreme.over([-1, 0], [1, 1], [0], [0.0])).tolist() == [False, True]


@given(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, math.inf, math.nan]), min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=4).map(sorted),
)
def test_the_largest_is_found_wherever_the_samples_are_cut(numbers: list[float], cuts: list[int]) -> None:
    expected = [np.max(numbers[max(0, i - 4) : i + 1]) for i in range(len(numbers))]

    np.testing.assert_array_equal(largest(numbers, cuts), expected)


def test_of_more_samples_than_a_window_holds_the_newest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition_windows, "WINDOW_SAMPLES", 2)

    assert averages(CURRENT, [8.0, 1.0, 3.0, 5.0]).tolist() == [8.0, 4.5, 2.0, 4.0]
    assert largest([8.0, 1.0, 3.0, 5.0, 4.0, 3.0]) == [8.0, 8.0, 3.0, 5.0, 5.0, 4.0]


def test_a_long_stream_takes_no_more_room_than_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition_windows, "WINDOW_SAMPLES", 100)
    numbers = [float(i % 7) for i in range(5000)]

    found = averages(TEMPERATURE, numbers, range(3, 5000, 3))

    windows = [numbers[max(0, i - 4) : i + 1] for i in range(5000)]
    assert found.tolist() == [sum(window) / len(window) * 0.1 - 40.0 for window in windows]

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import condition_windows
from edge_agent.policy.condition_windows import Averages, first_beyond, is_short
from edge_agent.records import RawKind, SignalInfo

TEMPERATURE = SignalInfo("Oil.Temperature", "degC", 0.1, -40.0, RawKind.UNSIGNED, 8)
CURRENT = SignalInfo("Cell.Current", "A", 1.0, 0.0, RawKind.FLOAT, 32)
SPAN_NS = 50

FLOATS = st.sampled_from([0.1, -0.3, 2.0, 1e300, -1e300, 5e-324])


def averages(
    signal: SignalInfo, numbers: Sequence[float], cuts: Sequence[int] = (), *, span_ns: int = SPAN_NS
) -> list[float]:
    """The mean at each of a stream of samples 10 ns apart, which comes in parts; the same of two signals at once."""
    windows = Averages([signal, signal], [span_ns, 2 * span_ns], short=is_short(signal))
    t_ns = 10 * np.arange(len(numbers))
    values = np.array(numbers, np.float64)
    raws = values.view(np.int64) if signal.kind is RawKind.FLOAT else values.astype(np.int64)
    found: list[float] = []
    for part in np.split(np.arange(len(numbers)), cuts):
        twice = np.concatenate([part, part])
        counts = np.array([len(part), len(part)])
        windows.add(counts, t_ns[twice], raws[twice], values[twice] * signal.factor + signal.offset)
        ahead = np.arange(len(part))[::-1]
        one, other = (windows.over(np.full_like(part, i), t_ns[part] - span_ns, ahead).tolist() for i in (0, 1))
        np.testing.assert_array_equal(one, other)
        found += one
    return found


def test_the_mean_is_that_of_the_samples_later_than_its_span_ago() -> None:
    assert averages(TEMPERATURE, [10, 20, 30, 40, 50, 60, 70]) == pytest.approx(
        [-39.0, -38.5, -38.0, -37.5, -37.0, -36.0, -35.0]
    )


@given(st.lists(FLOATS, min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=4).map(sorted))
def test_the_mean_of_floats_is_exact_whatever_went_through_the_window(numbers: list[float], cuts: list[int]) -> None:
    windows = [numbers[max(0, i - 4) : i + 1] for i in range(len(numbers))]

    assert averages(CURRENT, numbers, cuts) == [float(sum(map(Fraction, one)) / len(one)) for one in windows]


def test_a_sample_that_is_no_finite_number_makes_the_mean_unknown_while_it_is_in_the_window() -> None:
    found = averages(CURRENT, [1.0, math.inf, 1.0, 1.0, 1.0, 1.0, 1.0, math.nan])

    assert np.isnan(found).tolist() == [False, True, True, True, True, True, False, True]


def test_where_no_sample_is_in_the_window_nothing_is_known() -> None:
    windows = Averages([TEMPERATURE], [SPAN_NS], short=True)
    windows.add(np.array([1]), np.array([0]), np.array([7]), np.array([0.7]))

    assert np.isnan(windows.over(np.array([0, 0]), np.array([-1, 0]), np.array([0, 0]))).tolist() == [False, True]


def test_of_more_samples_than_a_window_holds_the_newest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition_windows, "WINDOW_SAMPLES", 2)

    assert averages(CURRENT, [8.0, 1.0, 3.0, 5.0]) == [8.0, 4.5, 2.0, 4.0]


@pytest.mark.parametrize("held", [5, 100, 700])
def test_a_long_stream_goes_through_a_window_of_any_length(held: int) -> None:
    numbers = [float(i * i % 97) for i in range(3000)]

    found = averages(TEMPERATURE, numbers, range(7, 3000, 7), span_ns=10 * held)

    windows = [numbers[max(0, i + 1 - held) : i + 1] for i in range(len(numbers))]
    assert found == [sum(window) / len(window) * 0.1 - 40.0 for window in windows]


@given(st.lists(st.integers(0, 9), max_size=8).map(sorted), st.integers(-1, 10), st.data())
def test_the_first_beyond_a_bound_is_found(numbers: list[int], bound: int, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(numbers)))
    end = data.draw(st.integers(begin, len(numbers)))

    found = first_beyond(np.array([begin]), np.array([end]), (np.array([*numbers, 0]), np.array([bound])))

    assert found.tolist() == [next((i for i in range(begin, end) if numbers[i] > bound), end)]

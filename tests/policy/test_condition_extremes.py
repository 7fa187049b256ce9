import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import condition_extremes
from edge_agent.policy.condition_extremes import Extremes
from edge_agent.records import F64, I64

SPANS_NS = (50, 20)
NUMBERS = st.lists(st.sampled_from([1.0, 2.0, 3.0, math.inf, -math.inf, math.nan]), max_size=30)
CUTS = st.lists(st.integers(0, 30), max_size=4).map(sorted)


def largest(streams: Sequence[Sequence[float]], cuts: Sequence[int] = ()) -> list[list[float]]:
    """Of a window for each stream of samples 10 ns apart, asked at each sample and 5 ns after it."""
    windows = Extremes(len(streams))
    found: list[list[float]] = [[] for _ in streams]
    for begin, end in pairwise([0, *cuts, 100]):
        parts = [range(len(stream))[begin:end] for stream in streams]
        times = [
            [10 * i + late - span for i in part for late in (0, 5)] for part, span in zip(parts, SPANS_NS, strict=False)
        ]
        answers = windows.over(
            np.array([2 * len(part) for part in parts]),
            np.array([one for part in times for one in part], np.int64),
            np.array([nth for part in parts for i in range(len(part)) for nth in (i + 1, i + 1)], np.int64),
            new=np.array([len(part) for part in parts]),
            t_ns=np.array([10 * i for part in parts for i in part], np.int64),
            value=np.array([stream[i] for stream, part in zip(streams, parts, strict=True) for i in part], np.float64),
        ).tolist()
        for window, part in zip(found, parts, strict=True):
            window.extend(answers[: 2 * len(part)])
            del answers[: 2 * len(part)]
    return found


def asked(windows: Extremes, counts: I64, since_ns: I64) -> F64:
    """Without a new sample."""
    nothing = np.array([], np.int64)
    return windows.over(
        counts,
        since_ns,
        np.zeros_like(since_ns),
        new=np.zeros_like(counts),
        t_ns=nothing,
        value=nothing.astype(np.float64),
    )


@given(NUMBERS, NUMBERS, CUTS)
def test_the_largest_of_each_window_is_found_wherever_the_samples_are_cut(
    one: list[float], other: list[float], cuts: list[int]
) -> None:
    expected = [
        [np.max(stream[max(0, i + 1 - span // 10) : i + 1]) for i in range(len(stream)) for _ in range(2)]
        for stream, span in zip((one, other), SPANS_NS, strict=True)
    ]

    for found, right in zip(largest([one, other], cuts), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_where_no_sample_is_in_the_window_nothing_is_known() -> None:
    windows = Extremes(2)
    one = np.array([0, 1])
    windows.over(one, np.array([-1]), np.array([1]), new=one, t_ns=np.array([0]), value=np.array([7.0]))

    found = asked(windows, np.array([1, 2]), np.array([5, -1, 0]))

    np.testing.assert_array_equal(found, [np.nan, 7.0, np.nan])


def test_of_more_samples_than_a_window_holds_the_newest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition_extremes, "WINDOW_SAMPLES", 2)

    for cuts in ([], [1, 3], [2, 4]):
        (found,) = largest([[8.0, 1.0, 3.0, 5.0, 4.0, 3.0]], cuts)
        assert found[::2] == [8.0, 8.0, 3.0, 5.0, 5.0, 4.0]


def test_a_shift_moves_what_is_held() -> None:
    windows = Extremes(1)
    one = np.array([1])
    windows.over(one, np.array([-1]), one, new=one, t_ns=np.array([0]), value=np.array([7.0]))

    windows.shift(100)

    np.testing.assert_array_equal(asked(windows, np.array([2]), np.array([99, 100])), [7.0, np.nan])

"""Numbers at their limits, through the keeper that keeps them; test_periodic.py holds it against the oracle."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.aggregates import column_info
from edge_agent.policy.bank import columns_of
from edge_agent.policy.kept import Samples
from edge_agent.policy.periodic import PeriodicKeeper
from edge_agent.policy.rules import Aggregate, Periodic
from edge_agent.records import RawKind, SignalInfo
from tests.policy.by_hand import mean
from tests.policy.streams import LOOSE, info, raw_of, told

KEEP = (Aggregate.MIN, Aggregate.MAX, Aggregate.MEAN, Aggregate.COUNT)
LARGEST = 1.7976931348623157e308


def signal(kind: RawKind, bits: int = 64, factor: float = 1.0, offset: float = 0.0) -> SignalInfo:
    return SignalInfo("S", "V", factor, offset, kind, bits)


def aggregates(one: SignalInfo, *numbers: float, parts: int = 1) -> list[float]:
    """Minimum, maximum, mean and count of a window, as a payload tells them; the samples come in so many parts."""
    judge = PeriodicKeeper([Periodic(info(), np.arange(1), LOOSE, 10**9, KEEP)], [one])
    for part in np.array_split(np.array([raw_of(one, number) for number in numbers], np.int64), parts):
        zeros = np.zeros(len(part), np.int64)
        judge.keep(Samples(zeros, zeros, part, zeros.astype(np.float64)))
    found = sorted(told(judge.rest()))
    return [number(column_info(one, which).signal, raw) for which, (_, _, raw) in zip(KEEP, found, strict=True)]


def number(one: SignalInfo, raw: int) -> float:
    if one.kind is RawKind.FLOAT:
        found: float = struct.unpack("<d", struct.pack("<q", raw))[0]
        return found
    return raw % (1 << 64) if one.kind is RawKind.UNSIGNED else raw


def test_integers_are_exact_to_the_last_of_64_bits() -> None:
    top = (1 << 64) - 1

    assert aggregates(signal(RawKind.UNSIGNED), top, 1 << 63, 0, top) == [0, top, (2 * top + (1 << 63)) / 4, 4]
    low, high = -(1 << 63), (1 << 63) - 1
    assert aggregates(signal(RawKind.SIGNED), high, low, high) == [low, high, (2 * high + low) / 3, 3]


def test_the_smallest_value_of_a_signal_with_a_negative_factor_is_its_largest_number() -> None:
    for kind in RawKind:
        assert aggregates(signal(kind, factor=-2.0, offset=1.0), 5, 7, 6) == [7, 5, -11.0, 3]
    below = aggregates(signal(RawKind.FLOAT, factor=-1.0), -3.0, 4.0, -5.0, math.nan)
    assert below == [4.0, -5.0, 4 / 3, 4]


def test_a_mean_is_in_the_signals_unit() -> None:
    assert aggregates(signal(RawKind.UNSIGNED, 16, 0.5, -40.0), 1, 2, 4)[2] == 7 / 3 * 0.5 - 40


def test_a_nan_counts_and_takes_no_other_part() -> None:
    assert aggregates(signal(RawKind.FLOAT), math.nan, 2.0, 4.0, math.nan) == [2.0, 4.0, 3.0, 4]


def test_of_nans_alone_all_but_the_count_is_nan() -> None:
    for factor in (1.0, -1.0):
        smallest, largest, average, count = aggregates(signal(RawKind.FLOAT, factor=factor), math.nan, -math.nan)

        assert (math.isnan(smallest), math.isnan(largest), math.isnan(average), count) == (True, True, True, 2)


def test_an_infinity_is_a_number() -> None:
    assert aggregates(signal(RawKind.FLOAT), 1.0, math.inf, 2.0) == [1.0, math.inf, math.inf, 3]
    smallest, largest, average, _ = aggregates(signal(RawKind.FLOAT), math.inf, -math.inf, 3.0)
    assert (smallest, largest, math.isnan(average)) == (-math.inf, math.inf, True)


def test_a_sum_beyond_the_largest_float_has_a_mean_all_the_same() -> None:
    assert aggregates(signal(RawKind.FLOAT), LARGEST, LARGEST, LARGEST, parts=2)[2] == LARGEST
    assert aggregates(signal(RawKind.FLOAT), LARGEST, 5e-324, -LARGEST)[2] == 5e-324 / 3


@pytest.mark.parametrize("kind", list(RawKind))
@given(data=st.data())
def test_the_parts_in_which_samples_come_make_no_difference_to_any_bit(kind: RawKind, data: st.DataObject) -> None:
    any_number = (
        st.floats() if kind is RawKind.FLOAT else st.integers(-(1 << 63) * (kind is RawKind.SIGNED), (1 << 63) - 1)
    )
    numbers = data.draw(st.lists(any_number, min_size=1, max_size=12))

    whole = aggregates(signal(kind), *numbers)

    assert repr(aggregates(signal(kind), *numbers, parts=data.draw(st.integers(1, 5)))) == repr(whole)
    assert repr(whole[2]) == repr(mean([one for one in numbers if not math.isnan(one)]))


def test_a_mean_has_a_column_in_the_signals_unit_and_a_count_one_without() -> None:
    one = signal(RawKind.UNSIGNED, 16, 0.5, -40.0)

    columns = columns_of(Periodic(info(), np.arange(1), LOOSE, 1, (Aggregate.MAX, *KEEP[2:])), [one])

    assert [column.aggregate for column in columns] == [Aggregate.MAX, Aggregate.MEAN, Aggregate.COUNT]
    assert [column.signal for column in columns] == [
        one,
        SignalInfo("S", "V", 1.0, 0.0, RawKind.FLOAT, 64),
        SignalInfo("S", "", 1.0, 0.0, RawKind.UNSIGNED, 32),
    ]

"""Minimum, maximum, mean and count of runs of samples, exact however the runs are cut. Pure.

Integers, sums and keys are whole numbers all the way, so that nothing is rounded before the end:

    min, max   the raw number of the smallest and the largest value, as it was on the bus
    mean       the exact sum of the raw numbers by their count, rounded once to a float64; then factor and offset
    count      of the samples, whatever their number

A NaN takes part in `count` alone: minimum, maximum and mean are over the numbers, and NaN where there are none. An
infinity is a number: it is a minimum or maximum, and makes the mean infinite, or NaN where both infinities came.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.policy.kept import Samples
from edge_agent.policy.rules import Aggregate, ColumnInfo
from edge_agent.records import F64, I64, Bool, RawKind, SignalInfo

Fields = dict[str, NDArray[Any]]
"""of runs or of slots; Any is a fixed type for each name: int64, but float64 for `endless` and int for `exact`"""

LOW_BITS = 32
LOW_MASK = (1 << LOW_BITS) - 1
MAGNITUDE = np.int64((1 << 63) - 1)
"""every bit but the sign; as a key it is above every number, and as a float64 a NaN"""
FLOAT_STEP_BITS = 1074
"""every finite float64 is a whole number of steps of 2 to the power of minus this (IEEE 754 binary64)"""

_MERGE: dict[str, np.ufunc] = {
    "count": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "numbers": np.add,
    "low": np.add,
    "high": np.add,
    "exact": np.add,
    "endless": np.add,
}
"""How two parts of a run become one; each is exact, and associative."""


def column_info(signal: SignalInfo, aggregate: Aggregate) -> ColumnInfo:
    """The column of an aggregate: a mean is a float in the signal's unit, a count a number without unit."""
    if aggregate is Aggregate.MEAN:
        signal = replace(signal, factor=1.0, offset=0.0, kind=RawKind.FLOAT, bits=64)
    elif aggregate is Aggregate.COUNT:
        signal = replace(signal, unit="", factor=1.0, offset=0.0, kind=RawKind.UNSIGNED, bits=32)
    return ColumnInfo(signal, aggregate)


@dataclass(frozen=True, slots=True, eq=False)
class _Kinds:
    """[slots] how to read a slot's raw number."""

    is_float: Bool
    is_unsigned: Bool
    falls: Bool
    """the factor is negative: the smallest value has the largest raw number"""


class Aggregator:
    """Computes the fields that the aggregates in `wanted` need, over slots of these signals."""

    def __init__(self, signals: Sequence[SignalInfo], wanted: Iterable[Aggregate]) -> None:
        self._signals = tuple(signals)
        self._kinds = _Kinds(
            np.array([signal.kind is RawKind.FLOAT for signal in signals], np.bool_),
            np.array([signal.kind is RawKind.UNSIGNED for signal in signals], np.bool_),
            np.array([signal.factor < 0 for signal in signals], np.bool_),
        )
        means = ["numbers", "low", "high"]
        if self._kinds.is_float.any():
            means += ["exact", "endless"]
        needs = {Aggregate.COUNT: ["count"], Aggregate.MIN: ["min"], Aggregate.MAX: ["max"], Aggregate.MEAN: means}
        self._needed = tuple(name for one in dict.fromkeys(wanted) for name in needs.get(one, ()))

    def empty(self) -> Fields:
        """A place for each slot."""
        types = {"exact": np.object_, "endless": np.float64}
        return {name: np.zeros(len(self._signals), types.get(name, np.int64)) for name in self._needed}

    def of_runs(self, samples: Samples, first: I64) -> Fields:
        """One entry a run; runs begin at the positions `first`, each of one slot."""
        if not self._needed:
            return {}
        number = samples.raw.view(np.float64)
        floats = self._kinds.is_float.take(samples.slot)
        nan = floats & np.isnan(number)
        lift: dict[str, Callable[[], NDArray[Any]]] = {
            "count": lambda: np.ones(len(samples), np.int64),
            "min": lambda: np.where(nan, MAGNITUDE, self._keys(samples)),
            "max": lambda: np.where(nan, ~MAGNITUDE, self._keys(samples)),
            "numbers": lambda: (~nan).astype(np.int64),
            "low": lambda: np.where(floats, 0, samples.raw & LOW_MASK),
            "high": lambda: np.where(floats, 0, self._high(samples)),
            "exact": partial(_exact, number, floats & np.isfinite(number)),
            "endless": lambda: np.where(floats & np.isinf(number), number, 0.0),
        }
        with np.errstate(invalid="ignore"):  # infinities of both signs
            return {name: _MERGE[name].reduceat(lift[name](), first) for name in self._needed}

    def merge(self, runs: Fields, at: I64, held: Fields, slot: I64) -> None:
        """Put what the slots held before the runs at these positions."""
        with np.errstate(invalid="ignore"):
            for name, run in runs.items():
                run[at] = _MERGE[name](held[name][slot], run[at])

    def raw(self, aggregate: Aggregate, fields: Fields, at: I64, slot: I64) -> I64:
        """What to keep of the entries `at`, which are of these slots, as a column's raw numbers."""
        if aggregate is Aggregate.MEAN:
            return self._means({name: fields[name][at] for name in fields}, slot).view(np.int64)
        found: I64 = fields[aggregate.value][at]
        return found if aggregate is Aggregate.COUNT else self._flipped(self._turned(found, slot), slot)

    def _keys(self, samples: Samples) -> I64:
        """Integers in the order of the values, NaN aside."""
        return self._turned(self._flipped(samples.raw, samples.slot), samples.slot)

    def _flipped(self, number: I64, slot: I64) -> I64:
        """Raw numbers as integers in their order, and back."""
        flip = np.where(self._kinds.is_unsigned.take(slot), ~MAGNITUDE, 0)
        # Of two negative floats the larger one has the smaller bits; their sign stays.
        flip = np.where(self._kinds.is_float.take(slot) & (number < 0), MAGNITUDE, flip)
        return number ^ flip

    def _turned(self, key: I64, slot: I64) -> I64:
        """The order of raw numbers as that of values, and back."""
        return np.where(self._kinds.falls.take(slot), ~key, key)

    def _high(self, samples: Samples) -> I64:
        """The upper half of each integer, with its sign where it has one."""
        high = samples.raw >> LOW_BITS
        return np.where(self._kinds.is_unsigned.take(samples.slot), high & LOW_MASK, high)

    def _means(self, fields: Fields, slot: I64) -> F64:
        exact = fields.get("exact", np.zeros(len(slot), np.int64))
        endless = fields.get("endless", np.zeros(len(slot)))
        columns = (fields["low"], fields["high"], exact, endless, fields["numbers"], slot)
        found = []
        for low, high, steps, limit, count, at in zip(*(column.tolist() for column in columns), strict=True):
            signal = self._signals[at]
            if signal.kind is not RawKind.FLOAT:
                mean = ((high << LOW_BITS) + low) / count
            else:
                mean = limit or (steps / (count << FLOAT_STEP_BITS) if count else float("nan"))
            found.append(mean * signal.factor + signal.offset)
        return np.array(found, np.float64)


def _exact(number: F64, finite: Bool) -> NDArray[np.object_]:
    """Each finite number as a whole number of float steps, which no sum can round."""
    found = np.zeros(len(number), np.object_)
    for i in np.flatnonzero(finite).tolist():
        top, bottom = float(number[i]).as_integer_ratio()
        found[i] = top * ((1 << FLOAT_STEP_BITS) // bottom)
    return found

"""The last value of every wanted signal. Pure; a view for in-car readers, lossy by design."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np

from edge_agent.records import F64, I64, Bool, SampleBlock, SignalInfo

Column = TypeVar("Column", I64, F64, Bool)


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The last sample of one signal."""

    name: str
    value: float
    unit: str
    t_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class LatestColumns:
    """The same as arrays, [s] as the configuration's signals; the next block changes them in place."""

    known: Bool
    value: F64
    uptime_ns: I64
    """when it was sampled, by the agent's uptime, which no setting of a clock moves"""


class Latest:
    """Remembers; a signal that a new configuration goes on wanting keeps its value."""

    def __init__(self) -> None:
        self._signals: tuple[SignalInfo, ...] = ()
        self._t_ns = np.zeros(0, np.int64)
        self._value = np.zeros(0, np.float64)
        self._known = np.zeros(0, np.bool_)
        self._uptime_ns = np.zeros(0, np.int64)

    def reconfigure(self, signals: Sequence[SignalInfo]) -> None:
        """Go on with these signals."""
        before = {signal.name: row for row, signal in enumerate(self._signals)}
        self._signals = tuple(signals)
        rows = np.array([before.get(signal.name, -1) for signal in self._signals], np.int64)
        self._t_ns, self._value = _carried(self._t_ns, rows), _carried(self._value, rows)
        self._known, self._uptime_ns = _carried(self._known, rows), _carried(self._uptime_ns, rows)

    def update(self, block: SampleBlock) -> None:
        """Take a block's samples; of several of one signal the last stays."""
        self._t_ns[block.signal] = block.t_ns
        self._value[block.signal] = block.value
        self._known[block.signal] = True
        # A recording's times are its own: of its samples is known how long before the block's end they were taken.
        zero_ns = block.epoch_ns or block.until_ns - block.uptime_ns
        self._uptime_ns[block.signal] = block.t_ns - zero_ns

    def values(self) -> list[LatestValue]:
        """Every signal that was seen, in the configuration's order."""
        return [
            LatestValue(self._signals[i].name, float(self._value[i]), self._signals[i].unit, int(self._t_ns[i]))
            for i in np.flatnonzero(self._known).tolist()
        ]

    @property
    def columns(self) -> LatestColumns:
        """For whoever looks often."""
        return LatestColumns(self._known, self._value, self._uptime_ns)


def _carried(column: Column, rows: I64) -> Column:
    """A column for other signals: from `rows` of the one before, zero where that is -1."""
    carried = np.zeros(len(rows), column.dtype)
    carried[rows >= 0] = column[rows[rows >= 0]]
    return cast("Column", carried)

"""The last value of every wanted signal. Pure; a view for in-car readers, lossy by design."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.records import SampleBlock, SignalInfo


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The last sample of one signal."""

    name: str
    value: float
    unit: str
    t_ns: int


class Latest:
    """Remembers; a signal that a new configuration goes on wanting keeps its value."""

    def __init__(self) -> None:
        self._signals: tuple[SignalInfo, ...] = ()
        self._t_ns = np.zeros(0, np.int64)
        self._value = np.zeros(0, np.float64)
        self._known = np.zeros(0, np.bool_)

    def reconfigure(self, signals: Sequence[SignalInfo]) -> None:
        """Go on with these signals."""
        before = {value.name: value for value in self.values()}
        self._signals = tuple(signals)
        carried = [before.get(signal.name) for signal in self._signals]
        self._t_ns = np.array([value.t_ns if value else 0 for value in carried], np.int64)
        self._value = np.array([value.value if value else 0.0 for value in carried], np.float64)
        self._known = np.array([value is not None for value in carried], np.bool_)

    def update(self, block: SampleBlock) -> None:
        """Take a block's samples; of several of one signal the last stays."""
        self._t_ns[block.signal] = block.t_ns
        self._value[block.signal] = block.value
        self._known[block.signal] = True

    def values(self) -> list[LatestValue]:
        """Every signal that was seen, in the configuration's order."""
        return [
            LatestValue(self._signals[i].name, float(self._value[i]), self._signals[i].unit, int(self._t_ns[i]))
            for i in np.flatnonzero(self._known).tolist()
        ]

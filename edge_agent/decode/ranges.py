"""Samples outside what the database says of their signal. Pure.

Small blocks wait until there is enough to be worth a look: it costs 2 to 4 us whatever it looks at.
"""

import numpy as np

from edge_agent.decode.expected import Expected
from edge_agent.decode.first_few import FirstFew
from edge_agent.records import F64, I64, U32, SampleBlock

ENOUGH = 2_048
"""samples; ten times as many would leave the cache, and then cost twice"""


class Ranges:
    """Compares the samples of one plan; what is not a number, or says that there is none, is not outside."""

    def __init__(self, expected: Expected, names: list[FirstFew[str]]) -> None:
        """`names`, one a bus, get those of the signals that were outside first."""
        self._expected = expected
        self._names = names
        self._named = np.zeros(len(expected.bus), np.bool_)
        self._watches = expected.any_high or expected.any_low
        self._waiting: list[tuple[U32, F64]] = []  # (signal, value), bounded by ENOUGH
        self._count = 0
        self.outside = [0] * len(names)
        """by bus, how many samples were and are not told yet"""

    def feed(self, samples: SampleBlock) -> None:
        """Look at a block, or keep it until there is enough."""
        if not self._watches or not len(samples):
            return
        self._waiting.append((samples.signal, samples.value))
        self._count += len(samples)
        if self._count >= ENOUGH:
            self.survey()

    def survey(self) -> None:
        """Look at what waits."""
        if not self._waiting:
            return
        waiting, self._waiting, self._count = self._waiting, [], 0
        signal, value = waiting[0] if len(waiting) == 1 else map(np.concatenate, zip(*waiting, strict=True))
        self._compare(signal.astype(np.intp), value)

    def _compare(self, signal: I64, value: F64) -> None:
        outside = value > self._expected.high.take(signal)
        if self._expected.any_low:
            outside |= value < self._expected.low.take(signal)
        if np.count_nonzero(outside):
            signal, value = signal[outside], value[outside]
            self._count_outside(signal[~(value >= self._expected.absent_from.take(signal))])

    def _count_outside(self, signal: I64) -> None:
        for bus, count in enumerate(np.bincount(self._expected.bus.take(signal)).tolist()):
            self.outside[bus] += count
        new = signal[~self._named.take(signal)]
        if len(new):
            self._named[new] = True
            for index in dict.fromkeys(new.tolist()):
                self._names[self._expected.bus[index]].add([self._expected.signals[index]])

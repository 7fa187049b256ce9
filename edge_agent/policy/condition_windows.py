"""Sliding windows over one signal's samples, exact however long they run. Pure.

A sum that is carried on in floating point would keep the rounding of every sample it ever held, and a single 1e300
for ever; a condition must give the same wherever the stream was cut. So sums are of integers.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_agent.records import F64, I64, RawKind, SignalInfo

WINDOW_SAMPLES = 10_000
"""Samples a window holds at most; of more the newest count. 5 s at 2 kHz, an hour at 2.7 Hz."""
EXACT_BITS = 32
"""Of raw numbers that long a window's sum is below 2**53: a float64 has it exactly."""
_FINEST = 1074
"""Every float64 is a whole multiple of 2**-1074."""

Scalar = TypeVar("Scalar", bound=np.generic)


class Average:
    """The plain mean of the samples in a window; of any window of one signal up to `span_ns`.

    Integers are summed by their raw numbers and scaled once; floats, and integers of more than 32 bits, by their
    values, in whole multiples of 2**-1074. NaN where no sample is in the window, or one that is no finite number.
    """

    def __init__(self, signal: SignalInfo, span_ns: int) -> None:
        self._signal = signal
        self._span_ns = span_ns
        self._by_raw = signal.kind is not RawKind.FLOAT and signal.bits <= EXACT_BITS
        self._end = 0
        self._t_ns = np.empty(0, np.int64)
        self._sums: NDArray[Any] = np.zeros(1, np.int64 if self._by_raw else np.object_)
        """of all samples before this one; 64 bits may run over, their differences do not"""
        self._odd = np.zeros(1, np.int64)
        """how many of them are no finite numbers"""

    def add(self, t_ns: I64, raw: I64, value: F64) -> None:
        """Samples later than all before, at least one; those too old for any window are forgotten."""
        begin, end = self._end, self._end + len(t_ns)
        if end > len(self._t_ns):
            begin = self._make_room(len(t_ns), int(t_ns[0]))
            end = begin + len(t_ns)
        self._t_ns[begin:end] = t_ns
        self._sums[begin + 1 : end + 1] = self._sums[begin] + np.cumsum(raw if self._by_raw else _wholes(value))
        if not self._by_raw:
            self._odd[begin + 1 : end + 1] = self._odd[begin] + np.cumsum(~np.isfinite(value))
        self._end = end

    def over(self, since_ns: I64, ahead: I64) -> F64:
        """The mean of the samples later than each `since_ns`, without the newest `ahead`, which are yet to come."""
        end = self._end - ahead
        begin = self._t_ns[: self._end].searchsorted(since_ns, side="right")
        np.maximum(begin, end - WINDOW_SAMPLES, out=begin)
        total = self._sums.take(end) - self._sums.take(begin)
        count = end - begin
        if self._by_raw:
            return total / count * self._signal.factor + self._signal.offset  # of none it is 0 / 0, which is NaN
        mean = np.full(len(end), np.nan)
        for i in np.flatnonzero((count > 0) & (self._odd.take(end) == self._odd.take(begin))).tolist():
            mean[i] = total[i] / (int(count[i]) << _FINEST)
        return mean

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        self._t_ns += delta_ns

    def _make_room(self, count: int, now_ns: int) -> int:
        """Forget what is too old, and have room for twice what stays and comes; returns where it goes on."""
        old = int(self._t_ns[: self._end].searchsorted(now_ns - self._span_ns, side="right"))
        first = max(old, self._end - WINDOW_SAMPLES)
        stays = self._end - first
        room = 2 * (stays + count)
        self._t_ns = _moved(self._t_ns[first : self._end], room)
        self._sums = _moved(self._sums[first : self._end + 1], room + 1)
        self._odd = _moved(self._odd[first : self._end + 1], room + 1)
        return stays


class Extreme:
    """The largest sample of one window; NaN where there is none, or one that is NaN.

    Only samples that can still become the largest are held: each is larger than all after it.
    """

    def __init__(self) -> None:
        self._held: deque[tuple[int, int, float]] = deque()  # bounded by WINDOW_SAMPLES
        self._count = 0

    def over(
        self, since_ns: Sequence[int], come: Sequence[int], t_ns: Sequence[int], value: Sequence[float]
    ) -> list[float]:
        """The largest of the samples later than each `since_ns`, when `come` of the new ones had come; all by the last.

        Python's own numbers: a window has some tens of them a block, for which an array is slower.
        """
        held, found, done = self._held, [], 0
        for since, until in zip(since_ns, come, strict=True):
            if until > done:
                self._add(t_ns[done:until], value[done:until])
                done = until
            while held and held[0][1] <= since:
                held.popleft()
            found.append(held[0][2] if held else math.nan)
        return found

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        self._held = deque((count, t_ns + delta_ns, value) for count, t_ns, value in self._held)

    def _add(self, t_ns: Sequence[int], value: Sequence[float]) -> None:
        held = self._held
        for at, one in zip(t_ns, value, strict=True):
            if math.isnan(one):  # counts as larger than all: while it is in the window the answer is NaN
                held.clear()
            while held and held[-1][2] <= one:
                held.pop()
            self._count += 1
            held.append((self._count, at, one))
            if held[0][0] <= self._count - WINDOW_SAMPLES:
                held.popleft()


def _moved(kept: NDArray[Scalar], room: int) -> NDArray[Scalar]:
    """At the beginning of a larger array."""
    found = np.empty(room, kept.dtype)
    found[: len(kept)] = kept
    return found


def _wholes(value: F64) -> NDArray[np.object_]:
    """As multiples of 2**-1074; 0 for what is no number."""
    found = np.zeros(len(value), object)
    for i in np.flatnonzero(np.isfinite(value)).tolist():
        numerator, denominator = value[i].as_integer_ratio()
        found[i] = (numerator << _FINEST) // denominator
    return found

"""Means over the sliding windows of many signals at once, exact however long they run. Pure.

A sum that is carried on in floating point would keep the rounding of every sample it ever held, and a single 1e300
for ever; a condition must give the same wherever the stream was cut. So sums are of integers.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_agent.policy.condition_program import spread
from edge_agent.records import F64, I64, Bool, RawKind, SignalInfo

WINDOW_SAMPLES = 10_000
"""Samples a window holds at most; of more the newest count. 5 s at 2 kHz, an hour at 2.7 Hz."""
SHORT_BITS = 32
"""Of raw numbers that long a window's sum is below 2**53: a float64 has it exactly."""
_FINEST = 1074
"""Every float64 is a whole multiple of 2**-1074."""
_LEAST_ROOM = 64

Scalar = TypeVar("Scalar", bound=np.generic)


def is_short(signal: SignalInfo) -> bool:
    """Whether its samples can be summed by their raw numbers in 64 bits."""
    return signal.kind is not RawKind.FLOAT and signal.bits <= SHORT_BITS


class Averages:
    """The plain means of the samples in windows: of `short` signals, or of the others.

    Short ones are summed by their raw numbers and scaled once; floats, and longer integers, by their values, in whole
    multiples of 2**-1074. NaN where no sample is in the window, or one that is no finite number.
    """

    def __init__(self, signals: Sequence[SignalInfo], spans_ns: Sequence[int], *, short: bool) -> None:
        """`spans_ns` are the longest windows that will be asked for."""
        self._factor = np.array([signal.factor for signal in signals])
        self._offset = np.array([signal.offset for signal in signals])
        self._spans_ns = spans_ns
        self._short = short
        # Each signal has a part of these arrays: before its samples a place that stands for all that are forgotten.
        self._start = np.arange(len(signals))
        self._room = np.zeros(len(signals), np.int64)
        self._count = np.zeros(len(signals), np.int64)
        self._used = len(signals)
        self._t_ns = np.zeros(len(signals), np.int64)
        self._sums: NDArray[Any] = np.zeros(len(signals), np.int64 if short else np.object_)
        """of all samples up to this one; 64 bits may run over, their differences do not"""
        self._odd = np.zeros(len(signals), np.int64)
        """how many of them are no finite numbers"""

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        self._t_ns += delta_ns

    def add(self, new: I64, t_ns: I64, raw: I64, value: F64) -> None:
        """So many `new` samples of each signal, later than all before: signal after signal, each by time."""
        first = new.cumsum() - new
        for at in np.flatnonzero(self._count + new > self._room).tolist():
            self._make_room(at, int(new[at]), int(t_ns[first[at]]))
        last = self._start + self._count
        at_new = spread(last + 1, new)
        self._t_ns[at_new] = t_ns
        self._sums[at_new] = _carried_on(self._sums.take(last), raw if self._short else _wholes(value), new)
        if not self._short:
            self._odd[at_new] = _carried_on(self._odd.take(last), ~np.isfinite(value), new)
        self._count += new

    def over(self, signal: I64, since_ns: I64, ahead: I64) -> F64:
        """Each mean of a signal's samples later than `since_ns`, without its newest `ahead`, which are yet to come."""
        start = self._start.take(signal)
        end = start + self._count.take(signal) - ahead
        begin = first_beyond(start + 1, end + 1, (self._t_ns, since_ns)) - 1
        np.maximum(begin, end - WINDOW_SAMPLES, out=begin)
        total, count = self._sums.take(end) - self._sums.take(begin), end - begin
        mean: F64 = np.full(len(end), np.nan)
        if self._short:
            np.divide(total, count, out=mean, where=count > 0)
            mean *= self._factor.take(signal)
            mean += self._offset.take(signal)
            return mean
        for i in np.flatnonzero((count > 0) & (self._odd.take(end) == self._odd.take(begin))).tolist():
            mean[i] = total[i] / (int(count[i]) << _FINEST)
        return mean

    def _make_room(self, at: int, new: int, now_ns: int) -> None:
        """Forget what is too old; where little is, go on elsewhere, with room for twice as much."""
        start, count = int(self._start[at]), int(self._count[at])
        held = self._t_ns[start + 1 : start + 1 + count]
        old = max(int(held.searchsorted(now_ns - self._spans_ns[at], side="right")), count - WINDOW_SAMPLES)
        kept = slice(start + old, start + count + 1)
        self._count[at] = count - old
        need = count - old + new
        need += need // 4
        if need > self._room[at]:
            # Powers of two, so that all places left behind are together no larger than the last one.
            self._start[at], self._room[at] = self._used, max(1 << need.bit_length(), _LEAST_ROOM)
            self._used += int(self._room[at]) + 1
            self._t_ns, self._sums, self._odd = (_grown(one, self._used) for one in (self._t_ns, self._sums, self._odd))
        moved = slice(int(self._start[at]), int(self._start[at]) + count - old + 1)
        for one in (self._t_ns, self._sums, self._odd):
            one[moved] = one[kept].copy()


def first_beyond(begin: I64, end: I64, *bounds: tuple[I64, I64]) -> I64:
    """The first position from each `begin` to before its `end` where all of some arrays are beyond their bounds.

    From `begin` on none of the arrays decreases; a bound is one a position that is asked for. `end` if there is none.
    """
    low, high = begin, end
    for _ in range(int((end - begin).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        short: Bool = np.zeros(len(middle), np.bool_)
        for rising, bound in bounds:
            short |= rising.take(middle, mode="clip") <= bound
        short &= low < high
        low, high = np.where(short, middle + 1, low), np.where(short, high, middle)
    return low


def _carried_on(before: NDArray[Any], more: NDArray[Any], counts: I64) -> NDArray[Any]:
    """Running sums of each signal's part of `more`, each on top of what was before."""
    sums: NDArray[Any] = np.cumsum(more)
    run_up = np.concatenate([np.zeros(1, sums.dtype), sums]).take(counts.cumsum() - counts)
    sums += (before - run_up).repeat(counts)
    return sums


def _grown(array: NDArray[Scalar], used: int) -> NDArray[Scalar]:
    """With room for `used`, and in most cases for more."""
    if used <= len(array):
        return array
    return np.concatenate([array, np.zeros(used + used // 4 - len(array), array.dtype)])


def _wholes(value: F64) -> NDArray[np.object_]:
    """As multiples of 2**-1074; 0 for what is no finite number."""
    found = np.zeros(len(value), np.object_)
    for i in np.flatnonzero(np.isfinite(value)).tolist():
        numerator, denominator = value[i].as_integer_ratio()
        found[i] = (numerator << _FINEST) // denominator
    return found

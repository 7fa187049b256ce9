"""The largest sample in each of many sliding windows at once. Pure.

Of what a window has seen only those samples are held that can still become its largest: each is larger than all after
it, so the first one that is late enough is the largest. A loop over single samples took 26 us a window and block (14
samples, 27 instants); what is computed for all windows together takes a few.
"""

from dataclasses import dataclass

import numpy as np

from edge_agent.policy.condition_program import spread
from edge_agent.policy.condition_windows import WINDOW_SAMPLES, first_beyond
from edge_agent.records import F64, I64, Bool

_EVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Samples of all windows, window after window, each window's in the order of time."""

    counts: I64
    """[windows]"""
    t_ns: I64
    nth: I64
    """how many samples its window had seen before it"""
    value: F64

    def then(self, new: "_Held", at_self: I64, at_new: I64) -> "_Held":
        """Both, each at its positions."""
        total = len(self.t_ns) + len(new.t_ns)
        t_ns, nth, value = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total)
        for at, part in ((at_self, self), (at_new, new)):
            t_ns[at], nth[at], value[at] = part.t_ns, part.nth, part.value
        return _Held(self.counts + new.counts, t_ns, nth, value)

    def only(self, stays: Bool) -> "_Held":
        """Without the others."""
        at = np.flatnonzero(stays)
        window = np.arange(len(self.counts)).repeat(self.counts).take(at)
        counts = np.bincount(window, minlength=len(self.counts))
        return _Held(counts, self.t_ns.take(at), self.nth.take(at), self.value.take(at))


class Extremes:
    """What all windows of one kind hold; NaN is what no sample gives, and the largest of samples with a NaN among."""

    def __init__(self, windows: int) -> None:
        nothing = np.empty(0, np.int64)
        self._held = _Held(np.zeros(windows, np.int64), nothing, nothing, np.empty(0))
        self._seen = np.zeros(windows, np.int64)

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        held = self._held
        self._held = _Held(held.counts, held.t_ns + delta_ns, held.nth, held.value)

    def over(self, asked: I64, since_ns: I64, come: I64, *, new: I64, t_ns: I64, value: F64) -> F64:
        """The largest later than each `since_ns` when `come` of its window's new samples had come.

        Each window is `asked` so many times, and has so many `new` samples: window after window, each by time. When it
        is asked for the last time all have come; one that has new samples is asked.
        """
        old = self._held.counts
        begin = (old + new).cumsum() - (old + new)
        at_old, at_new = spread(begin, old), spread(begin + old, new)
        both = self._held.then(_Held(new, t_ns, spread(self._seen, new), value), at_old, at_new)
        ranges = _Ranges(value, int(new.max(initial=0)))
        new_begin = new.cumsum() - new

        middle = (begin + old).repeat(asked)
        end = middle + come
        too_many = self._seen.repeat(asked) + come - WINDOW_SAMPLES - 1
        first = first_beyond(begin.repeat(asked), end, (both.t_ns, since_ns), (both.nth, too_many))
        of_new = new_begin.repeat(asked)
        found = ranges.largest(of_new + np.maximum(first - middle, 0), of_new + come)
        some_old = np.flatnonzero(first < middle)
        found[some_old] = np.maximum(found.take(some_old), both.value.take(first.take(some_old)))
        found[first == end] = np.nan

        new_end = new_begin + new
        later = np.empty(len(both.value))
        later[at_old] = ranges.largest(new_begin, new_end).repeat(old)
        later[at_new] = ranges.largest(np.arange(1, len(value) + 1), new_end.repeat(new))
        last = np.zeros(len(both.value), np.bool_)
        last[(begin + old + new - 1)[old + new > 0]] = True
        last[at_old] |= (new == 0).repeat(old)
        stays = last | np.isnan(both.value) | (both.value > later)
        stays &= both.t_ns > _last_of_each(since_ns, asked).repeat(old + new)
        self._seen += new
        stays &= both.nth >= (self._seen - WINDOW_SAMPLES).repeat(old + new)
        self._held = both.only(stays)
        return found


class _Ranges:
    """The largest value between any two positions, from those of 1, 2, 4, ... neighbours."""

    def __init__(self, value: F64, longest: int) -> None:
        self._levels = [value]
        for level in range(longest.bit_length() - 1):
            before = self._levels[-1]
            self._levels.append(np.maximum(before[: -(1 << level)], before[1 << level :]))

    def largest(self, begin: I64, end: I64) -> F64:
        """From each `begin` to before its `end`; minus infinity where there is nothing between."""
        found = np.full(len(begin), -np.inf)
        level_of = np.frexp(end - begin)[1] - 1
        for level, largest in enumerate(self._levels):
            at = np.flatnonzero(level_of == level)
            first, second = begin.take(at), end.take(at) - (1 << level)
            found[at] = np.maximum(largest.take(first), largest.take(second))
        return found


def _last_of_each(since_ns: I64, asked: I64) -> I64:
    """Each window's last; the beginning of time where it was not asked."""
    some = np.flatnonzero(asked)
    found = np.full(len(asked), _EVER)
    found[some] = since_ns.take(asked.cumsum().take(some) - 1)
    return found

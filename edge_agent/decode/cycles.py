"""Frames that did not come although their message is sent cyclically. Pure.

Time is each bus's own: it goes on with the bus's frames, and stands still where the bus is silent for `SILENCE_NS` or
longer (it sleeps, it is down, a recorder paused) or the clock was set. So a bus that sleeps misses nothing, a message
that falls silent beside others misses each of its frames, and a clock that is set back makes nobody late.
"""

from dataclasses import dataclass

import numpy as np

from edge_agent.decode.expected import Expected
from edge_agent.records import I64, U16, Bool

SILENCE_NS = 10_000_000_000
"""Longer than the slowest usual cycle; a bus that is silent for less has missed what it should have sent meanwhile."""

_NEVER = -1


@dataclass(frozen=True, slots=True, eq=False)
class Missed:
    """What one bus missed, of some stretch of frames."""

    count: int
    messages: tuple[int, ...]
    """which of the plan's messages missed some, in their order"""


NOTHING_MISSED = Missed(0, ())


class Cycles:
    """When each message of one bus came last, and how many of its frames have been told missing since.

    A message counts from its first frame on: what a vehicle does not have misses nothing.
    """

    def __init__(self, expected: Expected, comes: Bool | None = None) -> None:
        """`comes`, of the plan's messages, leaves out those that are held back ahead of us; None for none."""
        cyclic = np.flatnonzero(expected.cycle_ns if comes is None else expected.cycle_ns * comes)
        self._messages = cyclic
        self._cycle_ns = expected.cycle_ns.take(cyclic)
        # numpy sorts 16 bits by radix, five times as fast as 64; a plan has far less than 65,535 cyclic messages.
        self._none = np.uint16(len(cyclic))
        self._number = np.full(len(expected.cycle_ns), self._none, np.uint16)
        """[k + 1] of the plan's messages among the cyclic ones; `_none` for the others"""
        self._number[cyclic] = np.arange(len(cyclic))
        self._last_ns = np.full(len(cyclic), _NEVER, np.int64)
        self._told = np.zeros(len(cyclic), np.int64)
        self._now_ns = 0
        self._newest_t_ns: int | None = None

    def forget(self) -> None:
        """Frames were lost on our side: nobody can say whose are missing."""
        self._last_ns[:] = _NEVER
        self._told[:] = 0

    def feed(self, t_ns: I64, message: I64, counts: Bool) -> Missed:
        """Frames of the bus, in the order they came; `counts` where `message` is one, by its own id."""
        if not len(t_ns):
            return NOTHING_MISSED
        number = self._number.take(message)
        if not counts.all():
            number[~counts] = self._none
        missed = np.zeros(len(self._messages), np.int64)
        self._came(number, self._bus_time(t_ns), missed)
        self._silent(missed)
        late = np.flatnonzero(missed)
        return Missed(int(missed.sum()), tuple(self._messages[late].tolist())) if len(late) else NOTHING_MISSED

    def _bus_time(self, t_ns: I64) -> I64:
        before = int(t_ns[0]) if self._newest_t_ns is None else self._newest_t_ns
        if before <= t_ns[0] and t_ns[-1] < before + SILENCE_NS and not (t_ns[1:] < t_ns[:-1]).any():
            bus_ns = t_ns + (self._now_ns - before)
        else:
            steps = np.diff(t_ns, prepend=before)
            steps[(steps < 0) | (steps >= SILENCE_NS)] = 0
            bus_ns = steps.cumsum() + self._now_ns
        self._now_ns, self._newest_t_ns = int(bus_ns[-1]), int(t_ns[-1])
        return bus_ns

    def _came(self, number: U16, bus_ns: I64, missed: I64) -> None:
        order = number.argsort(kind="stable")
        number = number.take(order)
        of_cyclic = int(number.searchsorted(self._none))
        if not of_cyclic:
            return
        number, bus_ns = number[:of_cyclic], bus_ns.take(order[:of_cyclic])
        first = np.append(0, np.flatnonzero(number[1:] != number[:-1]) + 1)
        of_first = number.take(first)
        before = np.empty_like(bus_ns)
        before[1:] = bus_ns[:-1]
        before[first] = self._last_ns.take(of_first)
        gaps = bus_ns - before
        late = np.flatnonzero(gaps > self._cycle_ns.take(number))
        late = late[before[late] != _NEVER]
        np.add.at(missed, number[late], _missed(gaps[late], self._cycle_ns.take(number[late])))
        missed[of_first] -= self._told.take(of_first)
        self._last_ns[of_first] = bus_ns[np.append(first[1:], of_cyclic) - 1]
        self._told[of_first] = 0

    def _silent(self, missed: I64) -> None:
        """Those whose frames are overdue now."""
        overdue = _missed(self._now_ns - self._last_ns, self._cycle_ns)
        overdue[self._last_ns == _NEVER] = 0
        missed += overdue - self._told
        self._told = overdue


def _missed(gap_ns: I64, cycle_ns: I64) -> I64:
    """How many frames should have come within each gap: one and a half cycles are none yet, more are one, ..."""
    missed: I64 = np.maximum(-((cycle_ns - 2 * gap_ns) // (2 * cycle_ns)) - 1, 0)
    return missed

"""The `on_change` rules with `max_error`: straight lines between kept samples stay near every sample. Pure.

A swinging door whose hinge is the last kept sample: each sample since then narrows the cone of lines from the hinge
that pass it within the bound. The newest sample is held. When the next one lies outside the cone, the line to it would
miss some sample, while the line to the held one misses none: the held one is kept and becomes the hinge.

Judged is what a reader will compute: from value = raw * factor + offset in float64, at times cut to the payload's unit.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from edge_agent.policy.kept import NOTHING, Kept, Samples, by_slot
from edge_agent.policy.rules import Bounded

ROUNDING = 2.0**-49
"""of the magnitudes at hand, taken off the bound: an interpolation in float64 rounds a few times by 2**-53 of them"""


class _Point(NamedTuple):
    t_ns: int
    tick: int
    """the time in the payload's unit, cut off"""
    raw: int
    value: float


class _Door:
    """One slot: the hinge, the held sample, and the slopes of all lines that pass the samples between."""

    __slots__ = ("_deadline_ns", "_high", "_hinge", "_low", "_max_error", "_max_hold_ns", "_unit_ns", "held")

    def __init__(self, rule: Bounded) -> None:
        self._max_error = rule.max_error
        self._max_hold_ns = rule.max_hold_ns
        self._unit_ns = int(rule.info.time_unit)
        self._hinge: _Point | None = None
        self._deadline_ns = 0
        self._low, self._high = -inf, inf
        self.held: _Point | None = None

    def swing(self, times: Sequence[int], raws: Sequence[int], values: Sequence[float]) -> list[_Point]:
        """Judge samples in the order of the stream; returns what is kept."""
        kept: list[_Point] = []
        for t_ns, raw, value in zip(times, raws, values, strict=True):
            point = _Point(t_ns, t_ns // self._unit_ns, raw, value)
            hinge = self._hinge
            if hinge is None or self._breaks(hinge, point):
                kept += self.close()
                kept.append(point)
                self._turn(point)
                continue
            if t_ns >= self._deadline_ns:
                kept += self.close()
            if not self._hold(self._hinge or hinge, point):
                kept += self.close()
                self._hold(self._hinge or hinge, point)
        return kept

    def close(self) -> list[_Point]:
        """Keep the held sample; lines begin at it from now on."""
        if self.held is None:
            return []
        held = self.held
        self._turn(held)
        return [held]

    def due(self, until_ns: int) -> bool:
        """Whether the held sample has waited long enough."""
        return self.held is not None and self._deadline_ns <= until_ns

    def shift(self, delta_ns: int) -> None:
        """Move by whole units: lines were judged at cut times, which must all move alike."""
        ticks = delta_ns // self._unit_ns
        self._deadline_ns += ticks * self._unit_ns
        self._hinge = self._moved(self._hinge, ticks)
        self.held = self._moved(self.held, ticks)

    def _moved(self, point: _Point | None, ticks: int) -> _Point | None:
        return point and point._replace(t_ns=point.t_ns + ticks * self._unit_ns, tick=point.tick + ticks)

    def _turn(self, hinge: _Point) -> None:
        self._hinge, self.held = hinge, None
        self._deadline_ns = hinge.t_ns + self._max_hold_ns
        self._low, self._high = -inf, inf

    def _breaks(self, hinge: _Point, point: _Point) -> bool:
        """Whether no line can lead on: the clock stepped back, or a number came or went that is none."""
        if point.t_ns < (self.held or hinge).t_ns:
            return True
        return point.raw != hinge.raw and not (isfinite(point.value) and isfinite(hinge.value))

    def _hold(self, hinge: _Point, point: _Point) -> bool:
        """Hold this sample instead of the one before, if the line to it misses nobody."""
        span, rise = point.tick - hinge.tick, point.value - hinge.value
        room = self._max_error - ROUNDING * (abs(point.value) + abs(hinge.value) + self._max_error)
        if not isfinite(point.value):  # the same as at the hinge
            self.held = point
        elif span and (self.held is None or self._low <= rise / span <= self._high):
            self.held = point
            self._narrow(span, rise, room)
        elif self.held is not None:
            return False
        elif not abs(rise) <= self._max_error:  # at the hinge's own time, and not near it: a step up or down
            self.held = point
            self._narrow(0, rise, 0.0)
        return True

    def _narrow(self, span: int, rise: float, room: float) -> None:
        """Leave the slopes that pass `rise` at `span`, within `room`."""
        if room > 0.0:
            self._low = max(self._low, (rise - room) / span)
            self._high = min(self._high, (rise + room) / span)
        else:
            self._low, self._high = inf, -inf


class SwingingDoorKeeper:
    """A door for each slot, which is one signal of one rule; a slot is a column."""

    def __init__(self, rules: Sequence[Bounded]) -> None:
        self._doors = [_Door(rule) for rule in rules for _ in range(len(rule.signals))]

    def keep(self, samples: Samples) -> Kept:
        """Each slot's first sample, the last that a line could lead to, and what is not a number."""
        samples = samples.take(by_slot(samples.slot))
        first = np.flatnonzero(np.diff(samples.slot, prepend=-1))
        edges = [*first.tolist(), len(samples)]
        times, raws, values = samples.t_ns.tolist(), samples.raw.tolist(), samples.value.tolist()
        found = []
        for slot, (begin, end) in zip(samples.slot[first].tolist(), pairwise(edges), strict=True):
            kept = self._doors[slot].swing(times[begin:end], raws[begin:end], values[begin:end])
            found += [(point.t_ns, slot, point.raw) for point in kept]
        return _kept(found)

    def due(self, until_ns: int) -> Kept:
        """Held samples whose time is over, so that what is live is not late for ever."""
        return self._closed(slot for slot, door in enumerate(self._doors) if door.due(until_ns))

    def rest(self) -> Kept:
        """All held samples: behind the last kept one nothing is bounded."""
        return self._closed(range(len(self._doors)))

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time, by whole units of the payload."""
        for door in self._doors:
            door.shift(delta_ns)

    def _closed(self, slots: Iterable[int]) -> Kept:
        return _kept([(point.t_ns, slot, point.raw) for slot in slots for point in self._doors[slot].close()])


def _kept(found: Sequence[tuple[int, int, int]]) -> Kept:
    """(time, slot, raw) of each."""
    if not found:
        return NOTHING
    t_ns, slot, raw = zip(*found, strict=True)
    return Kept(np.array(t_ns, np.int64), np.array(slot, np.int64), np.array(raw, np.int64))

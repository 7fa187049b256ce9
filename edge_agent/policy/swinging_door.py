"""The `on_change` rules with `max_error`: straight lines between kept samples stay near every sample. Pure.

A swinging door whose hinge is the last kept sample: each sample since then narrows the cone of lines from the hinge
that pass it within the bound. The newest sample is held. When the next one lies outside the cone, the line to it would
miss some sample, while the line to the held one misses none: the held one is kept and becomes the hinge.

Judged is what a reader will compute: from value = raw * factor + offset in float64, at times cut to the payload's unit.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from math import isfinite

import numpy as np

from edge_agent.policy.kept import Kept, Samples, by_slot, kept_of
from edge_agent.policy.rules import Bounded

ROUNDING = 2.0**-49
"""of the magnitudes at hand, taken off the bound: an interpolation in float64 rounds a few times by 2**-53 of them"""


STEEPEST = 1.7976931348623157e308
"""the largest float64; an infinite slope leads nowhere"""

_Point = tuple[int, int, int, float]
"""time in nanoseconds, the same in the payload's unit, raw number, value"""


class _Door:
    """One slot: the hinge, the held sample, and the slopes of all lines that pass the samples between."""

    __slots__ = ("_deadline_ns", "_high", "_hinge", "_low", "_max_error", "_max_hold_ns", "held")

    def __init__(self, rule: Bounded) -> None:
        self._max_error = rule.max_error
        self._max_hold_ns = rule.max_hold_ns
        self._hinge: _Point | None = None
        self._deadline_ns = 0
        self._low, self._high = -STEEPEST, STEEPEST
        self.held: _Point | None = None

    def swing(self, points: Iterable[_Point]) -> list[_Point]:
        """Judge samples in the order of the stream; returns what is kept."""
        kept: list[_Point] = []
        stream = iter(points)
        while (point := self._lead(stream)) is not None:
            kept += self._turn_to(point)
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

    def shift(self, ticks: int, unit_ns: int) -> None:
        """Move by whole units: lines were judged at cut times, which must all move alike."""
        self._deadline_ns += ticks * unit_ns
        self._hinge = _moved(self._hinge, ticks, unit_ns)
        self.held = _moved(self.held, ticks, unit_ns)

    def _lead(self, stream: Iterator[_Point]) -> _Point | None:
        """Hold one sample after the other while the line to it misses none; returns the one where that ends."""
        if self._hinge is None:
            return next(stream, None)
        held, (_, hinge_tick, _, hinge_value) = self.held, self._hinge
        newest_ns = (held or self._hinge)[0]
        # Local names, and no call: this loop is what a bounded rule costs.
        low, high, deadline_ns, max_error = self._low, self._high, self._deadline_ns, self._max_error
        around = abs(hinge_value) + max_error
        found = None
        for point in stream:
            t_ns, tick, _, value = point
            span, rise = tick - hinge_tick, value - hinge_value
            if not newest_ns <= t_ns < deadline_ns or not span or not low <= rise / span <= high:
                found = point
                break
            room = max_error - ROUNDING * (abs(value) + around)
            lowest, highest = (rise - room) / span, (rise + room) / span
            low = lowest if lowest > low else low  # noqa: FURB136  `max` doubles what a sample costs
            high = highest if highest < high else high  # noqa: FURB136
            held, newest_ns = point, t_ns
        self.held, self._low, self._high = held, low, high
        return found

    def _turn_to(self, point: _Point) -> list[_Point]:
        """Go on with a sample to which no line from the hinge leads; returns what is kept."""
        hinge = self._hinge
        if hinge is None or self._breaks(hinge, point):
            kept = [*self.close(), point]
            self._turn(point)
            return kept
        if not isfinite(point[3]) and point[0] < self._deadline_ns:  # the same as at the hinge
            self.held = point
            return []
        kept = self.close()
        self._hold_first(kept[0] if kept else hinge, point)
        return kept

    def _breaks(self, hinge: _Point, point: _Point) -> bool:
        """Whether no line can lead on: the clock stepped back, or a number came or went that is none."""
        if point[0] < (self.held or hinge)[0]:
            return True
        return point[2] != hinge[2] and not (isfinite(point[3]) and isfinite(hinge[3]))

    def _hold_first(self, hinge: _Point, point: _Point) -> None:
        """Hold the first sample after the hinge."""
        span, rise = point[1] - hinge[1], point[3] - hinge[3]
        room = self._max_error - ROUNDING * (abs(point[3]) + abs(hinge[3]) + self._max_error)
        if span:
            self.held, self._low, self._high = point, (rise - room) / span, (rise + room) / span
        elif not abs(rise) <= self._max_error:  # at the hinge's own time, and not near it: a step up or down
            self.held, self._low, self._high = point, STEEPEST, -STEEPEST

    def _turn(self, hinge: _Point) -> None:
        self._hinge, self.held = hinge, None
        self._deadline_ns = hinge[0] + self._max_hold_ns
        self._low, self._high = -STEEPEST, STEEPEST


def _moved(point: _Point | None, ticks: int, unit_ns: int) -> _Point | None:
    if point is None:
        return None
    t_ns, tick, raw, value = point
    return t_ns + ticks * unit_ns, tick + ticks, raw, value


class SwingingDoorKeeper:
    """A door for each slot, which is one signal of one rule; a slot is a column."""

    def __init__(self, rules: Sequence[Bounded]) -> None:
        sizes = [len(rule.signals) for rule in rules]
        self._doors = [_Door(rule) for rule in rules for _ in range(len(rule.signals))]
        self._unit_ns = np.repeat(np.array([int(rule.info.time_unit) for rule in rules], np.int64), sizes)

    def keep(self, samples: Samples) -> Kept:
        """Each slot's first sample, the last ones that a line could lead to, and what is not a number."""
        samples = samples.take(by_slot(samples.slot))
        first = np.flatnonzero(np.diff(samples.slot, prepend=-1))
        edges = [*first.tolist(), len(samples)]
        ticks = samples.t_ns // self._unit_ns.take(samples.slot)
        points = zip(samples.t_ns.tolist(), ticks.tolist(), samples.raw.tolist(), samples.value.tolist(), strict=True)
        found = []
        for slot, (begin, end) in zip(samples.slot[first].tolist(), pairwise(edges), strict=True):
            kept = self._doors[slot].swing(islice(points, end - begin))
            found += [(point[0], slot, point[2]) for point in kept]
        return kept_of(found)

    def due(self, until_ns: int) -> Kept:
        """Held samples whose time is over, so that what is live is not late for ever."""
        return self._closed(slot for slot, door in enumerate(self._doors) if door.due(until_ns))

    def rest(self) -> Kept:
        """All held samples: behind the last kept one nothing is bounded."""
        return self._closed(range(len(self._doors)))

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time, by whole units of the payload."""
        for door, unit_ns in zip(self._doors, self._unit_ns.tolist(), strict=True):
            door.shift(delta_ns // unit_ns, unit_ns)

    def _closed(self, slots: Iterable[int]) -> Kept:
        return kept_of([(point[0], slot, point[2]) for slot in slots for point in self._doors[slot].close()])

"""The `periodic` rules: what each signal was in every window. Pure.

`last` and `first` are samples and keep their own times; `min`, `max`, `mean` and `count` are of the window and stand at
its beginning, so that those of one window share one time, and equal steps compress to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.aggregates import Aggregator, Fields
from edge_agent.policy.kept import NOTHING, Kept, Samples, by_slot, joined
from edge_agent.policy.rules import Aggregate, Periodic
from edge_agent.records import I64, SignalInfo


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """What is known of one window each: of the runs of a block, or of the window that every slot holds open."""

    number: I64
    first_t_ns: I64
    first_raw: I64
    last_t_ns: I64
    last_raw: I64
    fields: Fields


class PeriodicKeeper:
    """Holds one window a slot until it is over; a slot is one signal of one rule, columns are in the rules' order."""

    def __init__(self, rules: Sequence[Periodic], signals: Sequence[SignalInfo]) -> None:
        """`signals` are the plan's."""
        sizes = [len(rule.signals) for rule in rules]
        slots = sum(sizes)
        self._every_ns = np.repeat(np.array([rule.every_ns for rule in rules], np.int64), sizes)
        self._column = _columns(rules, slots)
        mine = [signals[i] for rule in rules for i in rule.signals.tolist()]
        self._aggregator = Aggregator(mine, self._column)
        self._held = np.zeros(slots, np.bool_)
        number, first_t_ns, first_raw, last_t_ns, last_raw = np.zeros((5, slots), np.int64)
        self._open = _Windows(number, first_t_ns, first_raw, last_t_ns, last_raw, self._aggregator.empty())

    def keep(self, samples: Samples) -> Kept:
        """Windows that are known to be over because a sample of another one of the same slot came."""
        if not len(samples):
            return NOTHING
        samples = samples.take(by_slot(samples.slot))
        number = samples.t_ns // self._every_ns.take(samples.slot)
        new_slot = np.diff(samples.slot, prepend=-1) != 0
        first = np.flatnonzero(new_slot | (np.diff(number, prepend=number[0]) != 0))
        runs, slot = self._runs(samples, number, first), samples.slot.take(first)
        opens = np.flatnonzero(new_slot.take(first))
        ends = np.append(opens[1:], len(first)) - 1
        goes_on = self._held.take(slot[opens])
        same = goes_on & (self._open.number.take(slot[opens]) == runs.number.take(opens))
        over = self._release(slot[opens[goes_on & ~same]])
        self._prepend(runs, opens[same], slot[opens[same]])
        done = np.ones(len(first), np.bool_)
        done[ends] = False
        inner = np.flatnonzero(done)
        self._hold(runs, ends, slot[ends])
        return joined([over, self._kept(runs, inner, slot[inner])])

    def due(self, until_ns: int) -> Kept:
        """Windows that ended at or before `until_ns`."""
        held = np.flatnonzero(self._held)
        over = (self._open.number.take(held) + 1) * self._every_ns.take(held) <= until_ns
        return self._release(held[over])

    def rest(self) -> Kept:
        """Windows that are not over; what comes of them later is kept beside this."""
        return self._release(np.flatnonzero(self._held))

    def shift(self, delta_ns: int) -> None:
        """An open window goes on as the one in which its last sample now lies."""
        self._open.first_t_ns[:] += delta_ns
        self._open.last_t_ns[:] += delta_ns
        self._open.number[:] = self._open.last_t_ns // self._every_ns

    def _runs(self, samples: Samples, number: I64, first: I64) -> _Windows:
        last = np.append(first[1:], len(samples)) - 1
        return _Windows(
            number.take(first),
            samples.t_ns.take(first),
            samples.raw.take(first),
            samples.t_ns.take(last),
            samples.raw.take(last),
            self._aggregator.of_runs(samples, first),
        )

    def _prepend(self, runs: _Windows, at: I64, slot: I64) -> None:
        """These runs go on with what their slots hold."""
        runs.first_t_ns[at] = self._open.first_t_ns[slot]
        runs.first_raw[at] = self._open.first_raw[slot]
        self._aggregator.merge(runs.fields, at, self._open.fields, slot)

    def _hold(self, runs: _Windows, at: I64, slot: I64) -> None:
        self._held[slot] = True
        held = self._open
        held.number[slot] = runs.number[at]
        held.first_t_ns[slot], held.first_raw[slot] = runs.first_t_ns[at], runs.first_raw[at]
        held.last_t_ns[slot], held.last_raw[slot] = runs.last_t_ns[at], runs.last_raw[at]
        for name, field in held.fields.items():
            field[slot] = runs.fields[name][at]

    def _release(self, slot: I64) -> Kept:
        self._held[slot] = False
        return self._kept(self._open, slot, slot) if len(slot) else NOTHING

    def _kept(self, windows: _Windows, at: I64, slot: I64) -> Kept:
        """Every wanted aggregate of the windows `at`, which are of these slots."""
        parts = []
        for aggregate, column_of in self._column.items():
            column = column_of.take(slot)
            wanted = np.flatnonzero(column >= 0)
            if len(wanted):
                t_ns, raw = self._number(aggregate, windows, at[wanted], slot[wanted])
                parts.append(Kept(t_ns, column[wanted], raw))
        return joined(parts)

    def _number(self, aggregate: Aggregate, windows: _Windows, at: I64, slot: I64) -> tuple[I64, I64]:
        """Times and raw numbers."""
        if aggregate is Aggregate.LAST:
            return windows.last_t_ns[at], windows.last_raw[at]
        if aggregate is Aggregate.FIRST:
            return windows.first_t_ns[at], windows.first_raw[at]
        begins = windows.number[at] * self._every_ns[slot]
        return begins, self._aggregator.raw(aggregate, windows.fields, at, slot)


def _columns(rules: Sequence[Periodic], slots: int) -> dict[Aggregate, I64]:
    """For each wanted aggregate, [slots] its column or -1; a rule's columns are signal by signal, in its own order."""
    found: dict[Aggregate, I64] = {}
    slot = column = 0
    for rule in rules:
        count, width = len(rule.signals), len(rule.keep)
        for nth, aggregate in enumerate(rule.keep):
            of_slot = found.setdefault(aggregate, np.full(slots, -1, np.int64))
            of_slot[slot : slot + count] = column + nth + width * np.arange(count)
        slot, column = slot + count, column + count * width
    return found

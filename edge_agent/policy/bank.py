"""All rules of one kind, judged together: numpy costs by the call, so fifty rules cost little more than one. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from edge_agent.policy.aggregates import column_info
from edge_agent.policy.kept import Keeper, Kept, Samples, joined
from edge_agent.policy.on_change import OnChangeKeeper
from edge_agent.policy.periodic import PeriodicKeeper
from edge_agent.policy.rules import OPEN, Bounded, ColumnInfo, Event, OnChange, Periodic, Rule, Snapshot
from edge_agent.policy.swinging_door import SwingingDoorKeeper
from edge_agent.records import Bool, SampleBlock, SignalInfo


class Bank:
    """One keeper and the rules it judges for: each signal of each rule is a slot, each of their columns is counted."""

    def __init__(self, keeper: Keeper, rules: Sequence[tuple[int, Rule]], signals: Sequence[SignalInfo]) -> None:
        """`rules` with the positions by which they are named outside."""
        self._keeper = keeper
        self.positions = tuple(position for position, _ in rules)
        self._rule_of_slot = np.arange(len(rules)).repeat([len(rule.signals) for _, rule in rules])
        signal = np.concatenate([rule.signals for _, rule in rules])
        self._slots = signal.argsort(kind="stable")
        self._count = np.bincount(signal, minlength=len(signals))
        self._first = self._count.cumsum() - self._count
        widths = [len(columns_of(rule, signals)) for _, rule in rules]
        self._rule_of_column = np.arange(len(rules)).repeat(widths)
        self._first_column = np.cumsum([0, *widths])

    def judge(self, block: SampleBlock, admitted: Bool | None = None) -> dict[int, Kept]:
        """What is kept for good now, by the rules' positions; in time order, columns counted within the rule.

        `admitted` [rules of this bank, samples] says which samples a rule hears at all; None: every one.
        """
        samples = self._mine(block, admitted)
        kept = self._keeper.keep(samples) if len(samples) else None
        due = self._keeper.due(block.until_ns)
        return dict(self._parted(joined([kept, due]) if kept else due))

    def rest(self) -> dict[int, Kept]:
        """What was held back, likewise."""
        return dict(self._parted(self._keeper.rest()))

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time."""
        self._keeper.shift(delta_ns)

    def _mine(self, block: SampleBlock, admitted: Bool | None) -> Samples:
        """The block's samples, once for each slot that hears them."""
        counts = self._count.take(block.signal)
        at = np.arange(len(block)).repeat(counts)
        nth = np.arange(len(at)) - (counts.cumsum() - counts).repeat(counts)
        slot = self._slots.take(self._first.take(block.signal.take(at)) + nth)
        if admitted is not None:
            heard = np.flatnonzero(admitted[self._rule_of_slot.take(slot), at])
            at, slot = at.take(heard), slot.take(heard)
        return Samples(block.t_ns.take(at), slot, block.raw.take(at), block.value.take(at))

    def _parted(self, kept: Kept) -> Iterator[tuple[int, Kept]]:
        if not len(kept):
            return
        rule = self._rule_of_column.take(kept.column)
        order = np.lexsort((kept.t_ns, rule))
        kept, rule = kept.take(order), rule.take(order)
        column = kept.column - self._first_column.take(rule)
        mine = Kept(kept.t_ns, column, kept.raw)
        edges = [*np.flatnonzero(np.diff(rule, prepend=-1)).tolist(), len(kept)]
        for begin, end in pairwise(edges):
            yield self.positions[rule[begin]], mine.part(begin, end)


def banks(rules: Sequence[Rule], signals: Sequence[SignalInfo], *, gated: bool = False) -> tuple[Bank, ...]:
    """One bank for each kind that judges each sample alone, of the rules that have signals; gated ones apart."""
    heard = [
        (position, rule) for position, rule in enumerate(rules) if len(rule.signals) and (rule.gate != OPEN) == gated
    ]
    periodic = [(position, rule) for position, rule in heard if isinstance(rule, Periodic)]
    on_change = [(position, rule) for position, rule in heard if isinstance(rule, OnChange)]
    bounded = [(position, rule) for position, rule in heard if isinstance(rule, Bounded)]
    found = []
    if periodic:
        found.append(Bank(PeriodicKeeper([rule for _, rule in periodic], signals), periodic, signals))
    if on_change:
        found.append(Bank(OnChangeKeeper([rule for _, rule in on_change]), on_change, signals))
    if bounded:
        found.append(Bank(SwingingDoorKeeper([rule for _, rule in bounded]), bounded, signals))
    return tuple(found)


def columns_of(rule: Rule, signals: Sequence[SignalInfo]) -> tuple[ColumnInfo, ...]:
    """The columns of a rule's batches, signal by signal; `signals` are the plan's."""
    mine = [signals[i] for i in rule.signals.tolist()]
    match rule:
        case Periodic(keep=keep):
            return tuple(column_info(signal, aggregate) for signal in mine for aggregate in keep)
        case OnChange() | Event() | Snapshot():
            return tuple(ColumnInfo(signal) for signal in mine)
        case Bounded(max_error=max_error):
            return tuple(ColumnInfo(signal, max_error=max_error) for signal in mine)

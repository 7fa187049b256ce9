"""The `event` rules: windows around what their conditions say, cut from the past they share. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from edge_agent.policy.condition_instants import Readings
from edge_agent.policy.event_windows import EventWindows, Piece
from edge_agent.policy.frame_past import FramePast
from edge_agent.policy.gates import Gates
from edge_agent.policy.kept import NOTHING, Found, Keeper, Kept, Samples, joined
from edge_agent.policy.on_change import OnChangeKeeper
from edge_agent.policy.past import NOT_HELD, Past
from edge_agent.policy.periodic import PeriodicKeeper
from edge_agent.policy.rules import Event, OnChange, Periodic
from edge_agent.policy.spells import Turn
from edge_agent.records import SignalInfo


class _Collecting:
    """One rule: its windows, and what it keeps of their samples."""

    def __init__(self, position: int, rule: Event, signals: Sequence[SignalInfo]) -> None:
        self.position, self.rule = position, rule
        self.windows = EventWindows(rule)
        self._signals = signals
        self._slot = np.full(len(signals), -1, np.int64)
        self._slot[rule.signals] = np.arange(len(rule.signals))
        self._mine = self._slot >= 0
        self._keeper = self._fresh_keeper()

    def found(self, piece: Piece, past: Past, frame_past: FramePast | None, gates: Gates) -> Found:
        """What is kept of a piece."""
        readings = past.between(self._mine, piece.begin_ns, piece.end_ns)
        readings = readings.take(np.flatnonzero(gates.admits(self.position, readings.t_ns)))
        kept = self._kept(readings, piece)
        if piece.ends:
            self._keeper = self._fresh_keeper()
        frames = None
        if self.rule.raw_frames and frame_past:
            frames = frame_past.between(piece.begin_ns, piece.end_ns)
            frames = frames.take(np.flatnonzero(gates.admits(self.position, frames.t_ns)))
        return Found(self.position, kept, piece.fired_ns, piece.ends, frames)

    def rest(self) -> Found:
        """What a reduction holds back."""
        return Found(self.position, self._keeper.rest() if self._keeper else NOTHING)

    def shift(self, delta_ns: int) -> None:
        self.windows.shift(delta_ns)
        if self._keeper:
            self._keeper.shift(delta_ns)

    def _kept(self, readings: Readings, piece: Piece) -> Kept:
        slot = self._slot.take(readings.signal)
        if self._keeper is None:
            return Kept(readings.t_ns, slot, readings.raw)
        keeper = self._keeper
        parts = [keeper.keep(Samples(readings.t_ns, slot, readings.raw, readings.value)), keeper.due(piece.end_ns)]
        kept = joined([*parts, keeper.rest()] if piece.ends else parts)
        return kept.take(kept.t_ns.argsort(kind="stable"))

    def _fresh_keeper(self) -> Keeper | None:
        """Each window is reduced as if its first sample were the first of all."""
        rule, reduction = self.rule, self.rule.reduction
        if reduction.every_ns is not None:
            return PeriodicKeeper([Periodic(rule.info, rule.signals, rule.limits, reduction.every_ns)], self._signals)
        if reduction.deadband is not None:
            return OnChangeKeeper([OnChange(rule.info, rule.signals, rule.limits, reduction.deadband, 0, None)])
        return None


class Events:
    """All event rules over settled time."""

    def __init__(self, rules: Sequence[tuple[int, Event]], signals: Sequence[SignalInfo]) -> None:
        """`rules` with the positions by which they are named outside."""
        self._rules = [_Collecting(position, rule, signals) for position, rule in rules]
        self._of_condition: dict[int, list[int]] = {}
        for nth, (_, rule) in enumerate(rules):
            self._of_condition.setdefault(rule.when, []).append(nth)
        self._awake: set[int] = set()
        """those to which something may happen without a turn"""
        horizon_ns = np.full(len(signals), NOT_HELD, np.int64)
        for one in self._rules:
            at = one.rule.signals
            horizon_ns[at] = np.maximum(horizon_ns[at], one.windows.lookback_ns)
        self.past = Past(horizon_ns)
        self._until_ns = 0
        capturing = [one.windows.lookback_ns for one in self._rules if one.rule.raw_frames]
        self.frame_past = FramePast(max(capturing)) if capturing else None
        self.lookback_ns = max((one.windows.lookback_ns for one in self._rules), default=0)

    @property
    def fired(self) -> int:
        """Firings of all rules."""
        return sum(one.windows.fired for one in self._rules)

    @property
    def suppressed(self) -> int:
        """Firings that fell into a cooldown, or outside a gate."""
        return sum(one.windows.suppressed for one in self._rules)

    def feed(
        self, turns: Mapping[int, Sequence[Turn]], samples: Readings, until_ns: int, gates: Gates
    ) -> Iterator[Found]:
        """What is kept now that time is settled up to `until_ns`, with these samples."""
        self.past.add(samples)
        self._until_ns = until_ns
        turned = {nth for condition in turns for nth in self._of_condition.get(condition, ())}
        for nth in sorted(self._awake | turned):
            one = self._rules[nth]
            admits = partial(gates.admits_at, one.position)
            for piece in one.windows.reach(turns.get(one.rule.when, ()), until_ns, admits):
                yield one.found(piece, self.past, self.frame_past, gates)
            if one.windows.idle:
                self._awake.discard(nth)
            else:
                self._awake.add(nth)
        self.past.forget(until_ns)
        if self.frame_past:
            self.frame_past.forget(until_ns)

    def rest(self, gates: Gates) -> Iterator[Found]:
        """What waits for longer pieces, and what reductions hold back; windows go on."""
        for nth in sorted(self._awake):
            one = self._rules[nth]
            for piece in one.windows.rest(self._until_ns):
                yield one.found(piece, self.past, self.frame_past, gates)
            yield one.rest()

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time."""
        self._until_ns += delta_ns
        self.past.shift(delta_ns)
        if self.frame_past:
            self.frame_past.shift(delta_ns)
        for one in self._rules:
            one.shift(delta_ns)

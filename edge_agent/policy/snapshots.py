"""The `snapshot` rules: the last known value of each signal, each with its own time. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.condition_instants import Memory, Readings
from edge_agent.policy.gates import Gates
from edge_agent.policy.kept import Found, Kept, by_slot
from edge_agent.policy.rules import Snapshot
from edge_agent.policy.spells import Turn
from edge_agent.records import I64


@dataclass(slots=True, eq=False)
class _Asking:
    """One rule, and the time at which its period asks next."""

    position: int
    rule: Snapshot
    due_ns: int | None = None
    """the end of the period in which the first sample since the last firing lies"""

    def firings(self, turns: Sequence[Turn], t_ns: I64, until_ns: int) -> Iterator[int]:
        """When it fires before `until_ns`, with its signals' samples at these times."""
        yield from (turn.t_ns for turn in turns if turn.true or self.rule.both_edges)
        if self.rule.every_ns is not None:
            yield from self._periods(t_ns, until_ns, self.rule.every_ns)

    def _periods(self, t_ns: I64, until_ns: int, every_ns: int) -> Iterator[int]:
        while True:
            if self.due_ns is None and len(t_ns):
                self.due_ns = _period_end(int(t_ns[0]), every_ns)
            if self.due_ns is None or self.due_ns >= until_ns:
                return
            yield self.due_ns
            t_ns = t_ns[t_ns.searchsorted(self.due_ns, side="right") :]
            self.due_ns = None

    def shift(self, delta_ns: int) -> None:
        if self.due_ns is not None and self.rule.every_ns is not None:
            self.due_ns = _period_end(self.due_ns + delta_ns, self.rule.every_ns)


class Snapshots:
    """All snapshot rules over settled time."""

    def __init__(self, rules: Sequence[tuple[int, Snapshot]], signals: int) -> None:
        """`rules` with the positions by which they are named outside; `signals` are as many as the plan has."""
        self._rules = [_Asking(position, rule) for position, rule in rules]
        self._memory = Memory(signals)

    def known_as(self, signals: Mapping[int, int]) -> Readings:
        """The last sample of some signals, by other indices: those of another plan."""
        here = np.array([at for at in signals if self._memory.known[at]], np.int64)
        there = np.array([signals[at] for at in here.tolist()], np.int64)
        memory = self._memory
        return Readings(memory.t_ns.take(here), there, memory.raw.take(here), memory.value.take(here))

    def learn(self, samples: Readings) -> None:
        """At most one sample of each signal, known from before; without a rule none would be followed from now on."""
        if self._rules:
            self._memory.remember(samples)

    def feed(
        self, turns: Mapping[int, Sequence[Turn]], samples: Readings, until_ns: int, gates: Gates
    ) -> Iterator[Found]:
        """The snapshots that were asked for before `until_ns`, with all samples up to then."""
        if not self._rules:
            return
        asked = {
            (at_ns, nth)
            for nth, one in enumerate(self._rules)
            for at_ns in one.firings(_turns_of(one.rule, turns), self._times_of(one.rule, samples), until_ns)
        }
        done = 0
        for at_ns, nth in sorted(asked):
            known = int(samples.t_ns.searchsorted(at_ns, side="right"))
            self._remember(samples.part(done, known))
            done = known
            yield from self._found(self._rules[nth], at_ns, gates)
        self._remember(samples.part(done, len(samples)))

    def now(self, rules: Collection[int], at_ns: int, gates: Gates) -> Iterator[Found]:
        """The snapshots of the rules at these positions, since somebody asks now."""
        for one in self._rules:
            if one.position in rules:
                yield from self._found(one, at_ns, gates)

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time."""
        self._memory.t_ns += delta_ns
        for one in self._rules:
            one.shift(delta_ns)

    def _times_of(self, rule: Snapshot, samples: Readings) -> I64:
        if rule.every_ns is None:
            return samples.t_ns[:0]
        mine = np.zeros(len(self._memory), np.bool_)
        mine[rule.signals] = True
        return samples.t_ns[mine.take(samples.signal)]

    def _remember(self, samples: Readings) -> None:
        if not len(samples):
            return
        samples = samples.take(by_slot(samples.signal))
        self._memory.remember(samples.take(np.flatnonzero(np.append(np.diff(samples.signal) != 0, True))))

    def _found(self, one: _Asking, at_ns: int, gates: Gates) -> Iterator[Found]:
        """One snapshot, unless its gate is closed or nothing is known."""
        known = np.flatnonzero(self._memory.known.take(one.rule.signals))
        signal = one.rule.signals.take(known)
        kept = Kept(self._memory.t_ns.take(signal), known, self._memory.raw.take(signal))
        if len(kept) and gates.admits_at(one.position, at_ns):
            yield Found(one.position, kept.take(kept.t_ns.argsort(kind="stable")), (at_ns,), ends=True)


def _turns_of(rule: Snapshot, turns: Mapping[int, Sequence[Turn]]) -> Sequence[Turn]:
    return () if rule.at is None else turns.get(rule.at, ())


def _period_end(t_ns: int, every_ns: int) -> int:
    """The first whole multiple of the period, since the Unix epoch, at or after a time."""
    return -(-t_ns // every_ns) * every_ns

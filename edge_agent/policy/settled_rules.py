"""The rules that wait for settled time: events, snapshots, and whatever has a gate. Pure.

Their conditions are judged together. What they keep does not depend on how the stream was cut into blocks, nor on
which bus was read first; it comes as late as `until_ns` is behind the newest sample.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.bank import banks
from edge_agent.policy.condition import Conditions
from edge_agent.policy.condition_instants import Readings
from edge_agent.policy.condition_tree import Tree, signals_of
from edge_agent.policy.event_rules import Events
from edge_agent.policy.gates import Gates
from edge_agent.policy.kept import Found
from edge_agent.policy.rules import FIRST_NS, OPEN, Event, Rule, Snapshot
from edge_agent.policy.settling import Settled, Settling
from edge_agent.policy.snapshots import Snapshots
from edge_agent.policy.spells import Spells
from edge_agent.records import Bool, FrameBlock, Frames, SampleBlock, SignalInfo


@dataclass(frozen=True, slots=True)
class Watched:
    """What event rules did, in firings, and what their memory holds, in samples and frames."""

    fired: int = 0
    suppressed: int = 0
    """in a cooldown, or while a gate was closed"""
    past_held: int = 0
    past_lost: int = 0
    """gone before their time, because the memory was full; or come after it, because too many waited"""
    frames_held: int = 0
    frames_lost: int = 0
    """likewise, of frames that are captured"""


class SettledRules:
    """One configuration's rules of these kinds, named by their positions in `rules`; others are passed over."""

    def __init__(self, signals: Sequence[SignalInfo], rules: Sequence[Rule], conditions: Sequence[Tree]) -> None:
        """`conditions` are bound, and counted by the rules."""
        events = [(position, rule) for position, rule in enumerate(rules) if isinstance(rule, Event)]
        snapshots = [(position, rule) for position, rule in enumerate(rules) if isinstance(rule, Snapshot)]
        self._signals = tuple(signals)
        self._wanted = _wanted(rules, conditions, signals)
        self._settling = Settling(self._wanted)
        self._conditions = Conditions(conditions, signals)
        self._spells = Spells(len(conditions))
        self._gates = Gates([rule.gate for rule in rules])
        self._banks = banks(rules, signals, gated=True)
        self._events = Events(events, signals)
        self._snapshots = Snapshots(snapshots, len(signals))
        self._until_ns = FIRST_NS
        self._now_ns = FIRST_NS
        """up to where the stream was settled last, by this configuration or the one before"""

    @property
    def watched(self) -> Watched:
        """Counted since this configuration began."""
        past, frames = self._events.past, self._events.frame_past
        of_frames = (frames.held, frames.lost) if frames else (0, 0)
        lost = past.lost + self._settling.lost
        return Watched(self._events.fired, self._events.suppressed, past.held, lost, *of_frames)

    def learn(self, before: "SettledRules") -> None:
        """Know what the configuration before knew of the past; it has ended."""
        signals, events, snapshots = before._signals, before._events, before._snapshots  # noqa: SLF001  of its own kind
        there = {info: at for at, info in enumerate(self._signals) if self._wanted[at]}
        same = {at: there[info] for at, info in enumerate(signals) if info in there}
        self._events.past.add(events.past.known_as(same))
        self._snapshots.learn(snapshots.known_as(same))
        if self._events.frame_past and events.frame_past:
            self._events.frame_past.learn(events.frame_past)
        self._now_ns = before._now_ns  # noqa: SLF001  of its own kind

    def feed(self, block: SampleBlock, frames: FrameBlock | None) -> Iterator[Found]:
        """What is kept of the stretches that a block has settled; `frames` are those it was decoded from."""
        if not self._wanted.any():
            return
        *before, settled = self._settling.feed(block)
        for one in before:
            yield from self._judge(one)
        yield from self._judge(settled, frames)

    def end(self) -> Iterator[Found]:
        """What is kept of all that waits, because the stream or the configuration ends here."""
        for settled in self._settling.rest():
            yield from self._judge(settled)
        yield from self.rest()

    def rest(self) -> Iterator[Found]:
        """What is held back, because a batch must be whole here; windows go on."""
        for bank in self._banks:
            yield from (Found(position, kept) for position, kept in bank.rest().items())
        yield from self._events.rest(self._gates)

    def snapshots(self, rules: Collection[int]) -> Iterator[Found]:
        """Of the rules at these positions, now: as of the time up to which the stream is settled."""
        return self._snapshots.now(rules, self._now_ns, self._gates)

    def admits(self, rule: int) -> bool:
        """Whether the gate of the rule at this position is open, as of the time up to which the stream is settled."""
        return self._gates.admits_at(rule, self._now_ns)

    def is_true(self, condition: int) -> bool:
        """Whether this condition is true, as of the time up to which the stream is settled."""
        return self._spells.is_true(condition)

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time: the clock by which they were told was wrong by so much."""
        self._settling.shift(delta_ns)
        self._conditions.shift(delta_ns)
        for bank in self._banks:
            bank.shift(delta_ns)
        self._move(delta_ns)

    def _move(self, delta_ns: int) -> None:
        """What a clock that goes back moves; conditions and banks see themselves that it does."""
        self._gates.shift(delta_ns)
        self._events.shift(delta_ns)
        self._snapshots.shift(delta_ns)
        if self._until_ns != FIRST_NS:
            self._until_ns += delta_ns
        self._now_ns += delta_ns

    def _judge(self, settled: Settled, frames: FrameBlock | None = None) -> Iterator[Found]:
        if settled.moved_ns:
            self._move(settled.moved_ns)
        if frames is not None and self._events.frame_past:
            self._events.frame_past.add(
                Frames(frames.t_ns, frames.bus, frames.can_id, frames.flags, frames.length, frames.data)
            )
        block = settled.block
        turns = self._spells.feed(self._conditions.feed(block))
        self._gates.turn(turns, self._until_ns - self._events.lookback_ns)
        for bank in self._banks:
            kept = bank.judge(block, self._gates.table(bank.positions, block.t_ns))
            yield from (Found(position, one) for position, one in kept.items())
        samples = Readings(block.t_ns, block.signal.astype(np.int64), block.raw, block.value)
        yield from self._events.feed(turns, samples, block.until_ns, self._gates)
        yield from self._snapshots.feed(turns, samples, block.until_ns, self._gates)
        self._until_ns = self._now_ns = block.until_ns


def _wanted(rules: Sequence[Rule], conditions: Sequence[Tree], signals: Sequence[SignalInfo]) -> Bool:
    """Which signals have to be put in order."""
    names = {name for tree in conditions for name in signals_of(tree)}
    wanted = np.array([signal.name in names for signal in signals], np.bool_)
    for rule in rules:
        if isinstance(rule, Event | Snapshot) or rule.gate != OPEN:
            wanted[rule.signals] = True
    return wanted

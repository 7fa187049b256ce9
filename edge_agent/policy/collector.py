"""All rules over one stream of samples: what is kept, and when a batch is sealed. Pure: time comes with the blocks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import add

from edge_agent.policy.bank import Bank, banks, columns_of
from edge_agent.policy.batch import OpenBatch
from edge_agent.policy.condition_tree import Tree
from edge_agent.policy.kept import NOTHING, Found, Kept
from edge_agent.policy.open_capture import OpenCapture
from edge_agent.policy.rule_reports import RuleActivity, RuleStatus, Sealed
from edge_agent.policy.rules import Bounded, Rule, Snapshot
from edge_agent.policy.settled_rules import SettledRules, Watched
from edge_agent.records import (
    CLOCK_STEP_NS,
    Batch,
    BusCounts,
    BusHealth,
    ClockQuality,
    CloseReason,
    FrameBlock,
    Frames,
    RuleInfo,
    SampleBlock,
    SignalInfo,
    Trip,
)

FIRED = 64
"""Firings that one batch names at most, each 14 characters of its header; of more the first."""


@dataclass(slots=True)
class _Running:
    """A rule at work."""

    rule: Rule
    batch: OpenBatch
    capture: OpenCapture
    fired_ns: list[int] = field(default_factory=list)
    """when it fired for what is in the batch"""
    sealed: Sealed = field(default_factory=Sealed)
    """by this rule and those of its name before it"""
    stopped: bool = False
    """what it holds is not to be sealed any more"""


class Collector:
    """Feeds every rule and seals batches; `seq` goes on over configurations.

    A sealed batch is returned once and forgotten: whoever calls must not lose it.
    """

    def __init__(self, bus_names: Sequence[str]) -> None:
        self._bus_names = tuple(bus_names)
        self._counts = (BusCounts(),) * len(self._bus_names)
        self._next_seq = 0
        self._config_version = 0
        self._running: tuple[_Running, ...] = ()
        self._waiting: dict[str, RuleActivity] = {}
        self._banks: tuple[Bank, ...] = ()
        self._settled = SettledRules((), (), ())
        self._clock = ClockQuality.SYSTEM
        self._uptime_ns = 0
        self._epoch_ns = 0
        self._health: tuple[BusHealth, ...] = ()

    @property
    def counts(self) -> tuple[tuple[str, BusCounts], ...]:
        """Counters of each bus since the start."""
        return tuple(zip(self._bus_names, self._counts, strict=True))

    @property
    def watched(self) -> Watched:
        """What the running event rules did, and what their memory of the past holds."""
        return self._settled.watched

    @property
    def activity(self) -> dict[str, RuleActivity]:
        """What each rule does now, by its name, also of those that wait for consent."""
        running = {
            running.rule.info.name: RuleActivity(self._status(position, running), running.sealed)
            for position, running in enumerate(self._running)
        }
        return running | self._waiting

    @property
    def snapshot_rules(self) -> tuple[str, ...]:
        """Names of the running rules of which `snapshot` can be asked."""
        return tuple(running.rule.info.name for running in self._running if isinstance(running.rule, Snapshot))

    @property
    def sealed(self) -> int:
        """Batches since the start, over configurations; `seq` counts them."""
        return self._next_seq

    def is_true(self, condition: int) -> bool:
        """Whether the running configuration's condition of this number is true; unknown is not."""
        return self._settled.is_true(condition)

    def reconfigure(
        self,
        version: int,
        signals: Sequence[SignalInfo],
        rules: Sequence[Rule],
        conditions: Sequence[Tree] = (),
        *,
        waiting: Mapping[str, tuple[str, ...]] | None = None,
        knows_past: bool = True,
    ) -> list[Batch]:
        """Seal what is open and go on with these rules, which know signals by their index in `signals`.

        Conditions begin with nothing known; events and snapshots know the past of signals that were theirs before,
        unless nobody `knows_past`: what was not to be collected then must not be in what is collected now.
        Rules that are `waiting` for consent, named with the purposes they lack, do not run; what those of these names
        hold now is thrown away, and takes no number.
        """
        waiting = waiting or {}
        for running in self._running:
            running.stopped = running.rule.info.name in waiting
        sealed = self.flush(CloseReason.CONFIG_CHANGED)
        self._config_version = version
        so_far = {name: activity.sealed for name, activity in self.activity.items()}
        self._waiting = {
            name: RuleActivity(RuleStatus.WAITS_FOR_CONSENT, so_far.get(name, Sealed()), lacks)
            for name, lacks in waiting.items()
        }
        self._running = tuple(
            _Running(
                rule,
                _batch_of(rule, signals),
                OpenCapture(rule.limits, self._bus_names),
                sealed=so_far.get(rule.info.name, Sealed()),
            )
            for rule in rules
        )
        self._banks = banks(rules, signals)
        before, self._settled = self._settled, SettledRules(signals, rules, conditions)
        if knows_past:
            self._settled.learn(before)
        return sealed

    def feed(self, block: SampleBlock, frames: FrameBlock | None = None) -> list[Batch]:
        """Judge a block; returns the batches that are complete. `frames`, of which it was decoded, may be captured.

        With the first block after the clock was synchronised, whatever is not sealed yet is told by the new clock.
        Where it is set otherwise open batches are sealed: sorting would mix times of two settings.
        """
        sealed = self._follow_clock(block)
        self._counts = tuple(map(add, self._counts, block.counts))
        self._clock, self._uptime_ns, self._epoch_ns = block.clock, block.uptime_ns, block.epoch_ns
        self._health = block.health
        kept: dict[int, Kept] = {}
        for bank in self._banks:
            kept |= bank.judge(block)
        sealed += self._take(self._settled.feed(block, frames))
        return sealed + [
            batch
            for position, running in enumerate(self._running)
            if position in kept or running.batch.opened_ns is not None
            for batch in self._feed(running, kept.get(position, NOTHING), block.until_ns)
        ]

    def flush(self, why: CloseReason) -> list[Batch]:
        """Seal every open batch now, with what the rules still held back; they go on.

        What waits for earlier samples is judged where none will come: at the end of a configuration or of the stream.
        """
        rest: dict[int, Kept] = {}
        for bank in self._banks:
            rest |= bank.rest()
        is_end = why in {CloseReason.CONFIG_CHANGED, CloseReason.STOPPED}
        sealed = self._take(self._settled.end() if is_end else self._settled.rest())
        for position, running in enumerate(self._running):
            if running.stopped:
                continue
            sealed += self._collect(running, rest.get(position, NOTHING))
            if running.batch.opened_ns is not None:
                sealed.append(self._seal(running, why))
            sealed += self._seal_capture(running, running.capture.rest(why))
        return sealed

    def snapshot(self, rules: Sequence[str]) -> list[Batch]:
        """The snapshots of the rules of these names, now; of one whose gate is closed, or that knows nothing, none."""
        asked = {position for position, running in enumerate(self._running) if running.rule.info.name in rules}
        return self._take(self._settled.snapshots(asked))

    def take_in(self, trip: Trip, rule: RuleInfo, t_ns: int) -> Batch:
        """A batch of its own for what was summed up elsewhere on the vehicle, at this time."""
        return replace(self._next(rule, CloseReason.EVENT, t_ns, t_ns), trip=trip)

    def _follow_clock(self, block: SampleBlock) -> list[Batch]:
        step_ns = block.epoch_ns - self._epoch_ns
        if (self._clock, block.clock) == (ClockQuality.UNSYNCED, ClockQuality.SYNCED):
            self._shift(step_ns)
        elif self._epoch_ns and abs(step_ns) >= CLOCK_STEP_NS:
            sealed = self.flush(CloseReason.CLOCK_SET)
            self._shift(step_ns)
            return sealed
        return []

    def _shift(self, delta_ns: int) -> None:
        self._settled.shift(delta_ns)
        for bank in self._banks:
            bank.shift(delta_ns)
        for running in self._running:
            # Lines of a bounded rule were judged at times cut to its unit: they move by whole units, as in its keeper.
            unit = int(running.rule.info.time_unit) if isinstance(running.rule, Bounded) else 1
            running.batch.shift(delta_ns // unit * unit)
            running.capture.shift(delta_ns)
            running.fired_ns[:] = [t_ns + delta_ns for t_ns in running.fired_ns]

    def _take(self, findings: Iterable[Found]) -> list[Batch]:
        sealed: list[Batch] = []
        for found in findings:
            running = self._running[found.rule]
            if running.stopped:
                continue
            running.fired_ns += found.fired_ns[: FIRED - len(running.fired_ns)]
            sealed += self._collect(running, found.kept)
            if found.frames is not None:
                sealed += self._seal_capture(running, running.capture.add(found.frames))
            if found.ends and running.batch.opened_ns is not None:
                sealed.append(self._seal(running, CloseReason.EVENT))
            if found.ends:
                sealed += self._seal_capture(running, running.capture.rest(CloseReason.EVENT))
                running.fired_ns.clear()
        return sealed

    def _feed(self, running: _Running, kept: Kept, until_ns: int) -> Iterator[Batch]:
        if len(kept):
            yield from self._collect(running, kept)
        if running.batch.overdue(until_ns):
            yield self._seal(running, CloseReason.AGE)

    def _collect(self, running: _Running, kept: Kept) -> Iterator[Batch]:
        rest = kept
        while len(rest):
            rest, why = running.batch.add(rest)
            if len(rest):
                yield self._seal(running, why)

    def _seal(self, running: _Running, why: CloseReason) -> Batch:
        columns = running.batch.columns()
        opened_ns = min(int(column.t_ns[0]) for column in columns)
        closed_ns = max(int(column.t_ns[-1]) for column in columns)
        sealed = replace(
            self._next(running.rule.info, why, opened_ns, closed_ns), columns=columns, fired_ns=tuple(running.fired_ns)
        )
        del running.fired_ns[:-1]  # the window of the last one may go on
        running.sealed = running.sealed.plus(sealed)
        return sealed

    def _seal_capture(self, running: _Running, whole: Iterable[tuple[Frames, CloseReason]]) -> list[Batch]:
        sealed = [
            replace(self._next(running.rule.info, why, int(frames.t_ns[0]), int(frames.t_ns[-1])), frames=frames)
            for frames, why in whole
        ]
        for batch in sealed:
            running.sealed = running.sealed.plus(batch)
        return sealed

    def _status(self, position: int, running: _Running) -> RuleStatus:
        if not self._settled.admits(position):
            return RuleStatus.GATED
        return RuleStatus.RUNNING if running.sealed.batches else RuleStatus.SILENT

    def _next(self, rule: RuleInfo, why: CloseReason, opened_ns: int, closed_ns: int) -> Batch:
        """A numbered batch with nothing in it."""
        seq, self._next_seq = self._next_seq, self._next_seq + 1
        return Batch(
            seq=seq,
            rule=rule,
            opened_ns=opened_ns,
            closed_ns=closed_ns,
            why=why,
            config_version=self._config_version,
            columns=(),
            counts=self.counts,
            clock=self._clock,
            uptime_ns=self._uptime_ns,
            epoch_ns=self._epoch_ns,
            health=self._health,
        )


def _batch_of(rule: Rule, signals: Sequence[SignalInfo]) -> OpenBatch:
    return OpenBatch(columns_of(rule, signals), rule.limits, rule.info.lane, rule.info.time_unit)

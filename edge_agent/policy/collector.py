"""All rules over one stream of samples: what is kept, and when a batch is sealed. Pure: time comes with the blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import add

import numpy as np

from edge_agent.policy.batch import OpenBatch
from edge_agent.policy.kept import NOTHING, Keeper, Samples
from edge_agent.policy.on_change import OnChangeKeeper
from edge_agent.policy.periodic import PeriodicKeeper
from edge_agent.policy.rules import OnChange, Periodic, Rule
from edge_agent.records import I64, Batch, BusCounts, BusHealth, ClockQuality, CloseReason, SampleBlock, SignalInfo


@dataclass(slots=True)
class _Running:
    """A rule at work."""

    rule: Rule
    keeper: Keeper
    batch: OpenBatch
    local: I64
    """[signals of the plan] position within the rule, or -1"""


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
        self._clock = ClockQuality.SYSTEM
        self._uptime_ns = 0
        self._epoch_ns = 0
        self._health: tuple[BusHealth, ...] = ()

    @property
    def counts(self) -> tuple[tuple[str, BusCounts], ...]:
        """Counters of each bus since the start."""
        return tuple(zip(self._bus_names, self._counts, strict=True))

    def reconfigure(self, version: int, signals: Sequence[SignalInfo], rules: Sequence[Rule]) -> list[Batch]:
        """Seal what is open and go on with these rules, which know signals by their index in `signals`."""
        sealed = self.flush(CloseReason.CONFIG_CHANGED)
        self._config_version = version
        self._running = tuple(_start(rule, tuple(signals)) for rule in rules)
        return sealed

    def feed(self, block: SampleBlock) -> list[Batch]:
        """Judge a block; returns the batches that are complete."""
        self._counts = tuple(map(add, self._counts, block.counts))
        self._clock, self._uptime_ns, self._epoch_ns = block.clock, block.uptime_ns, block.epoch_ns
        self._health = block.health
        return [batch for running in self._running for batch in self._feed(running, block)]

    def flush(self, why: CloseReason) -> list[Batch]:
        """Seal every open batch now, with what the rules still held back."""
        sealed: list[Batch] = []
        for running in self._running:
            sealed += self._collect(running, running.keeper.rest())
            if running.batch.opened_ns is not None:
                sealed.append(self._seal(running, why))
        return sealed

    def _feed(self, running: _Running, block: SampleBlock) -> Iterator[Batch]:
        local = running.local.take(block.signal)
        at = np.flatnonzero(local >= 0)
        kept = NOTHING
        if len(at):
            mine = Samples(block.t_ns.take(at), local.take(at), block.raw.take(at), block.value.take(at))
            kept = running.keeper.keep(mine)
        kept = kept.then(running.keeper.due(block.until_ns))
        if len(kept):
            yield from self._collect(running, kept)
        if running.batch.overdue(block.until_ns):
            yield self._seal(running, CloseReason.AGE)

    def _collect(self, running: _Running, kept: Samples) -> Iterator[Batch]:
        rest = kept.by_time()
        while len(rest):
            rest, why = running.batch.add(rest)
            if len(rest):
                yield self._seal(running, why)

    def _seal(self, running: _Running, why: CloseReason) -> Batch:
        columns = running.batch.columns()
        seq, self._next_seq = self._next_seq, self._next_seq + 1
        return Batch(
            seq=seq,
            rule=running.rule.info,
            opened_ns=min(int(column.t_ns[0]) for column in columns),
            closed_ns=max(int(column.t_ns[-1]) for column in columns),
            why=why,
            config_version=self._config_version,
            columns=columns,
            counts=self.counts,
            clock=self._clock,
            uptime_ns=self._uptime_ns,
            epoch_ns=self._epoch_ns,
            health=self._health,
        )


def _start(rule: Rule, signals: tuple[SignalInfo, ...]) -> _Running:
    local = np.full(len(signals), -1, np.int64)
    local[rule.signals] = np.arange(len(rule.signals))
    batch = OpenBatch(tuple(signals[i] for i in rule.signals), rule.limits, rule.info.lane, rule.info.time_unit)
    return _Running(rule, _keeper(rule), batch, local)


def _keeper(rule: Rule) -> Keeper:
    match rule:
        case Periodic():
            return PeriodicKeeper(len(rule.signals), rule.every_ns)
        case OnChange():
            return OnChangeKeeper(
                len(rule.signals),
                deadband=rule.deadband,
                min_interval_ns=rule.min_interval_ns,
                heartbeat_ns=rule.heartbeat_ns,
            )

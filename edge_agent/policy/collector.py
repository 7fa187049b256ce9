"""All rules over one stream of samples: what is kept, and when a batch is sealed. Pure: time comes with the blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import add

from edge_agent.policy.bank import Bank, banks, columns_of
from edge_agent.policy.batch import OpenBatch
from edge_agent.policy.kept import NOTHING, Kept
from edge_agent.policy.rules import Bounded, Rule
from edge_agent.records import Batch, BusCounts, BusHealth, ClockQuality, CloseReason, SampleBlock, SignalInfo


@dataclass(slots=True)
class _Running:
    """A rule at work."""

    rule: Rule
    batch: OpenBatch


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
        self._banks: tuple[Bank, ...] = ()
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
        self._running = tuple(_Running(rule, _batch_of(rule, signals)) for rule in rules)
        self._banks = banks(rules, signals)
        return sealed

    def feed(self, block: SampleBlock) -> list[Batch]:
        """Judge a block; returns the batches that are complete.

        With the first block after the clock was synchronised, whatever is not sealed yet is told by the new clock.
        """
        if (self._clock, block.clock) == (ClockQuality.UNSYNCED, ClockQuality.SYNCED):
            self._shift(block.epoch_ns - self._epoch_ns)
        self._counts = tuple(map(add, self._counts, block.counts))
        self._clock, self._uptime_ns, self._epoch_ns = block.clock, block.uptime_ns, block.epoch_ns
        self._health = block.health
        kept: dict[int, Kept] = {}
        for bank in self._banks:
            kept |= bank.judge(block)
        return [
            batch
            for position, running in enumerate(self._running)
            for batch in self._feed(running, kept.get(position, NOTHING), block.until_ns)
        ]

    def flush(self, why: CloseReason) -> list[Batch]:
        """Seal every open batch now, with what the rules still held back; they go on."""
        rest: dict[int, Kept] = {}
        for bank in self._banks:
            rest |= bank.rest()
        sealed: list[Batch] = []
        for position, running in enumerate(self._running):
            sealed += self._collect(running, rest.get(position, NOTHING))
            if running.batch.opened_ns is not None:
                sealed.append(self._seal(running, why))
        return sealed

    def _shift(self, delta_ns: int) -> None:
        for bank in self._banks:
            bank.shift(delta_ns)
        for running in self._running:
            # Lines of a bounded rule were judged at times cut to its unit: they move by whole units, as in its keeper.
            unit = int(running.rule.info.time_unit) if isinstance(running.rule, Bounded) else 1
            running.batch.shift(delta_ns // unit * unit)

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


def _batch_of(rule: Rule, signals: Sequence[SignalInfo]) -> OpenBatch:
    return OpenBatch(columns_of(rule, signals), rule.limits, rule.info.lane, rule.info.time_unit)

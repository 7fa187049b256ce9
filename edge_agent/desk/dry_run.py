"""The engine over a recorded log, faster than real time: what rules would keep, and cost, before they are in a car.

Frames, samples, batches and payloads are made by the code that runs in the vehicle; only nothing is written to a spool
and nothing is sent. Every batch says of itself what it says at the first start of a vehicle; its `uptime_ms` is the
log's time, so that equal logs and rules give equal bytes.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import cast

from edge_agent.clock import SystemClock
from edge_agent.decode.bus_load import BitRates
from edge_agent.decode.catalog import Catalog, nearest
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.health import BusLine
from edge_agent.decode.load import read_mapping
from edge_agent.decode.naming import mapped
from edge_agent.desk.dry_run_report import LogRead, Report, Use, report
from edge_agent.desk.dry_run_tally import DriveTime, Tally
from edge_agent.desk.dry_run_traces import Trace, Traces
from edge_agent.errors import DocumentRefused, Fault, FileRefused
from edge_agent.events import Log
from edge_agent.policy.collector import Collector
from edge_agent.records import Batch, BootInfo, CloseReason, Envelope, FrameBlock, SampleBlock
from edge_agent.settings import BusSettings, Settings, load_settings
from edge_agent.source import source_of
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_agent.twin import Config, compile_document, faults_of_text, judge

FIRST_BOOT = BootInfo(1, None, None)
DEVICE, MODULE = "demo-vehicle", "telematics"
"""of payloads where the environment names none: they count as bytes"""
BUS = "car"
"""name of the one bus where databases are given"""
FIRST_VERSION = 1


def settings_of(log: Path, databases: Sequence[Path], vss: Path | None, spool_cap_bytes: int | None) -> Settings:
    """A vehicle whose one bus has these databases; without any, the one that the environment describes.

    Raises BadSettings.
    """
    given: dict[str, object] = {"replay_log": log, "replay_speed": 0.0}
    if databases:
        given["buses"] = (BusSettings(name=BUS, channel=BUS, dbc=tuple(databases), vss=vss),)
    if spool_cap_bytes is not None:
        given["spool_cap_bytes"] = spool_cap_bytes
    return load_settings(**given)


def catalog_of(settings: Settings) -> Catalog:
    """Every database of every bus. What a vehicle can do without, a desk must mend: DatabaseRefused, MappingRefused."""
    loaded = []
    for bus in settings.buses:
        databases = [load_database(path) for path in bus.dbc]
        if bus.vss:
            databases, _ = mapped(databases, read_mapping(bus.vss))
        loaded.append((bus.name, databases))
    return Catalog(loaded)


def config_of(path: Path, catalog: Catalog) -> Config:
    """The rules of a file of desired properties. Raises FileRefused, or DocumentRefused with every mistake's place."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileRefused(str(path), f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FileRefused(str(path), f"is not UTF-8 at byte {error.start}") from error
    if faults := faults_of_text(text, catalog):
        raise DocumentRefused([Fault(f"{path} {fault.loc}".rstrip(), fault.message) for fault in faults])
    desired = json.loads(text)
    return compile_document(judge(desired), catalog, int(desired.get("$version", FIRST_VERSION)))


async def dry_run(
    settings: Settings,
    twin: Path,
    *,
    hours_a_day: float,
    offline_days: float,
    seconds: float | None = None,
    plotted: Sequence[str] | None = None,
    progress: Callable[[int], None],
    log: Log,
) -> tuple[Report, tuple[Trace, ...]]:
    """The figures, and the traces of the signals that `plotted` names: the most reduced ones for (), none for None.

    `settings.replay_log` is the log, of which the first `seconds` are read. `progress` is told the frames read so far.
    Raises LogRefused, DatabaseRefused, MappingRefused, DocumentRefused, FileRefused.
    """
    catalog = catalog_of(settings)
    config = config_of(twin, catalog)
    traces = None if plotted is None else Traces(config.plan.signals, traced(plotted, catalog, config))
    run = DryRun(settings, catalog, config, traces=traces, log=log)
    async for _ in run.batches(seconds=seconds, progress=progress):
        pass
    return run.report(Use(hours_a_day, offline_days, settings.spool_cap_bytes)), traces.traces() if traces else ()


def traced(patterns: Sequence[str], catalog: Catalog, config: Config) -> tuple[str, ...]:
    """Signals that somebody wants to see. Raises DocumentRefused where a pattern means none of the rules' signals."""
    of_rules = [signal.name for signal in config.plan.signals]
    found: dict[str, None] = {}
    for pattern in patterns:
        names = [name for name in catalog.match(pattern) if name in of_rules]
        if not names:
            near = nearest(pattern, of_rules)
            reason = "no signal of the rules has this name" + (f"; nearest: {', '.join(near)}" if near else "")
            raise DocumentRefused([Fault(f"--signal {pattern}", reason)])
        found |= dict.fromkeys(names)
    return tuple(found)


class DryRun:
    """One log under one set of rules; run once."""

    def __init__(
        self, settings: Settings, catalog: Catalog, config: Config, *, traces: Traces | None = None, log: Log
    ) -> None:
        self._settings, self._traces, self._log = settings, traces, log
        self._sender = Sender(settings.device or DEVICE, settings.module or MODULE)
        lines = [BusLine(bus.name, BitRates(bus.bitrate, bus.data_bitrate)) for bus in settings.buses]
        self._decoding = Decoding(config.plan, lines)
        self._collector = Collector(catalog.bus_names)
        self._collector.reconfigure(config.version, config.plan.signals, config.rules)
        self._tally = Tally(config.plan.signals, config.rules)
        self._time = DriveTime()

    async def batches(
        self, *, seconds: float | None = None, progress: Callable[[int], None] | None = None
    ) -> AsyncIterator[tuple[Batch, Envelope]]:
        """Every batch, and what it is on disk; of the log's first `seconds` only, if given. Raises LogRefused.

        `progress` is told the frames read so far.
        """
        async for block in self._blocks(seconds):
            for sealed in self._sealed(self._judged(self._decoding.feed(block))):
                yield sealed
            if progress:
                progress(self._frames)
        if (rest := self._decoding.rest()) is not None:
            for sealed in self._sealed(self._judged(rest)):
                yield sealed
        for sealed in self._sealed(self._collector.flush(CloseReason.STOPPED)):
            yield sealed

    def report(self, use: Use) -> Report:
        """The figures of what was read."""
        log = LogRead(
            path=str(self._settings.replay_log),
            drive_s=self._time.elapsed_ns / 1e9,
            frames=self._frames,
            samples=self._tally.samples,
            buses=self._collector.counts,
        )
        return report(log, self._tally.rules(), use)

    @property
    def _frames(self) -> int:
        return sum(counts.seen for _, counts in self._collector.counts)

    async def _blocks(self, seconds: float | None) -> AsyncIterator[FrameBlock]:
        """As the source gives them, with the log's time for the agent's; whole ticks."""
        source, _, _ = source_of(self._settings, SystemClock(), self._log)
        # Every source is an async generator; the port promises no more than an iterator.
        async with aclosing(cast("AsyncGenerator[FrameBlock, None]", source.blocks())) as blocks:
            async for block in blocks:
                uptime_ns = self._time.follow(block)
                yield replace(block, uptime_ns=uptime_ns)
                if seconds is not None and uptime_ns >= seconds * 1e9:
                    return

    def _judged(self, samples: SampleBlock) -> list[Batch]:
        self._tally.hear(samples)
        if self._traces:
            self._traces.hear(samples)
        return self._collector.feed(samples)

    def _sealed(self, batches: Sequence[Batch]) -> Iterator[tuple[Batch, Envelope]]:
        for batch in batches:
            envelope = seal(batch, self._sender, FIRST_BOOT, ())
            self._tally.take(batch, envelope)
            if self._traces:
                self._traces.take(batch)
            yield batch, envelope

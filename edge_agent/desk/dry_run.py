"""The engine over a recorded log, faster than real time: what rules would keep, and cost, before they are in a car.

Frames, samples, batches and payloads are made by the stages that run in the vehicle; only nothing is written to a spool
and nothing is sent. Every batch says of itself what it says at the first start of a vehicle; its `uptime_ms` is the
log's time, so that equal logs and rules give equal bytes.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import cast

from edge_agent.acquire.feed import feed
from edge_agent.channel import Channel, WhenFull
from edge_agent.clock import SystemClock
from edge_agent.decode.bus_load import BitRates
from edge_agent.decode.bus_reports import BusReports
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
from edge_agent.ports import FrameSource
from edge_agent.records import Batch, BootInfo, Envelope, FrameBlock, SampleBlock
from edge_agent.settings import BusSettings, Settings, load_settings
from edge_agent.sift import Sift
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_agent.tap.latest import Latest
from edge_agent.twin.compilation import Config, faults_of_text
from edge_agent.twin.desired import Twin
from edge_agent.twin.reported import Reported
from edge_agent.uplink.budget import Budget
from edge_agent.wiring.source import source_of
from edge_agent.written_json import read_json

FIRST_BOOT = BootInfo(1, None, None)
DEVICE, MODULE = "demo-vehicle", "telematics"
"""of payloads where the environment names none: they count as bytes"""
BUS = "car"
"""name of the one bus where databases are given"""
FIRST_VERSION = 1
FRAME_BLOCKS = 64
SEALED_BATCHES = 32


def settings_of(log: Path, databases: Sequence[Path], vss: Path | None, spool_cap_bytes: int | None) -> Settings:
    """A vehicle whose one bus has these databases; without any, the one that the environment describes.

    Raises BadSettings, or FileRefused for a mapping without databases.
    """
    if vss and not databases:
        raise FileRefused(str(vss), "a mapping goes with --dbc; the buses of BUSES name their own")
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
    desired = cast("dict[str, object]", read_json(text))
    version = desired.get("$version")
    desired["$version"] = version if type(version) is int else FIRST_VERSION  # true is an int as well
    twin = Twin(catalog)
    twin.document(json.dumps({"desired": desired}))
    if twin.config is None:
        raise AssertionError(f"{path} was judged twice, and not alike")
    return twin.config


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
    trial = DryRun(settings, catalog, config, traces=traces, log=log)
    await trial.run(seconds=seconds, progress=progress)
    use = Use(hours_a_day, offline_days, settings.spool_cap_bytes, budgeted=config.budget != Budget())
    return trial.report(use), traces.traces() if traces else ()


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
        self._settings, self._config, self._traces, self._log = settings, config, traces, log
        self._sender = Sender(settings.device or DEVICE, settings.module or MODULE)
        self._drive = DriveTime()
        self._tally = Tally(config.plan.signals, config.rules)
        self._collector = _Overheard(catalog.bus_names, self._hear)
        # A log's error frames are SocketCAN's, or say nothing.
        lines = [BusLine(bus.name, BitRates(bus.bitrate, bus.data_bitrate)) for bus in settings.buses]
        reports = BusReports(catalog.bus_names, Reported(), log)
        self._sift = Sift(Decoding(config.plan, lines), reports, self._collector, Latest(), log)

    async def run(
        self,
        *,
        seconds: float | None = None,
        progress: Callable[[int], None] | None = None,
        take: Callable[[Batch, Envelope], None] | None = None,
    ) -> None:
        """Through the stages that make batches, as the agent joins them. Raises LogRefused.

        Of the log the first `seconds`, in whole ticks, if given. `progress` is told the frames read so far; `take` is
        given every batch, and what it is on disk.
        """
        frames: Channel[FrameBlock] = Channel("frames", FRAME_BLOCKS, WhenFull.WAIT)
        configs: Channel[Config] = Channel("configs", 1, WhenFull.WAIT)
        batches: Channel[Batch] = Channel("batches", SEALED_BATCHES, WhenFull.WAIT)
        await configs.put(self._config)
        source, _, _ = source_of(self._settings, SystemClock(), self._log)
        timed = _Timed(source, self._drive, seconds, progress)
        at_once = asyncio.Event()
        at_once.set()
        async with asyncio.TaskGroup() as group:
            acquire = group.create_task(
                feed(timed, frames, [bus.name for bus in self._settings.buses], begin=at_once, log=self._log),
                name="acquire",
            )
            group.create_task(self._sift.run(frames, configs, batches), name="sift")
            async for batch in batches:
                envelope = self._sealed(batch)
                if take:
                    take(batch, envelope)
        if refusal := acquire.result():
            raise refusal

    def report(self, use: Use) -> Report:
        """The figures of what was read."""
        log = LogRead(
            path=str(self._settings.replay_log),
            drive_s=self._drive.elapsed_ns / 1e9,
            frames=sum(counts.seen for _, counts in self._collector.counts),
            samples=self._tally.samples,
            buses=self._collector.counts,
        )
        return report(log, self._tally.rules(), self._tally.silent_in_conditions(), use)

    def _hear(self, samples: SampleBlock) -> None:
        self._tally.hear(samples)
        if self._traces:
            self._traces.hear(samples)

    def _sealed(self, batch: Batch) -> Envelope:
        envelope = seal(batch, self._sender, FIRST_BOOT, ())
        self._tally.take(batch, envelope)
        if self._traces:
            self._traces.take(batch)
        return envelope


class _Overheard(Collector):
    """The collector, with somebody who hears what the rules are about to judge."""

    def __init__(self, bus_names: Sequence[str], hear: Callable[[SampleBlock], None]) -> None:
        super().__init__(bus_names)
        self._hear = hear

    def feed(self, block: SampleBlock, frames: FrameBlock | None = None) -> list[Batch]:
        self._hear(block)
        return super().feed(block, frames)


class _Timed:
    """A source with the log's time for the agent's: headers tell `uptime_ms`, which is to be the same each time."""

    def __init__(
        self, source: FrameSource, drive: DriveTime, seconds: float | None, progress: Callable[[int], None] | None
    ) -> None:
        self._source, self._drive, self._progress = source, drive, progress
        self._until_ns = inf if seconds is None else seconds * 1e9

    async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
        """As `FrameSource`."""
        count = 0
        async with aclosing(self._source.blocks()) as blocks:
            async for block in blocks:
                uptime_ns = self._drive.follow(block)
                yield replace(block, uptime_ns=uptime_ns)
                count += len(block)
                if self._progress:
                    self._progress(count)
                if uptime_ns >= self._until_ns:
                    return

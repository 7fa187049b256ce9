"""The only wiring: builds every part of one process, and joins the stages by channels. `app.py` runs them.

source --frames--> sift (decode, tap, policy) --batches--> keep (spool) ... spool --> delivery (uplink)
                     ^-- configs -- inbox (twin) <-------------------------------------'
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from edge_agent import __version__
from edge_agent.channel import Channel, WhenFull
from edge_agent.clock import SystemClock
from edge_agent.decode.bus_reports import BusReports
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.database_reports import databases_told
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.load import Refusal
from edge_agent.decode.plan import compile_plan
from edge_agent.events import Log
from edge_agent.head_unit.door import CabinDoor, asks_for_consent
from edge_agent.large_buffers import give_back_free_pages
from edge_agent.observe.health import Watch
from edge_agent.observe.latency import Latency
from edge_agent.observe.log_level import LogLevel
from edge_agent.observe.overview import Overview
from edge_agent.policy.collector import Collector
from edge_agent.policy.rule_reports import RuleReports
from edge_agent.ports import Uplink
from edge_agent.power.power_file import PowerFile
from edge_agent.power.turns import Line, Power
from edge_agent.records import Batch, FrameBlock
from edge_agent.settings import Settings
from edge_agent.sift import Sift
from edge_agent.spool.header import Sender
from edge_agent.spool.keep import GroupCommit, Keeping
from edge_agent.spool.segments import SegmentSpool
from edge_agent.spool.spool_reports import SpoolReports
from edge_agent.tap.latest import Latest
from edge_agent.tap.live import LiveTap
from edge_agent.tap.recent_frames import RecentFrames
from edge_agent.twin.answers import methods_of
from edge_agent.twin.compilation import Config
from edge_agent.twin.desired import Twin
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.inbox import LastGoodTwin, ModuleInbox
from edge_agent.twin.reported import Reported
from edge_agent.twin.state_file import StateFile
from edge_agent.twin.trials import Trials
from edge_agent.twin.vehicle_state import VehicleState
from edge_agent.uplink.deliver import Delivery
from edge_agent.wiring.local_bus import local_bus_of
from edge_agent.wiring.source import bus_lines, narrowing, source_of
from edge_agent.wiring.uplink import tariff_of

FRAME_BLOCKS = 64
"""blocks waiting for the CPU: 6 s at the default tick"""
SEALED_BATCHES = 32
CONFIGS = 8


class Parts:
    """Everything of one process. Options say which object is built; behind it nobody knows which it is."""

    def __init__(
        self,
        settings: Settings,
        databases: tuple[Catalog, Sequence[Refusal]],
        spool: SegmentSpool,
        uplink: Uplink,
        log: Log,
        *,
        set_level: Callable[[str], None],
    ) -> None:
        """`set_level` is told from which level on events are to be heard, when the twin changes that."""
        self.settings, self.spool, self.log = settings, spool, log
        self.clock = clock = SystemClock()
        self.catalog, self._refusals = databases
        self.bus_names = self.catalog.bus_names
        self._reported = reported = Reported()
        self._sender = Sender(settings.device, settings.module)

        self.source, opened, self.replays = source_of(settings, clock, log)
        when_full = WhenFull.WAIT if self.replays else WhenFull.DROP_OLDEST
        self.frames: Channel[FrameBlock] = Channel("frames", FRAME_BLOCKS, when_full)
        self.configs: Channel[Config] = Channel("configs", CONFIGS, WhenFull.DROP_OLDEST)
        self.batches: Channel[Batch] = Channel("batches", SEALED_BATCHES, WhenFull.WAIT)

        self.local_bus = local_bus_of(settings, clock, log)
        self.tap = LiveTap(self.local_bus, spool.boot.boot, clock=clock, log=log)
        self._latest, self._recent = Latest(), RecentFrames(settings.test_memory_bytes)
        self._state_file = StateFile(settings.data_folder / "state.json", log)
        self._vehicle_state = VehicleState(reported, self._state_file.read())
        reports, self.collector = BusReports(self.bus_names, reported, log), Collector(self.bus_names)
        self.sift = self._sift_of(reports)

        self.cabin = CabinDoor(
            settings, self.sift, spool, self.local_bus, reported, forget=self._forget, clock=clock, log=log
        )
        self.latency = Latency()
        self.keeping = self._keeping_of()
        self._spool_reports = SpoolReports(reported)

        self.tariff = tariff_of(settings, reported, clock, log)
        self._log_level = LogLevel(settings.runtime_log_level, reported, log, set_level)
        self.inbox = self._inbox_of()
        self.delivery = self._delivery_of(uplink)

        self.overview = self._overview_of(opened, reports)
        self.power = self._power_of()
        self.watch = Watch(settings.commit_s)

    def keep_state(self) -> None:
        """The vehicle's last known state, to disk if it is news. Blocking."""
        self._state_file.keep(lambda: self._vehicle_state.body)

    def tell_what_waits(self) -> None:
        """On disk or in memory, to the twin."""
        spool, quarantined = self.spool, len(self.delivery.quarantine)
        self._spool_reports.feed(spool.depth, spool.standing, spool.lost, self.clock.now_ns(), quarantined=quarantined)

    def _sift_of(self, reports: BusReports) -> Sift:
        return Sift(
            Decoding(compile_plan(self.catalog, ()), bus_lines(self.settings)),
            reports,
            self.collector,
            self._latest,
            self.log,
            narrow=narrowing(self.source, self.catalog),
            rule_reports=RuleReports(self._reported),
            vehicle_state=self._vehicle_state,
            recent=self._recent,
            tap=self.tap,
            hear=lambda is_true: self.power.hear(is_true=is_true),
            asks_for_consent=asks_for_consent(self.settings),
        )

    def _keeping_of(self) -> Keeping:
        def committed(batches: Sequence[Batch]) -> None:
            self.latency.commit(self.spool.boot.boot, batches, self.clock.uptime_ns())
            asyncio.get_running_loop().call_soon(give_back_free_pages)  # when nobody holds these batches any more

        commit = GroupCommit(self.settings.commit_s, self.settings.commit_bytes)
        return Keeping(self.spool, self._sender, commit=commit, committed=committed, answered=self.cabin.answered)

    def _inbox_of(self) -> ModuleInbox:
        trials = Trials(self.catalog, self._recent, self._sender, self.clock)
        return ModuleInbox(
            Twin(self.catalog),
            LastGoodTwin(self.settings.data_folder / "twin.json"),
            self.configs,
            methods=methods_of(self.sift, self._latest, trials, self.cabin, lambda: asdict(self.overview.status())),
            about={
                "agent": {"version": __version__, "boot": self.spool.boot.boot},
                "databases": databases_told(self.catalog, self._refusals),
            },
            link=self._link,
            reported=self._reported,
            log=self.log,
            acknowledges=bool(self.settings.model_id),
            follow=self._follow,
        )

    def _delivery_of(self, uplink: Uplink) -> Delivery:
        return Delivery(
            uplink,
            self.spool,
            self.inbox,
            self._reported,
            clock=self.clock,
            random=random.random,
            log=self.log,
            allowance=self.tariff.allowance,
            sending=self.tariff.sending,
            acked=lambda key: self.latency.acknowledge(key, self.clock.uptime_ns()),
            withdrawn=self.spool.is_withdrawn,
        )

    def _overview_of(self, opened: Callable[[], Iterable[str]], reports: BusReports) -> Overview:
        return Overview(
            opened=opened,
            frames=self.frames,
            sift=self.sift,
            reports=reports,
            collector=self.collector,
            batches=self.batches,
            keeping=self.keeping,
            spool=self.spool,
            inbox=self.inbox,
            local_bus=self.local_bus,
            tap=self.tap,
            tariff=self.tariff,
            delivery=self.delivery,
        )

    def _power_of(self) -> Power:
        line = Line(
            seal=self.sift.seal_for_quiet,
            commit=self.keeping.hurry,
            waits=self.overview.urgent_waits,
            limit=self.tariff.allowance.limit,
            hush=self.delivery.hush,
            wake=self.delivery.wake,
            left=lambda: self.spool.depth[0],
        )
        file = PowerFile(self.settings.data_folder / "power.json", self.log)
        return Power(line, file, self._reported, clock=self.clock, log=self.log)

    def _forget(self) -> None:
        """As `keep_state`. Raises OSError: what was withdrawn is still there then."""
        self._state_file.write(lambda: self._vehicle_state.body)

    def _follow(self, config: Config) -> None:
        self._log_level.follow(config.log_level)
        self.tariff.follow(config.link, config.budget, config.unmetered)
        self.power.follow(config.quiet)

    def _link(self) -> JsonObject:
        """The connection that is made now is told with what counts of its kind; one that stands was told already."""
        if not self.delivery.up:
            since_ms = self.clock.now_ns() // 1_000_000
            self.tariff.connected({"since_ms": since_ms, "connects": self.delivery.counts.sessions + 1})
        return {}

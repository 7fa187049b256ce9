"""The only wiring: builds every adapter, joins the stages by four channels, creates every task.

source --frames--> sift (decode, tap, policy) --batches--> keep (spool) ... spool --> delivery (uplink)
                     ^-- configs -- inbox (twin) <-------------------------------------'
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import asdict

from edge_agent import __version__, events
from edge_agent.acquire.feed import feed
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
from edge_agent.observe.health import LOOK_S as HEALTH_LOOK_S
from edge_agent.observe.health import Verdict, Watch
from edge_agent.observe.health_answer import health_answered
from edge_agent.observe.latency import Latency
from edge_agent.observe.log_level import LogLevel
from edge_agent.observe.metrics import labels_of, metrics_of, metrics_served
from edge_agent.observe.overview import Overview
from edge_agent.observe.status import Status
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
from edge_agent.twin.compilation import Config
from edge_agent.twin.desired import Twin
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.inbox import LastGoodTwin, ModuleInbox
from edge_agent.twin.methods import all_flushed, latest_values, snapshot_taken
from edge_agent.twin.reported import Reported
from edge_agent.twin.state_file import StateFile
from edge_agent.twin.trials import Trials
from edge_agent.twin.vehicle_state import VehicleState
from edge_agent.uplink.deliver import Delivery
from edge_agent.wiring.door import tariff_of
from edge_agent.wiring.local_door import local_bus_of
from edge_agent.wiring.source import bus_lines, catalog_of, narrowing, source_of
from edge_agent.wiring.storage import spool_of

FRAME_BLOCKS = 64
"""blocks waiting for the CPU: 6 s at the default tick"""
SEALED_BATCHES = 32
CONFIGS = 8
LOOK_S = 5.0
"""How often it is looked what waits on disk, and whether the vehicle's state is to be kept."""


class Agent:
    """Everything of one process; opened once, run once."""

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
        self._settings = settings
        self._spool = spool
        self._log = log
        self._clock = clock = SystemClock()
        catalog, refusals = databases
        self._bus_names = catalog.bus_names
        self._source, opened, self._replays = source_of(settings, clock, log)
        self._frames: Channel[FrameBlock] = Channel(
            "frames", FRAME_BLOCKS, WhenFull.WAIT if self._replays else WhenFull.DROP_OLDEST
        )
        self._configs: Channel[Config] = Channel("configs", CONFIGS, WhenFull.DROP_OLDEST)
        self._batches: Channel[Batch] = Channel("batches", SEALED_BATCHES, WhenFull.WAIT)
        self._latest = Latest()
        collector = Collector(catalog.bus_names)
        reports = BusReports(catalog.bus_names, reported := Reported(), log)
        self._state_file = StateFile(settings.data_folder / "state.json", log)
        self._vehicle_state = VehicleState(reported, self._state_file.read())
        self._spool_reports = SpoolReports(reported)
        self._local_bus = local_bus_of(settings, clock, log)
        self._tap = LiveTap(self._local_bus, spool.boot.boot, clock=clock, log=log)
        recent = RecentFrames(settings.test_memory_bytes)
        sender = Sender(settings.device, settings.module)
        self._sift = Sift(
            Decoding(compile_plan(catalog, ()), bus_lines(settings)),
            reports,
            collector,
            self._latest,
            log,
            narrow=narrowing(self._source, catalog),
            rule_reports=RuleReports(reported),
            vehicle_state=self._vehicle_state,
            recent=recent,
            tap=self._tap,
            hear=lambda is_true: self._power.hear(is_true=is_true),
            asks_for_consent=asks_for_consent(settings),
        )
        self._cabin = self._cabin_of(reported)
        self._latency = Latency()
        self._keeping = self._keeping_of(sender)
        self._trials = Trials(catalog, recent, sender, clock)
        self._tariff = tariff_of(settings, reported, clock, log)
        self._log_level = LogLevel(settings.runtime_log_level, reported, log, set_level)
        self._inbox = self._inbox_of(catalog, refusals, reported)
        self._delivery = self._delivery_of(uplink, reported)
        self._overview = self._overview_of(opened, reports, collector)
        self._power = self._power_of(reported)
        self._watch = Watch(settings.commit_s)
        self._reading = not self._replays
        self._finish = asyncio.Event()

    @classmethod
    async def open(
        cls, settings: Settings, uplink: Uplink, log: Log, set_level: Callable[[str], None] = lambda _: None
    ) -> "Agent":
        """Load the databases, recover the spool and wire the stages. Raises SpoolUnusable.

        `set_level` is told from which level on events are to be heard, when the twin changes that.
        """
        # 20 s for a database of 10 MB: off the loop, which must hear a SIGTERM meanwhile.
        databases = await asyncio.to_thread(catalog_of, settings, log)
        spool = await spool_of(settings, log)
        return cls(settings, databases, spool, uplink, log, set_level=set_level)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until `finish` or a replayed log's end; then drain, and close the spool.

        Raises LogRefused, after the drain, where a log could not be read to its end.
        """
        folder = str(self._settings.data_folder)
        boot = self._spool.boot.boot
        events.agent_started(self._log, version=__version__, boot=boot, buses=self._bus_names, data_folder=folder)
        try:
            if stop.is_set():  # while the databases were loaded
                return
            await self._cabin.begin()
            await self._inbox.restore()
            answered = health_answered(self._settings.data_folder, self.health, self._log)
            async with answered, self._metrics(), asyncio.TaskGroup() as group:
                await self._run(group, stop)
        finally:
            await asyncio.to_thread(self._state_file.write, self._vehicle_state.body)
            await self._spool.close()

    def finish(self) -> None:
        """Read no more, deliver everything, and end."""
        self._finish.set()

    def fall_quiet(self) -> None:
        """Put what is open on disk, send what is urgent, then use no network until `wake`."""
        self._power.ask()

    def wake(self) -> None:
        """Connect again, and deliver what waits."""
        self._power.wake()

    def _metrics(self) -> AbstractAsyncContextManager[int | None]:
        port = self._settings.metrics_port
        if not port:
            return nullcontext()
        labels = labels_of(self._settings.hub, self._settings.device, self._settings.module, self._spool.boot.boot)
        return metrics_served(
            self._settings.metrics_address,
            port,
            lambda: metrics_of(self.status(), self.health(), self._latency),
            self._log,
            labels=labels,
        )

    async def _run(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        at_once, end_delivery = asyncio.Event(), asyncio.Event()
        at_once.set()
        # A replayed log can wait for its rules; a bus cannot be asked to.
        begin = self._inbox.configured if self._replays else at_once
        source = group.create_task(
            feed(self._source, self._frames, self._bus_names, begin=begin, log=self._log), name="acquire"
        )
        sift = group.create_task(self._sift.run(self._frames, self._configs, self._batches), name="sift")
        keep = group.create_task(self._keeping.run(self._batches), name="keep")
        delivery = group.create_task(self._delivery.run(end_delivery), name="uplink")
        standing = group.create_task(self._stand(), name="standing")
        local_bus = group.create_task(self._local_bus.run(), name="tap.bus")
        tap = group.create_task(self._tap.run(self._overview.local), name="tap")
        consent = group.create_task(self._cabin.follow(), name="cabin.consent")
        trips = group.create_task(self._cabin.answer_trips(), name="cabin.trips")
        tariff = group.create_task(self._tariff.run(), name="tariff")
        power = group.create_task(self._power.run(), name="power")
        health = group.create_task(self._look_after(), name="health")
        stopping = group.create_task(stop.wait(), name="stop")
        finishing = group.create_task(self._finish.wait(), name="finish")

        emptied = group.create_task(self._emptied_behind(keep), name="emptied")
        await asyncio.wait((source, stopping, finishing), return_when=asyncio.FIRST_COMPLETED)
        began_ns = self._clock.uptime_ns()
        events.drain_started(self._log, reason="stopped" if stop.is_set() else "finished")
        refusal = source.result() if source.done() else None
        self._reading = False
        source.cancel()
        if not stop.is_set():  # what is to be delivered before the end would wait for ever
            self._power.wake("end")
        # Somebody waits to be told of a log that cannot be read; what is not delivered by then stays on disk.
        limit_s = self._settings.drain_s if refusal else None
        await asyncio.wait((emptied, stopping), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        end_delivery.set()
        _, late = await asyncio.wait((keep, delivery), timeout=self._settings.drain_s)
        waited_s = (self._clock.uptime_ns() - began_ns) / 1e9
        if late:
            events.drain_timed_out(self._log, waited_s=waited_s, late=[task.get_name() for task in late])
        else:
            events.drain_finished(self._log, waited_s=waited_s, spooled=self._spool.depth[0])
        beside = (standing, tap, local_bus, consent, trips, tariff, power, health)
        for task in (sift, *late, emptied, *beside, stopping, finishing):
            task.cancel()
        if refusal:
            raise refusal

    def _keeping_of(self, sender: Sender) -> Keeping:
        def committed(batches: Sequence[Batch]) -> None:
            self._latency.commit(self._spool.boot.boot, batches, self._clock.uptime_ns())
            asyncio.get_running_loop().call_soon(give_back_free_pages)  # when nobody holds these batches any more

        commit = GroupCommit(self._settings.commit_s, self._settings.commit_bytes)
        return Keeping(self._spool, sender, commit=commit, committed=committed, answered=self._cabin.answered)

    def _cabin_of(self, reported: Reported) -> CabinDoor:
        return CabinDoor(
            self._settings,
            self._sift,
            self._spool,
            self._local_bus,
            reported,
            forget=lambda: self._state_file.write(self._vehicle_state.body),
            clock=self._clock,
            log=self._log,
        )

    def _inbox_of(self, catalog: Catalog, refusals: Sequence[Refusal], reported: Reported) -> ModuleInbox:
        return ModuleInbox(
            Twin(catalog),
            LastGoodTwin(self._settings.data_folder / "twin.json"),
            self._configs,
            methods={
                "status": lambda _: asdict(self.status()),
                "latest": self._latest_told,
                "snapshot": lambda payload: snapshot_taken(payload, self._sift.snapshot_rules, self._sift.snapshot),
                "flush": lambda payload: all_flushed(payload, self._sift.flush),
                "rules.test": self._tried,
            },
            about={
                "agent": {"version": __version__, "boot": self._spool.boot.boot},
                "databases": databases_told(catalog, refusals),
            },
            link=self._link,
            reported=reported,
            log=self._log,
            acknowledges=bool(self._settings.model_id),
            follow=self._follow,
        )

    async def _tried(self, payload: object) -> Mapping[str, object]:
        self._cabin.judge_telling(json.dumps(payload))  # of a condition it tells whether it was true
        return await self._trials(payload)

    def _latest_told(self, payload: object) -> Mapping[str, object]:
        self._cabin.judge_telling()
        return latest_values(payload, self._latest.values(), with_places=self._cabin.may_tell_places)

    def _follow(self, config: Config) -> None:
        self._log_level.follow(config.log_level)
        self._tariff.follow(config.link, config.budget, config.unmetered)
        self._power.follow(config.quiet)

    def _delivery_of(self, uplink: Uplink, reported: Reported) -> Delivery:
        return Delivery(
            uplink,
            self._spool,
            self._inbox,
            reported,
            clock=self._clock,
            random=random.random,
            log=self._log,
            allowance=self._tariff.allowance,
            sending=self._tariff.sending,
            acked=lambda key: self._latency.acknowledge(key, self._clock.uptime_ns()),
            withdrawn=self._spool.is_withdrawn,
        )

    def _overview_of(self, opened: Callable[[], Iterable[str]], reports: BusReports, collector: Collector) -> Overview:
        return Overview(
            opened=opened,
            frames=self._frames,
            sift=self._sift,
            reports=reports,
            collector=collector,
            batches=self._batches,
            keeping=self._keeping,
            spool=self._spool,
            inbox=self._inbox,
            local_bus=self._local_bus,
            tap=self._tap,
            tariff=self._tariff,
            delivery=self._delivery,
        )

    def _power_of(self, reported: Reported) -> Power:
        line = Line(
            seal=self._sift.seal_for_quiet,
            commit=self._keeping.hurry,
            waits=self._overview.urgent_waits,
            limit=self._tariff.allowance.limit,
            hush=self._delivery.hush,
            wake=self._delivery.wake,
            left=lambda: self._spool.depth[0],
        )
        file = PowerFile(self._settings.data_folder / "power.json", self._log)
        return Power(line, file, reported, clock=self._clock, log=self._log)

    def _link(self) -> JsonObject:
        """The connection that is made now is told with what counts of its kind; one that stands was told already."""
        if not self._delivery.up:
            since_ms = self._clock.now_ns() // 1_000_000
            self._tariff.connected({"since_ms": since_ms, "connects": self._delivery.counts.sessions + 1})
        return {}

    async def _stand(self) -> None:
        """Tell what waits on disk, keep the vehicle's state, and hold no memory that nobody uses, until cancelled."""
        while True:
            self._spool_reports.feed(
                self._spool.depth,
                self._spool.standing,
                self._spool.lost,
                self._clock.now_ns(),
                quarantined=len(self._delivery.quarantine),
            )
            await asyncio.to_thread(self._state_file.write, self._vehicle_state.body)
            give_back_free_pages()
            await asyncio.sleep(LOOK_S)

    async def _emptied_behind(self, keep: asyncio.Task[None]) -> None:
        """Wait until all is on disk, then until all of it is delivered but for what may never be."""
        await asyncio.wait((keep,))
        while self._spool.depth[0] > self._delivery.hopeless:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._spool.emptied()

    async def _look_after(self) -> None:
        """Look whether all goes on, until cancelled."""
        while True:
            self.health()
            await asyncio.sleep(HEALTH_LOOK_S)

    def health(self) -> Verdict:
        """Whether every stage makes progress, as of now."""
        self._watch.look(self._overview.progress(expects_blocks=self._reading), self._clock.uptime_ns())
        return self._watch.verdict

    def status(self) -> Status:
        """As of now; cheap."""
        return self._overview.status()

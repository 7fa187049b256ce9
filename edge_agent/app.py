"""One run: creates every task, in the order of the journey, and ends them. `wiring/parts.py` builds what they run."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress

from edge_agent import __version__, events
from edge_agent.acquire.feed import feed
from edge_agent.events import Log
from edge_agent.large_buffers import give_back_free_pages
from edge_agent.observe.health import LOOK_S as HEALTH_LOOK_S
from edge_agent.observe.health import Verdict
from edge_agent.observe.health_answer import health_answered
from edge_agent.observe.metrics import labels_of, metrics_of, metrics_served
from edge_agent.observe.status import Status
from edge_agent.ports import Uplink
from edge_agent.settings import Settings
from edge_agent.wiring.parts import Parts
from edge_agent.wiring.source import catalog_of
from edge_agent.wiring.storage import spool_of

Stages = tuple[asyncio.Task[None], ...]

LOOK_S = 5.0
"""How often it is looked what waits on disk, and whether the vehicle's state is to be kept."""


class Agent:
    """Everything of one process; opened once, run once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._reading = not parts.replays
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
        return cls(Parts(settings, databases, spool, uplink, log, set_level=set_level))

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until `finish` or a replayed log's end; then drain, and close the spool.

        Raises LogRefused, after the drain, where a log could not be read to its end.
        """
        parts = self._parts
        folder, boot = parts.settings.data_folder, parts.spool.boot.boot
        events.agent_started(parts.log, version=__version__, boot=boot, buses=parts.bus_names, data_folder=str(folder))
        try:
            if stop.is_set():  # while the databases were loaded
                return
            await parts.cabin.begin()
            await parts.inbox.restore()
            async with health_answered(folder, self.health, parts.log), self._metrics(), asyncio.TaskGroup() as group:
                await self._run(group, stop)
        finally:
            await asyncio.to_thread(parts.keep_state)
            await parts.spool.close()

    def finish(self) -> None:
        """Read no more, deliver everything, and end."""
        self._finish.set()

    def fall_quiet(self) -> None:
        """Put what is open on disk, send what is urgent, then use no network until `wake`."""
        self._parts.power.ask()

    def wake(self) -> None:
        """Connect again, and deliver what waits."""
        self._parts.power.wake()

    def health(self) -> Verdict:
        """Whether every stage makes progress, as of now."""
        parts = self._parts
        parts.watch.look(parts.overview.progress(expects_blocks=self._reading), parts.clock.uptime_ns())
        return parts.watch.verdict

    def status(self) -> Status:
        """As of now; cheap."""
        return self._parts.overview.status()

    async def _run(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        parts = self._parts
        at_once, end_delivery = asyncio.Event(), asyncio.Event()
        at_once.set()
        # A replayed log can wait for its rules; a bus cannot be asked to.
        begin = parts.inbox.configured if parts.replays else at_once
        fed = feed(parts.source, parts.frames, parts.bus_names, begin=begin, log=parts.log)
        source = group.create_task(fed, name="acquire")
        sift = group.create_task(parts.sift.run(parts.frames, parts.configs, parts.batches), name="sift")
        keep = group.create_task(parts.keeping.run(parts.batches), name="keep")
        delivery = group.create_task(parts.delivery.run(end_delivery), name="uplink")
        beside = (
            group.create_task(self._stand(), name="standing"),
            group.create_task(parts.local_bus.run(), name="tap.bus"),
            group.create_task(parts.tap.run(parts.overview.local), name="tap"),
            group.create_task(parts.cabin.follow(), name="cabin.consent"),
            group.create_task(parts.cabin.answer_trips(), name="cabin.trips"),
            group.create_task(parts.tariff.run(), name="tariff"),
            group.create_task(parts.power.run(), name="power"),
            group.create_task(self._look_after(), name="health"),
        )
        stopping = group.create_task(stop.wait(), name="stop")
        finishing = group.create_task(self._finish.wait(), name="finish")
        emptied = group.create_task(self._emptied_behind(keep), name="emptied")

        await asyncio.wait((source, stopping, finishing), return_when=asyncio.FIRST_COMPLETED)
        refusal = source.result() if source.done() else None
        source.cancel()
        # Somebody waits to be told of a log that cannot be read; what is not delivered by then stays on disk.
        limit_s = parts.settings.drain_s if refusal else None
        enough = asyncio.wait((emptied, stopping), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        await self._drain(stop, enough, end_delivery, (keep, delivery))
        for task in (sift, keep, delivery, emptied, *beside, stopping, finishing):
            task.cancel()
        if refusal:
            raise refusal

    async def _drain(self, stop: asyncio.Event, enough: Awaitable[object], end: asyncio.Event, last: Stages) -> None:
        """Wait until `enough` is delivered, then `end` the delivery: the `last` stages have `drain_s` for it."""
        parts, began_ns = self._parts, self._parts.clock.uptime_ns()
        events.drain_started(parts.log, reason="stopped" if stop.is_set() else "finished")
        self._reading = False
        if not stop.is_set():  # what is to be delivered before the end would wait for ever
            parts.power.wake("end")
        await enough
        end.set()
        _, late = await asyncio.wait(last, timeout=parts.settings.drain_s)
        waited_s = (parts.clock.uptime_ns() - began_ns) / 1e9
        if late:
            lost = parts.collector.sealed - parts.keeping.committed_batches
            events.drain_timed_out(parts.log, waited_s=waited_s, late=[task.get_name() for task in late], count=lost)
        else:
            events.drain_finished(parts.log, waited_s=waited_s, spooled=parts.spool.depth[0])

    async def _emptied_behind(self, keep: asyncio.Task[None]) -> None:
        """Wait until all is on disk, then until all of it is delivered but for what may never be."""
        await asyncio.wait((keep,))
        while self._parts.spool.depth[0] > self._parts.delivery.hopeless:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._parts.spool.emptied()

    async def _stand(self) -> None:
        """Tell what waits on disk, keep the vehicle's state, and hold no memory that nobody uses, until cancelled."""
        while True:
            self._parts.tell_what_waits()
            await asyncio.to_thread(self._parts.keep_state)
            give_back_free_pages()
            await asyncio.sleep(LOOK_S)

    async def _look_after(self) -> None:
        while True:
            self.health()
            await asyncio.sleep(HEALTH_LOOK_S)

    def _metrics(self) -> AbstractAsyncContextManager[int | None]:
        parts, settings = self._parts, self._parts.settings
        address, port = settings.metrics_address, settings.metrics_port
        if not port:
            return nullcontext()
        labels = labels_of(settings.hub, settings.device, settings.module, parts.spool.boot.boot)
        return metrics_served(
            address, port, lambda: metrics_of(self.status(), self.health(), parts.latency), parts.log, labels=labels
        )

"""The whole line on one desk: a drive on a virtual bus, the agent, the hub, an outage, a changed rule, the count."""

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from edge_agent.acquire.block import Frame
from edge_agent.app import Agent
from edge_agent.decode.dbc import load_database
from edge_agent.desk.demo_broker import Running, local_broker
from edge_agent.desk.demo_cabin import MODULE as CABIN
from edge_agent.desk.demo_cabin import SIGNALS, HeadUnit, head_unit
from edge_agent.desk.demo_place import judge_new, judge_room
from edge_agent.desk.demo_recording import recorded_frames
from edge_agent.desk.demo_rules import LOG_RULES, VEHICLE_RULES
from edge_agent.desk.demo_screen import Screen, counters_of, tell_verdict
from edge_agent.desk.demo_stop import Stopped, until_stopped
from edge_agent.desk.hub_address import judge_address
from edge_agent.desk.hub_process import HubProcess
from edge_agent.desk.replay import drive_frames, play
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.desk.verdict import Verdict, count_arrived
from edge_agent.errors import BadSettings, Fault, FileRefused
from edge_agent.events import Log
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.observe import logs
from edge_agent.settings import BusSettings, load_settings
from edge_agent.spool.reading import Payload, read_payloads
from edge_agent.uplink.iotedge import IotEdge

DEVICE, MODULE, BUS = "demo-vehicle", "telematics", "demo"
BEGIN_S = 3.0
"""where in its drive the vehicle is shown from: eight seconds before it moves off, in which the driver uses the page"""
CATCH_UP_S = 5.0
DELIVER_S = 60.0
LATE_S = 1.0
"""behind a recording's own times; then it is told how long this machine takes"""
LOOK_S = 0.02
OUTAGE_AT, CHANGE_AT = 0.5, 0.75
"""when the link goes and when a rule changes, as parts of the drive"""


@dataclass(frozen=True, slots=True)
class Drive:
    """What is played, and what happens meanwhile."""

    log: Path | None
    databases: tuple[Path, ...]
    seconds: float
    outage_s: float


@dataclass(frozen=True, slots=True)
class _Played:
    """Frames, and how they are played."""

    frames: Iterable[Frame]
    speed: float
    lasts_s: float
    total: int | None = None
    """frames, of a recording"""


def run_demo(drive: Drive, folder: Path | None, address: str) -> int:
    """Play it; print the verdict; 0 if nothing was lost, 128 and the signal's number where one ended it.

    Raises BadSettings, DatabaseRefused, LogRefused, FileRefused or LocalHubNotStarted.
    """
    _judge(drive, folder, address)
    console = Console(highlight=False)
    with ExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        try:
            home.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context((home / "agent.log").open("a"))
        except OSError as error:
            raise FileRefused(str(home), f"cannot be used as a folder: {error.strerror}") from error
        demo = _Demo(drive, home, address, console, logs.configure("debug", out))
        try:
            verdict = asyncio.run(until_stopped(demo.run()))
        except Stopped as stopped:
            with suppress(OSError):  # the terminal may be what has gone
                console.print(f"stopped{demo.progress()}")
            return stopped.exit_code
        tell_verdict(verdict, console)
        if folder is not None:
            console.print(f"kept in {home}: agent.log, hub/arrived.jsonl (read it with: edge-agent show)")
    return 0 if verdict.good else 1


def _judge(drive: Drive, folder: Path | None, address: str) -> None:
    """Whatever can be told before anything is started or written."""
    if drive.log is not None and not drive.databases:
        raise BadSettings([Fault("--dbc", "a recording needs its database file")])
    if drive.log is None and drive.databases:
        raise BadSettings([Fault("--dbc", "the simulated drive has its own database; --log names a recording for it")])
    for path in drive.databases:
        load_database(path)  # the agent would go on without one, as a vehicle must; somebody at a desk wants to know
    judge_address(address)
    if folder is not None:
        judge_new(folder)
    judge_room(folder or Path(tempfile.gettempdir()))


class _Demo:
    """One run, in the order in which things happen."""

    def __init__(self, drive: Drive, home: Path, address: str, console: Console, log: Log) -> None:
        self._drive = drive
        self._screen = Screen(console)
        self._log = log
        self._home = home
        self._address = address
        self._agent: Agent | None = None
        self._broker: Running | None = None
        self._head_unit: HeadUnit | None = None
        self._hub = HubProcess(home / "hub", address, also=(CABIN,))
        self._admin = AdminClient(home / "hub")
        self._rules = VEHICLE_RULES if drive.log is None else LOG_RULES
        self._sent = 0
        self._over = False
        self._played = _Played((), 1.0, drive.seconds)

    async def run(self) -> Verdict:
        """Hub, rules, agent, drive, outage, change, count."""
        self._played = await _what_is_played(self._drive)
        async with local_broker(self._home, self._address) as self._broker:
            try:
                return await self._run()
            finally:
                await self._hub.kill()

    def progress(self) -> str:
        """How far it has come, for the line in which that is told; nothing before the agent runs."""
        if self._agent is None:
            return ""
        status = self._agent.status()
        delivered = f"delivered {status.delivered_batches} of {status.kept_batches} batches"
        return f"; frames {status.buses[BUS]['seen']:,}, {delivered}"

    async def _run(self) -> Verdict:
        await self._hub.start()
        os.environ.update(self._hub.environment)
        await self._patch(self._rules["start"])
        self._agent = agent = await self._opened()
        async with self._cabin() as self._head_unit, asyncio.TaskGroup() as group:
            running = group.create_task(agent.run(asyncio.Event()), name="agent")
            screen = group.create_task(self._screen.show(lambda: self._counters(agent)), name="screen")
            await _until(lambda: BUS in agent.status().open_buses)
            story = group.create_task(self._story(agent), name="story")
            beside = (
                group.create_task(self._driver(), name="driver"),
                group.create_task(self._tell_if_late(), name="late"),
            )
            frames, speed = self._played.frames, self._played.speed
            await play(frames, channel=BUS, speed=speed, stop=threading.Event(), sent=self._count)
            self._over = True
            for task in beside:
                task.cancel()
            await story
            self._screen.tell("the drive is over; what is left is delivered")
            await self._catch_up(agent)
            agent.finish()
            await asyncio.wait((running,), timeout=DELIVER_S)
            running.cancel()
            await asyncio.wait((running,))
            self._screen.tell("what arrived is counted")
            verdict = await asyncio.to_thread(self._verdict, agent)
            screen.cancel()
        return verdict

    async def _opened(self) -> Agent:
        databases = self._drive.databases or (database_path(),)
        settings = load_settings(
            buses=(BusSettings(name=BUS, interface="virtual", channel=BUS, dbc=databases),),
            data_folder=self._home / "data",
            tap_broker=self._broker.address if self._broker else "",
            tap_mqtt=self._broker.version if self._broker else "5",
        )
        return await Agent.open(settings, IotEdge(self._log), self._log)

    def _cabin(self) -> AbstractAsyncContextManager[HeadUnit | None]:
        """Only beside the simulated drive: nobody knows which of a recording's signals is the gear."""
        if self._drive.log is not None:
            return nullcontext()
        known = self._hub.environment
        return head_unit(self._home, known, self._admin, DEVICE, broker=self._broker, tell=self._screen.tell)

    async def _driver(self) -> None:
        """What whoever drives does with the page, as long as the drive takes."""
        if self._head_unit is None:
            return
        await self._head_unit.desire({"schema_version": 1, "signals": SIGNALS})
        await self._head_unit.greet()
        await self._head_unit.agree()
        await self._head_unit.join()

    async def _story(self, agent: Agent) -> None:
        """Half-way through the drive the link goes; later it comes back; then a rule changes."""
        seconds, outage_s = self._played.lasts_s, self._drive.outage_s
        change_s = asyncio.get_running_loop().time() + seconds * CHANGE_AT
        self._screen.tell("the drive begins; the rules came from the module twin")
        await asyncio.sleep(seconds * OUTAGE_AT)
        if outage_s:
            await self._hub.kill()
            self._screen.tell(f"the hub is gone for {outage_s:g} s: what is kept meanwhile stays on disk")
            await asyncio.sleep(outage_s)
            await self._hub.start()
            self._screen.tell("the hub is back")
        await asyncio.sleep(change_s - asyncio.get_running_loop().time())
        version = await self._patch(self._rules["change"])
        self._screen.tell("a rule was changed through the twin")
        while agent.status().config_version < version:
            if self._over:
                self._screen.tell("the drive ended before the agent heard of that rule; --seconds lets it take longer")
                return
            await asyncio.sleep(LOOK_S)
        self._screen.tell(f"the agent runs it: version {version}")

    async def _tell_if_late(self) -> None:
        """A recording may have more frames a second than this machine plays and decodes at once."""
        total = self._played.total
        if total is None:
            return
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await asyncio.sleep(self._played.lasts_s + LATE_S)
        takes_s = (loop.time() - began_s) * total / max(1, self._sent)
        self._screen.tell(
            f"{total:,} frames are too many for that time: this machine plays them in about {takes_s:.0f} s"
        )

    async def _patch(self, patch: object) -> int:
        """The version of the desired properties with it."""
        twin = json.loads(await asyncio.to_thread(self._admin.patch_desired, DEVICE, MODULE, json.dumps(patch)))
        return int(twin["desired"]["$version"])

    async def _catch_up(self, agent: Agent) -> None:
        """Wait until the last frame sent has been read, or for CATCH_UP_S none was."""
        loop = asyncio.get_running_loop()
        newest, until_s = -1, loop.time() + CATCH_UP_S
        while (seen := agent.status().buses[BUS]["seen"]) < self._sent and loop.time() < until_s:
            if seen > newest:
                newest, until_s = seen, loop.time() + CATCH_UP_S
            await asyncio.sleep(LOOK_S)

    def _count(self, sent: int) -> None:
        self._sent = sent

    def _counters(self, agent: Agent) -> Iterator[tuple[str, str]]:
        return counters_of(agent.status(), BUS, self._played.total, tapped=self._broker is not None)

    def _verdict(self, agent: Agent) -> Verdict:
        status = agent.status()
        arrived = count_arrived(_payloads(self._home / "hub" / "arrived.jsonl"), status.boot)
        counts = status.buses[BUS]
        return Verdict(
            frames_sent=self._sent,
            frames_read=counts["seen"],
            frames_dropped=counts["dropped"],
            kept_batches=status.kept_batches,
            kept_samples=status.kept_samples,
            delivered_batches=arrived.batches,
            delivered_samples=arrived.samples,
            duplicates=arrived.duplicates,
            delivered_bytes=arrived.payload_bytes,
            unknown_frames=counts["unknown"],
        )


async def _until(true: Callable[[], bool]) -> None:
    """Wait for something the agent's counters show, but not for ever: the verdict tells what is missing."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CATCH_UP_S
    while not true() and loop.time() < until_s:  # noqa: ASYNC110  the counters wake nobody
        await asyncio.sleep(LOOK_S)


def _payloads(path: Path) -> Iterator[tuple[Payload, int]]:
    for arrival in read_arrivals(path):
        for payload in read_payloads(arrival.body, f"message {arrival.n}"):
            yield payload, len(arrival.body)


async def _what_is_played(drive: Drive) -> _Played:
    """A recording longer than `seconds` is played faster; one that is being read when this is cancelled, no further."""
    if drive.log is None:
        return _Played(drive_frames(Vehicle(seed=1), drive.seconds, begin_s=BEGIN_S), 1.0, drive.seconds)
    stop = threading.Event()
    try:
        recorded = await asyncio.to_thread(recorded_frames, drive.log, stop)
    finally:
        stop.set()
    span_s = (recorded[-1].t_ns - recorded[0].t_ns) / 1e9
    return _Played(recorded, max(1.0, span_s / drive.seconds), min(span_s, drive.seconds), len(recorded))

"""The whole line on one desk: a drive on a virtual bus, the agent, the hub, an outage, a changed rule, the count."""

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.live import Live
from rich.table import Table

from edge_agent.acquire.block import Frame
from edge_agent.acquire.logreader import read_log
from edge_agent.app import Agent
from edge_agent.decode.dbc import load_database
from edge_agent.desk.demo_broker import Running, local_broker
from edge_agent.desk.demo_cabin import MODULE as CABIN
from edge_agent.desk.demo_cabin import SIGNALS, TAPPED, HeadUnit, head_unit
from edge_agent.desk.hub_process import HubProcess
from edge_agent.desk.replay import drive_frames, play
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.desk.verdict import Verdict, count_arrived
from edge_agent.errors import BadSettings, Fault, FileRefused
from edge_agent.events import Log
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.observe import logs
from edge_agent.records import FrameFlag
from edge_agent.settings import BusSettings, load_settings
from edge_agent.spool.reading import Payload, read_payloads
from edge_agent.uplink.iotedge import IotEdge

DEVICE, MODULE, BUS = "demo-vehicle", "telematics", "demo"
BEGIN_S = 3.0
"""where in its drive the vehicle is shown from: eight seconds before it moves off, in which the driver uses the page"""
CATCH_UP_S = 5.0
DELIVER_S = 60.0
SCREEN_S = 0.25
LINE_EVERY_S = 4.0
OUTAGE_AT, CHANGE_AT = 0.5, 0.75
"""when the link goes and when a rule changes, as parts of the drive"""


class _Rules(TypedDict):
    start: object
    change: object


VEHICLE_RULES: _Rules = {
    "start": {
        "schema_version": 1,
        "tap": {"signals": [*TAPPED]},
        "rules": {
            "trip": {
                "kind": "periodic",
                "every_ms": 1000,
                "signals": ["Motion.VehicleSpeed", "Battery.StateOfCharge", "Position.*", "Trip.*"],
                "priority": 3,
                "purpose": "fleet",
                "batch": {"max_age_s": 5},
            },
            "dynamics": {
                "kind": "on_change",
                "signals": ["Motion.*", "Wheels.*", "Motor.*", "Battery.*"],
                "priority": 5,
                "purpose": "engineering",
                "batch": {"max_age_s": 5},
            },
            "body": {
                "kind": "on_change",
                "signals": ["Body.*", "Drive.Gear"],
                "heartbeat_ms": 10_000,
                "priority": 1,
                "lane": "hot",
                "batch": {"max_age_s": 1},
            },
        },
    },
    "change": {
        "rules": {
            "dynamics": {"deadband": 0.5},
            "cells": {"kind": "periodic", "every_ms": 2000, "signals": ["Cells.*"]},
        }
    },
}
LOG_RULES: _Rules = {
    "start": {
        "schema_version": 1,
        "rules": {"everything": {"kind": "on_change", "signals": ["*"], "batch": {"max_age_s": 5}}},
    },
    "change": {"rules": {"each_second": {"kind": "periodic", "every_ms": 1000, "signals": ["*"]}}},
}


@dataclass(frozen=True, slots=True)
class Drive:
    """What is played, and what happens meanwhile."""

    log: Path | None
    databases: tuple[Path, ...]
    seconds: float
    outage_s: float


def run_demo(drive: Drive, folder: Path | None, address: str) -> int:
    """Play it; print the verdict; 0 if nothing was lost."""
    if drive.log is not None and not drive.databases:
        raise BadSettings([Fault("--dbc", "a recording needs its database file")])
    for path in drive.databases:
        load_database(path)  # the agent would go on without one, as a vehicle must; somebody at a desk wants to know
    console = Console(highlight=False)
    with ExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        try:
            home.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context((home / "agent.log").open("a"))
        except OSError as error:
            raise FileRefused(str(home), f"cannot be used as a folder: {error.strerror}") from error
        log = logs.configure("debug", out)
        verdict = asyncio.run(_Demo(drive, home, address, console, log).run())
        _tell(verdict, console)
        if folder is not None:
            console.print(f"kept in {home}: agent.log, hub/arrived.jsonl (read it with: edge-agent show)")
    return 0 if verdict.good else 1


class _Demo:
    """One run, in the order in which things happen."""

    def __init__(self, drive: Drive, home: Path, address: str, console: Console, log: Log) -> None:
        self._drive = drive
        self._console = console
        self._log = log
        self._home = home
        self._address = address
        self._broker: Running | None = None
        self._head_unit: HeadUnit | None = None
        self._hub = HubProcess(home / "hub", address, also=(CABIN,))
        self._admin = AdminClient(home / "hub")
        self._rules = VEHICLE_RULES if drive.log is None else LOG_RULES
        self._note = "starting"
        self._sent = 0
        self._lasts_s = drive.seconds

    async def run(self) -> Verdict:
        """Hub, rules, agent, drive, outage, change, count."""
        frames, speed, self._lasts_s = await asyncio.to_thread(_frames, self._drive)
        async with local_broker(self._home, self._address) as self._broker:
            return await self._run(frames, speed)

    async def _run(self, frames: Iterable[Frame], speed: float) -> Verdict:
        try:
            await self._hub.start()
            os.environ.update(self._hub.environment)
            await self._patch(self._rules["start"])
            agent = await self._agent()
            async with self._cabin() as self._head_unit, asyncio.TaskGroup() as group:
                running = group.create_task(agent.run(asyncio.Event()), name="agent")
                screen = group.create_task(self._screen(agent), name="screen")
                await _until(lambda: BUS in agent.status().open_buses)
                story = group.create_task(self._story(), name="story")
                driver = group.create_task(self._driver(), name="driver")
                await play(frames, channel=BUS, speed=speed, stop=threading.Event(), sent=self._count)
                await story
                driver.cancel()
                self._tell("the drive is over; what is left is delivered")
                await self._catch_up(agent)
                agent.finish()
                await asyncio.wait((running,), timeout=DELIVER_S)
                running.cancel()
                screen.cancel()
        finally:
            await self._hub.kill()
        return self._verdict(agent)

    async def _agent(self) -> Agent:
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
        return head_unit(self._home, known, self._admin, DEVICE, broker=self._broker, tell=self._tell)

    async def _driver(self) -> None:
        """What whoever drives does with the page, as long as the drive takes."""
        if self._head_unit is None:
            return
        await self._head_unit.desire({"schema_version": 1, "signals": SIGNALS})
        await self._head_unit.greet()
        await self._head_unit.agree()
        await self._head_unit.join()

    async def _story(self) -> None:
        """Half-way through the drive the link goes; later it comes back; then a rule changes."""
        seconds, outage_s = self._lasts_s, self._drive.outage_s
        change_s = asyncio.get_running_loop().time() + seconds * CHANGE_AT
        self._tell("the drive begins; the rules came from the module twin")
        await asyncio.sleep(seconds * OUTAGE_AT)
        if outage_s:
            await self._hub.kill()
            self._tell(f"the hub is gone for {outage_s:g} s: batches stay on disk")
            await asyncio.sleep(outage_s)
            await self._hub.start()
            self._tell("the hub is back")
        await asyncio.sleep(change_s - asyncio.get_running_loop().time())
        await self._patch(self._rules["change"])
        self._tell("a rule was changed through the twin")

    async def _patch(self, patch: object) -> None:
        await asyncio.to_thread(self._admin.patch_desired, DEVICE, MODULE, json.dumps(patch))

    async def _catch_up(self, agent: Agent) -> None:
        """Wait until the last frame sent has been read."""
        await _until(lambda: agent.status().buses[BUS]["seen"] >= self._sent)

    def _count(self, sent: int) -> None:
        self._sent = sent

    def _tell(self, note: str) -> None:
        self._note = note
        self._console.print(f"* {note}", soft_wrap=True)

    async def _screen(self, agent: Agent) -> None:
        if not self._console.is_terminal:
            while True:
                await asyncio.sleep(LINE_EVERY_S)
                self._console.print(self._line(agent), soft_wrap=True)
        with Live(console=self._console, refresh_per_second=4) as live:
            while True:
                live.update(self._table(agent))
                await asyncio.sleep(SCREEN_S)

    def _counters(self, agent: Agent) -> Iterator[tuple[str, str]]:
        status = agent.status()
        each = status.kept_bytes / status.kept_samples if status.kept_samples else 0.0
        yield "link", "up" if status.link_up else "down"
        yield "frames", f"{status.buses[BUS]['seen']:,}"
        yield "samples decoded", f"{status.samples:,}"
        yield "samples kept", f"{status.kept_samples:,}"
        yield "bytes a sample", f"{each:.2f}"
        yield "batches in the spool", f"{status.spooled_batches} ({status.spooled_bytes:,} bytes)"
        yield "batches delivered", f"{status.delivered_batches} of {status.kept_batches}"
        if self._broker:
            yield "ticks on the local bus", f"{status.tap_ticks:,}"
        yield "configuration", f"version {status.config_version}"

    def _line(self, agent: Agent) -> str:
        return "  ".join(f"{name}: {value}" for name, value in self._counters(agent))

    def _table(self, agent: Agent) -> Table:
        table = Table(title=self._note, show_header=False, width=60)
        for name, value in self._counters(agent):
            table.add_row(name, value)
        return table

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
        )


async def _until(true: Callable[[], bool]) -> None:
    """Wait for something the agent's counters show, but not for ever: the verdict tells what is missing."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CATCH_UP_S
    while not true() and loop.time() < until_s:  # noqa: ASYNC110  the counters wake nobody
        await asyncio.sleep(0.02)


def _payloads(path: Path) -> Iterator[tuple[Payload, int]]:
    for arrival in read_arrivals(path):
        for payload in read_payloads(arrival.body, f"message {arrival.n}"):
            yield payload, len(arrival.body)


def _frames(drive: Drive) -> tuple[Iterable[Frame], float, float]:
    """The frames, how fast they are played, and for how long: a recording longer than `seconds` is played faster."""
    if drive.log is None:
        return drive_frames(Vehicle(seed=1), drive.seconds, begin_s=BEGIN_S), 1.0, drive.seconds
    with closing(read_log(drive.log)) as frames:
        recorded = [frame for frame in frames if not frame.flags & FrameFlag.ERROR]
    span_s = (recorded[-1].t_ns - recorded[0].t_ns) / 1e9
    return recorded, max(1.0, span_s / drive.seconds), min(span_s, drive.seconds)


def _tell(verdict: Verdict, console: Console) -> None:
    rows = [
        ("frames on the bus", f"{verdict.frames_sent:,}", True),
        ("frames lost", f"{verdict.lost_frames}", verdict.lost_frames == 0),
        ("samples kept by the rules", f"{verdict.kept_samples:,} in {verdict.kept_batches} batches", True),
        ("samples delivered", f"{verdict.delivered_samples:,} in {verdict.delivered_batches} batches", True),
        ("samples lost", f"{verdict.lost_samples}", verdict.lost_samples == 0),
        ("batches that came twice", f"{verdict.duplicates} (recognised by device, boot, seq)", True),
        ("bytes a sample", f"{verdict.bytes_a_sample:.2f}", True),
    ]
    console.print()
    for name, value, good in rows:
        console.print(f"  {name:<28} [{'green' if good else 'bold red'}]{value}[/]")
    if verdict.good:
        console.print("[bold green]nothing was lost[/]")
    elif not verdict.kept_samples:
        console.print("[bold red]the rules kept nothing: do the databases fit the recording?[/]")
    else:
        console.print("[bold red]something was lost[/]")

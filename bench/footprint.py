"""`python -m bench.footprint --minutes 60`: from a start to its first decoded frame, and what the process holds then.

The agent is a process of its own, as its image starts it: without docstrings (`-OO`), from modules compiled before,
Microsoft's SDK connected to the local hub (another process), metrics served, a data folder on disk. `--python` names an
interpreter that has the image's packages alone (requirements.lock): some of these import what else they find. UDP on
the loopback stands in for SocketCAN, sent by this process all the time, so that a bus has frames as soon as it is open.

A start is told in wall time from the call that makes the process to the line `decode.first_frame_decoded`, and in CPU
time (user and system), which a busy machine does not move as much. The first start of a folder parses the databases;
the others find them kept. Memory is what the kernel says: resident, and of it what no file backs.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.end_to_end import BUSES, FRAMES_S, SLICE_S, rules_of
from bench.traffic import Traffic, traffic
from bench.udp_can import HOST, free_ports
from bench.uplink import cpu_s, hub_on
from edge_agent.acquire.block import CLASSIC_BYTES
from edge_agent.desk.hub_process import HubProcess
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.records import EXTENDED_ID
from tests.acquire.unix_can import classic

DEVICE, MODULE = "demo-vehicle", "telematics"
START_S, RESIDENT_MB = 1.0, 80.0
"""what is promised"""
STARTS = 5
IMPORTED = (
    "edge_agent.app, edge_agent.decode.dbc, edge_agent.service, edge_agent.uplink.iotedge, edge_agent.uplink.mqtt"
)
"""what the image's build imports, so that it is compiled"""
BIG_MESSAGES, BIG_SIGNALS = 3_000, 10
"""of the made database: 30,000 signals in 2 MB"""
TOLD_S = 300.0
EVENT = re.compile(r'"event": "([a-z_.]+)"')


@dataclass(frozen=True, slots=True)
class Start:
    """To the first decoded frame."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Runs the agent without docstrings, from what was compiled before, as the image does."""

    python: str
    compiled: Path

    def call(self, *words: str) -> tuple[str, ...]:
        """What starts it."""
        return (self.python, "-OO", "-X", f"pycache_prefix={self.compiled}", *words)

    def compile_modules(self) -> None:
        """Those that a start imports."""
        writes = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run(self.call("-c", f"import {IMPORTED}, bench.udp_can"), check=True, env=writes)  # noqa: S603  ours


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds, in MB of 10^6 bytes."""

    resident: float
    proportional: float
    anonymous: float


class Sending:
    """The same frames to every bus, in slices, until it is left."""

    def __init__(self, load: Traffic, ports: Sequence[int]) -> None:
        self.sent = 0
        self._rows = [classic(frame.can_id, frame.data) for frame in load.frames if len(frame.data) <= CLASSIC_BYTES]
        self._addresses = [(HOST, port) for port in ports]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="sending")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        began_s, rows = time.monotonic(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not self._stop.wait(SLICE_S):
                due = int((time.monotonic() - began_s) * FRAMES_S) - rows
                for at in range(rows, rows + due):
                    for address in self._addresses:
                        sender.sendto(self._rows[at % len(self._rows)], address)
                rows += due
                self.sent = rows * len(self._addresses)


class Agent:
    """One process, and what it tells."""

    def __init__(self, process: asyncio.subprocess.Process, began_s: float) -> None:
        self._process = process
        self._began_s = began_s
        self._heard: dict[str, Start] = {}

    async def told(self, event: str) -> Start:
        """How long it took until that was told first."""
        assert self._process.stdout is not None
        async with asyncio.timeout(TOLD_S):
            while event not in self._heard:
                line = await self._process.stdout.readline()
                assert line, f"it ended without {event}"
                if name := EVENT.search(line.decode()):
                    now = Start(time.monotonic() - self._began_s, self.cpu_s())
                    self._heard.setdefault(name[1], now)
        return self._heard[event]

    async def drain(self) -> None:
        """Read what it tells, to its end."""
        assert self._process.stdout is not None
        while await self._process.stdout.read(1 << 16):
            pass

    def held(self) -> Held:
        """Now."""
        kilobytes = {}
        for line in Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, size = line.split()[:2]
            kilobytes[name] = int(size) * 1024 / 1e6
        return Held(kilobytes["Rss:"], kilobytes["Pss:"], kilobytes["Anonymous:"])

    def cpu_s(self) -> float:
        """User and system, since the start."""
        return cpu_s(self._process.pid)

    async def end(self) -> None:
        """As a container is stopped."""
        self._process.send_signal(signal.SIGTERM)
        await asyncio.gather(self.drain(), self._process.wait())


@asynccontextmanager
async def agent_of(interpreter: Interpreter, variables: Mapping[str, str]) -> AsyncIterator[Agent]:
    """Started; killed in the end if it is there still."""
    began_s = time.monotonic()
    call = interpreter.call("-m", "bench.udp_can")
    process = await asyncio.create_subprocess_exec(*call, env=variables, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        yield Agent(process, began_s)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def variables_of(hub: HubProcess, folder: Path, database: Path, ports: Sequence[int]) -> dict[str, str]:
    """The agent's environment."""
    buses = [{"name": f"can{at}", "channel": str(port), "dbc": [str(database)]} for at, port in enumerate(ports)]
    return {
        **os.environ,
        **hub.environment,
        "BUSES": json.dumps(buses),
        "DATA_FOLDER": str(folder),
        "METRICS_PORT": str(free_ports(1)[0]),
    }


def desire(home: Path, rules: Mapping[str, object]) -> None:
    """At the hub."""
    AdminClient(home / "hub").patch_desired(DEVICE, MODULE, json.dumps({"schema_version": 1, "rules": rules}))


async def starts(
    home: Path, interpreter: Interpreter, name: str, load: Traffic, rules: Mapping[str, object], *, count: int
) -> None:
    """One line: the first start of a folder, and the others."""
    ports = free_ports(BUSES)
    found: list[Start] = []
    home = Path(tempfile.mkdtemp(dir=home))
    async with hub_on(home) as hub:
        desire(home, rules)
        with tempfile.TemporaryDirectory(dir=home) as folder, Sending(load, ports):
            for _ in range(1 + count):
                async with agent_of(interpreter, variables_of(hub, Path(folder), load.database, ports)) as agent:
                    found.append(await agent.told("decode.first_frame_decoded"))
                    if len(found) == 1:
                        await agent.told("twin.document_applied")
                    await agent.end()
    first, later = found[0], found[1:]
    best = min(one.wall_s for one in later)
    print(
        f"  {name:<44} first {first.wall_s:6.2f} s ({first.cpu_s:5.2f} s CPU)   later {best:5.2f} s at best, "
        f"{statistics.median(one.wall_s for one in later):5.2f} s median ({min(one.cpu_s for one in later):5.2f} s CPU)"
        f"   {'within' if best <= START_S else 'OVER'} {START_S:g} s",
        flush=True,
    )


async def memory(
    home: Path, interpreter: Interpreter, load: Traffic, rules: Mapping[str, object], minutes: float
) -> None:
    """A line a tenth of the time, and what became of the frames."""
    ports = free_ports(BUSES)
    home = Path(tempfile.mkdtemp(dir=home))
    async with hub_on(home) as hub:
        desire(home, rules)
        with tempfile.TemporaryDirectory(dir=home) as folder, Sending(load, ports) as sending:
            async with agent_of(interpreter, variables_of(hub, Path(folder), load.database, ports)) as agent:
                await agent.told("twin.document_applied")
                print(f"  at the first start, which parses: {agent.held().resident:6.1f} MB resident", flush=True)
                await agent.end()
            async with agent_of(interpreter, variables_of(hub, Path(folder), load.database, ports)) as agent:
                await agent.told("twin.document_applied")
                draining = asyncio.create_task(agent.drain(), name="draining")
                most, at_last = await _watch(agent, minutes)
                answer = await asyncio.to_thread(AdminClient(home / "hub").invoke, DEVICE, MODULE, "status", "null")
                sent = sending.sent
                draining.cancel()
                await asyncio.wait((draining,))
                await agent.end()
    status = json.loads(answer.payload)
    seen = sum(counts["seen"] for counts in status["buses"].values())
    dropped = sum(counts["dropped"] for counts in status["buses"].values())
    print(
        f"  sent {sent}, seen {seen}, dropped {dropped}; batches delivered {status['delivered_batches']}, waiting "
        f"{status['spooled_batches']}\n  {at_last:.1f} MB resident after {minutes:g} min: "
        f"{'within' if at_last <= RESIDENT_MB else 'OVER'} {RESIDENT_MB:g} MB; {most:.1f} MB in its worst second"
    )


async def _watch(agent: Agent, minutes: float) -> tuple[float, float]:
    """MB resident, at most of what is looked at each second, and at last."""
    began_s, most = time.monotonic(), 0.0
    for tenth in range(11):
        while (left_s := began_s + tenth * minutes * 6 - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, 1.0))
            most = max(most, agent.held().resident)
        held, passed_s = agent.held(), time.monotonic() - began_s
        print(
            f"  after {passed_s / 60:5.1f} min: {held.resident:6.1f} MB resident, {held.proportional:6.1f} "
            f"proportional, {held.anonymous:6.1f} not of files; {agent.cpu_s():7.1f} s CPU",
            flush=True,
        )
    return max(most, held.resident), held.resident


def big_database(folder: Path) -> Path:
    """30,000 signals with labels, units and ranges."""
    lines = ['VERSION ""', "BU_: ECU"]
    for number in range(BIG_MESSAGES):
        lines.append(f"BO_ {number + 0x1000 | EXTENDED_ID} Message{number}: 64 ECU")
        lines += [
            f' SG_ Signal{number}_{at} : {at * 48}|{16 + at}@1+ (0.{at + 1},-{at}) [0|{1000 + at}] "km/h" ECU'
            for at in range(BIG_SIGNALS)
        ]
    lines += [
        f'VAL_ {number + 0x1000 | EXTENDED_ID} Signal{number}_0 0 "off" 1 "on" 2 "in between" ;'
        for number in range(BIG_MESSAGES)
    ]
    path = folder / "big.dbc"
    path.write_text("\n".join(lines) + "\n")
    return path


def with_big_database(load: Traffic, folder: Path) -> Traffic:
    """The same frames, of which the big database knows the first."""
    database = big_database(folder)
    first = load.frames[0]
    with database.open("a") as file:
        file.write(f'BO_ {first.can_id} First: {len(first.data)} ECU\n SG_ Byte : 0|8@1+ (1,0) [0|0] "" ECU\n')
    return Traffic("made", database, load.frames)


async def footprint(home: Path, interpreter: Interpreter, minutes: float, count: int) -> None:
    """Print everything."""
    demonstration, *recorded = list(traffic())[:2]
    load = [demonstration, *recorded][-1]
    if count:
        await all_starts(home, interpreter, demonstration, load, count)
    print(f"\nmemory: {load.name}, {BUSES * FRAMES_S} frames/s, 150 signals a bus on change, connected", flush=True)
    await memory(home, interpreter, load, rules_of(load), minutes)


async def all_starts(home: Path, interpreter: Interpreter, demonstration: Traffic, load: Traffic, count: int) -> None:
    """One line a database."""
    print(f"\nstart: to the first decoded frame, {BUSES} buses of {FRAMES_S} frames/s, the SDK connecting to the hub")
    everything = {"all": {"kind": "on_change", "signals": ["*"]}}
    await starts(home, interpreter, f"{demonstration.name}, all signals", demonstration, everything, count=count)
    if load is not demonstration:
        await starts(home, interpreter, f"{load.name}, 150 signals a bus", load, rules_of(load), count=count)
    big = with_big_database(load, home)
    size = big.database.stat().st_size / 1e6
    name = f"made, {BIG_MESSAGES * BIG_SIGNALS} signals in {size:.1f} MB, one wanted"
    await starts(
        home, interpreter, name, big, {"one": {"kind": "on_change", "signals": ["can0.First.Byte"]}}, count=count
    )


def bench_footprint(minutes: float = 0.5, count: int = 3, python: str = sys.executable) -> None:
    """The short form."""
    # Not among the usual temporary files, which may be in memory.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".footprint-") as home:
        interpreter = Interpreter(python, Path(home) / "compiled")
        interpreter.compile_modules()
        asyncio.run(footprint(Path(home), interpreter, minutes, count))


def main() -> None:
    """Run it alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--starts", type=int, default=STARTS, help="of each database; 0 measures memory alone")
    parser.add_argument("--python", default=sys.executable, help="of the agent")
    chosen = parser.parse_args()
    bench_footprint(chosen.minutes, chosen.starts, chosen.python)


if __name__ == "__main__":
    main()

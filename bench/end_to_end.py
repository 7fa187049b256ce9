"""`python -m bench.end_to_end --seconds 60`: what the whole agent costs beside four full buses, and what it loses.

The agent runs in a process of its own, from sockets to a spool on disk, without a hub. SocketCAN's sockets are
stood in for by UDP on the loopback, which count what finds no room as CAN sockets do; this process sends. The agent's
settings are the environment's: `TICK_MS=100` halves what does not depend on the number of frames.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from bench.traffic import Traffic, traffic
from bench.udp_can import HOST, UdpCan, free_ports
from edge_agent.app import Agent
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.errors import HubUnreachable
from edge_agent.ports import Inbox, Session
from edge_agent.settings import BusSettings, Settings, load_settings
from tests.acquire.unix_can import classic

BUSES = 4
FRAMES_S = 4000
"""of each bus: a full one of 500 kbit/s"""
OVERLOAD = 3
SIGNALS = 150
"""wanted of each bus"""
SETTLE_S = 5.0
"""what is sent is seen or told as dropped within this"""
SLICE_S = 0.002
HOLD_S = 2.0
"""how long the agent is stopped: its sockets hold 0.8 s of the overload"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the agent since it began."""

    cpu_s: float
    """user and system, all threads"""
    rss_bytes: int
    seen: int
    dropped: int
    told: int
    """dropped frames that its events tell"""
    kept_samples: int
    kept_bytes: int


class Tellings:
    """A log that adds up the dropped frames it is told of."""

    def __init__(self) -> None:
        self.dropped = 0

    def debug(self, event: str, **fields: object) -> None:
        """As intended."""

    info = warning = debug

    def error(self, event: str, **fields: object) -> None:
        """Something was lost."""
        assert event == "acquire.frames_dropped", (event, fields)
        self.dropped += int(str(fields["count"]))


class NoHub:
    """An Uplink in a tunnel."""

    async def connect(self, _: Inbox) -> Session:
        """Never."""
        raise HubUnreachable("no network")


def run_agent(pipe: Connection, folder: Path, database: Path, rules: Mapping[str, object]) -> None:
    """The process to be measured: gives its buses' addresses, then Figures for each message until an empty one."""
    (folder / "twin.json").write_text(json.dumps({"$version": 1, "schema_version": 1, "rules": rules}))
    ports = free_ports(BUSES)
    buses = tuple(BusSettings(name=f"can{at}", channel=str(port), dbc=(database,)) for at, port in enumerate(ports))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge_agent.acquire.socketcan.raw_socket", UdpCan)
        asyncio.run(_serve(pipe, load_settings(buses=buses, data_folder=folder)))


async def _serve(pipe: Connection, settings: Settings) -> None:
    tellings, stop = Tellings(), asyncio.Event()
    agent = await Agent.open(settings, NoHub(), tellings)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), asked.set)
    running = asyncio.create_task(agent.run(stop), name="agent")
    while len(agent.status().open_buses) < BUSES:  # noqa: ASYNC110  nothing tells of it
        await asyncio.sleep(0.01)
    pipe.send([(HOST, int(bus.channel)) for bus in settings.buses])
    while True:
        await asked.wait()
        asked.clear()
        if pipe.poll():
            if not pipe.recv():
                break
            pipe.send(_figures(agent, tellings))
    stop.set()
    await running
    pipe.send(_figures(agent, tellings))


def _figures(agent: Agent, tellings: Tellings) -> Figures:
    status = agent.status()
    resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Figures(
        cpu_s=time.process_time(),
        rss_bytes=resident_pages * os.sysconf("SC_PAGE_SIZE"),
        seen=sum(counts["seen"] for counts in status.buses.values()),
        dropped=sum(counts["dropped"] for counts in status.buses.values()),
        told=tellings.dropped,
        kept_samples=status.kept_samples,
        kept_bytes=status.kept_bytes,
    )


class Load:
    """Sends frames to all buses and watches what becomes of them."""

    def __init__(
        self, pipe: Connection, agent_pid: int, addresses: Sequence[tuple[str, int]], rows: Sequence[bytes]
    ) -> None:
        self._pipe = pipe
        self._agent_pid = agent_pid
        self._addresses = addresses
        self._rows = rows
        self._at = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        """Send no more."""
        self._socket.close()

    def figures(self, *, last: bool = False) -> Figures:
        """The agent's, now; the last ones when it has ended."""
        self._pipe.send("" if last else "figures")
        figures: Figures = self._pipe.recv()
        return figures

    def phase(self, title: str, frames_s: int, seconds: float, *, held: bool = False) -> None:
        """Send for some seconds and print one line; `held` stops the agent's process meanwhile."""
        before, began_s = self.figures(), time.monotonic()
        if held:
            os.kill(self._agent_pid, signal.SIGSTOP)
        try:
            sent = self._send(frames_s, seconds)
        finally:
            if held:
                os.kill(self._agent_pid, signal.SIGCONT)
        after = self._settled(before, sent)
        cpu = (after.cpu_s - before.cpu_s) / (time.monotonic() - began_s)
        seen, dropped = after.seen - before.seen, after.dropped - before.dropped
        exact = "sent = seen + dropped" if sent == seen + dropped else "NOT ALL ACCOUNTED FOR"
        print(
            f"  {title:<38} {cpu:6.1%} of a core  RSS {after.rss_bytes / 1e6:4.0f} MB  sent {sent:8}  seen {seen:8}"
            f"  dropped {dropped:7}  {exact}  kept {after.kept_samples - before.kept_samples} samples",
            flush=True,
        )

    def _send(self, frames_s: int, seconds: float) -> int:
        """The same frames to every bus, in slices, so that they come one after the other as from a bus."""
        began_s, sent = time.monotonic(), 0
        while (passed_s := time.monotonic() - began_s) < seconds:
            due = int(passed_s * frames_s) - sent
            for _ in range(due):
                row = self._rows[self._at]
                self._at = (self._at + 1) % len(self._rows)
                for address in self._addresses:
                    self._socket.sendto(row, address)
            sent += due
            time.sleep(SLICE_S)
        return sent * len(self._addresses)

    def _settled(self, before: Figures, sent: int) -> Figures:
        """When all is seen or counted as dropped, or SETTLE_S have passed."""
        deadline_s = time.monotonic() + SETTLE_S
        while True:
            now = self.figures()
            if now.seen + now.dropped - before.seen - before.dropped >= sent or time.monotonic() > deadline_s:
                return now
            time.sleep(0.05)


def rules_of(load: Traffic) -> dict[str, object]:
    """On each bus SIGNALS signals of the messages that are sent, all that change."""
    databases = [load_database(load.database)]
    catalog = Catalog([(f"can{at}", databases) for at in range(BUSES)])
    sent = {frame.can_id for frame in load.frames}
    rules: dict[str, object] = {}
    for at in range(BUSES):
        names = [name for name in catalog if catalog[name].bus == at and catalog[name].message.can_id in sent]
        rules[f"bus{at}"] = {"kind": "on_change", "signals": names[:: max(len(names) // SIGNALS, 1)][:SIGNALS]}
    return rules


def bench_end_to_end(seconds: float) -> None:
    """Print one line a phase."""
    load = list(traffic())[:2][-1]  # a recorded drive where there is one
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    # Not among the usual temporary files, which may be in memory.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".end-to-end-") as folder:
        agent = context.Process(target=run_agent, args=(far, Path(folder), load.database, rules_of(load)))
        agent.start()
        far.close()  # an agent that dies is then heard
        try:
            _phases(near, agent.pid or 0, load, seconds)
            agent.join(20)
        finally:
            agent.kill()
            agent.join()
        assert agent.exitcode == 0, f"the agent left with {agent.exitcode}"


def _phases(pipe: Connection, agent_pid: int, load: Traffic, seconds: float) -> None:
    addresses = pipe.recv()
    print(
        f"\nend to end: {load.name}, {BUSES} buses of {FRAMES_S} frames/s, {SIGNALS} signals of each on change, "
        "from UDP stand-ins to disk"
    )
    rows = [classic(frame.can_id, frame.data) for frame in load.frames]
    with closing(Load(pipe, agent_pid, addresses, rows)) as sending:
        sending.phase("warming up", FRAMES_S, 3)
        sending.phase(f"{BUSES * FRAMES_S} frames/s", FRAMES_S, seconds)
        sending.phase(f"{OVERLOAD} times that", OVERLOAD * FRAMES_S, min(seconds, 10))
        sending.phase(f"{OVERLOAD} times that, the agent stopped", OVERLOAD * FRAMES_S, HOLD_S, held=True)
        sending.phase(f"{BUSES * FRAMES_S} frames/s again", FRAMES_S, min(seconds, 10))
        last = sending.figures(last=True)
    print(f"  of {last.dropped} dropped frames its events tell {last.told}; {last.kept_bytes} bytes on disk")


def main() -> None:
    """Run it alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    bench_end_to_end(parser.parse_args().seconds)


if __name__ == "__main__":
    main()

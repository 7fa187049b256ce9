"""What keeping batches costs: rates, bytes written to the device, a full backlog, an idle agent.

`python -m bench.spool [--folder FOLDER] [--backlog BYTES]`. Whatever else writes to the same device is counted with it:
give a folder on a file system of its own, else bytes are taken from /proc/self/io, which knows of no journal.
"""

import argparse
import asyncio
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from edge_agent.clock import SystemClock
from edge_agent.localhub.hub import PORT, LocalHub
from edge_agent.ports import Inbox, Session, Spool
from edge_agent.records import Acked, Envelope, EnvelopeKey, Lane, MethodAnswer
from edge_agent.spool.at_rest import KEY_BYTES, AtRest, DataKey
from edge_agent.spool.segments import SegmentSpool
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import Delivery

SIZES = (1024, 4096, 16384)
RECORDS = 2000
COMMIT_BYTES = 64 * 1024
"""payload in one append, as the agent groups it by default"""
AT_ONCE = 16
"""leased together, as the uplink's window has it"""
CAP_BYTES = 1 << 30
SCARCELY_ANY = 64
LIVE_EVERY_S = 0.1
LIVE_PRIORITY, BACKLOG_PRIORITY = 3, 6
COMES_UP_S, IDLE_S = 15, 30

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
LOG = structlog.get_logger().bind()  # as the agent's is; unbound, each line that is not told would bind it anew
RANDOM = random.Random(1).randbytes(1 << 20)  # noqa: S311  only to be incompressible
"""gzip leaves nothing to compress"""


class Database:
    """The usual way: a table, a transaction a commit, another for what was delivered together."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "spool.db", isolation_level=None)
        # Debian's SQLite overwrites what is deleted, unless told not to.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF"):
            self._database.execute(f"pragma {pragma}")
        self._database.execute("create table envelope (seq integer primary key, payload)")

    async def append(self, batch: Sequence[Envelope]) -> None:
        """All or none."""
        self._database.execute("begin")
        self._database.executemany("insert into envelope values (?, ?)", [(one.key.seq, one.payload) for one in batch])
        self._database.execute("commit")

    async def take(self) -> int:
        """Read what is leased at once, and delete it; how many."""
        rows = self._database.execute("select seq, payload from envelope order by seq limit ?", (AT_ONCE,)).fetchall()
        self._database.execute("begin")
        self._database.executemany("delete from envelope where seq=?", [(seq,) for seq, _payload in rows])
        self._database.execute("commit")
        return len(rows)

    async def close(self) -> None:
        """Done."""
        self._database.close()


class Segments:
    """The agent's own."""

    def __init__(self, spool: SegmentSpool) -> None:
        self._spool = spool

    async def append(self, batch: Sequence[Envelope]) -> None:
        """All, as one commit."""
        await self._spool.append(batch)

    async def take(self) -> int:
        """Lease and settle; how many."""
        leased = await self._spool.lease(AT_ONCE)
        for envelope in leased:
            await self._spool.settle(envelope.key, Acked())
        return len(leased)

    async def close(self) -> None:
        """Done."""
        await self._spool.close()


class OwnKey:
    """A key of this run."""

    def key(self) -> DataKey:
        """Always the same."""
        return DataKey(bytes(range(KEY_BYTES)))


@dataclass(frozen=True, slots=True)
class Meter:
    """Bytes written to what holds a folder."""

    folder: Path

    @property
    def device(self) -> Path | None:
        """Its counters, where the folder is on a block device that no other file system in use is on."""
        number = self.folder.stat().st_dev
        stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
        return stat if stat.exists() and number != Path("/").stat().st_dev else None

    def written(self) -> int:
        """So far; everything that waits in memory is written first."""
        if self.device is None:
            return process_bytes("self")
        subprocess.run(["/usr/bin/sync", "-f", self.folder], check=True)  # noqa: S603  our own folder
        return int(self.device.read_text().split()[6]) * 512


def process_bytes(process: int | str) -> int:
    """What a process had written to devices."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
    return int(fields["write_bytes"])


def envelopes(boot: int, first_seq: int, size: int, count: int, priority: int = BACKLOG_PRIORITY) -> list[Envelope]:
    """Batches with a payload of this size."""
    return [
        Envelope(
            EnvelopeKey(boot, seq),
            priority,
            Lane.WARM,
            "bench",
            "columns/1",
            "application/json",
            "gzip",
            RANDOM[seq * 61 % (len(RANDOM) - size) :][:size],
        )
        for seq in range(first_seq, first_seq + count)
    ]


async def fill(spool: Segments | Database, size: int, records: int) -> None:
    """Append in groups of a commit."""
    each = max(1, COMMIT_BYTES // size)
    for seq in range(0, records, each):
        await spool.append(envelopes(1, seq, size, min(each, records - seq)))


async def drain(spool: Segments | Database, _size: int, records: int) -> None:
    """Until nothing is left."""
    while records:
        records -= await spool.take()


@asynccontextmanager
async def opened(way: str, folder: Path) -> AsyncIterator[Segments | Database]:
    """A spool of one of the ways."""
    spool: Segments | Database
    if way.startswith("SQLite"):
        spool = Database(folder)
    else:
        at_rest = AtRest(OwnKey()) if "encrypted" in way else AtRest()
        spool = Segments(await SegmentSpool.open(folder, cap_bytes=CAP_BYTES, at_rest=at_rest, log=LOG))
    yield spool
    await spool.close()


def bench_rates(home: Path) -> None:
    """One line a way and size."""
    meter = Meter(home)
    where = "the device" if meter.device else "/proc/self/io, without the journal"
    print(f"\nspool: {RECORDS} batches, a commit each {COMMIT_BYTES >> 10} KiB; bytes written: {where}")
    print(f"  {'':<44}{'filled':>14}{'written a byte':>18}{'drained':>14}{'written a byte':>18}")
    for size in SIZES:
        for way in ("segments", "segments, encrypted", "SQLite, WAL FULL"):
            print(f"  {f'{size >> 10} KiB, {way}':<44}{asyncio.run(rates(way, size, meter))}")


async def rates(way: str, size: int, meter: Meter) -> str:
    """Fill, then drain, a fresh folder."""
    costs = []
    with tempfile.TemporaryDirectory(dir=meter.folder) as folder:
        total_bytes = size * RECORDS
        async with opened(way, Path(folder)) as spool:
            for act in (fill, drain):
                before, began = meter.written(), time.perf_counter()
                await act(spool, size, RECORDS)
                took_s = time.perf_counter() - began
                if act is drain:
                    await asyncio.sleep(1.5)  # the note of the last deliveries
                costs.append(f"{total_bytes / took_s / 1e6:9.0f} MB/s{(meter.written() - before) / total_bytes:18.2f}")
    return "".join(costs)


@dataclass(slots=True)
class NullHub:
    """An uplink, and its session, that take everything at once."""

    arrived_s: dict[EnvelopeKey, float] = field(default_factory=dict)
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self, _inbox: Inbox) -> Session:
        """Itself."""
        return self

    async def send(self, envelope: Envelope) -> None:
        """Taken."""
        if envelope.priority == LIVE_PRIORITY:
            self.arrived_s[envelope.key] = time.perf_counter()
        self.first.set()

    async def report(self, _patch: str) -> bool:
        """Taken."""
        return True

    async def lost(self) -> str:
        """Never."""
        await asyncio.Event().wait()
        return ""

    async def close(self) -> None:
        """Nothing to do."""


class NoInbox:
    """Hears nothing."""

    async def document(self, _text: str) -> str:
        """Not called."""
        return "{}"

    async def patch(self, _text: str) -> str:
        """Not called."""
        return "{}"

    async def method(self, _name: str, _payload: str) -> MethodAnswer:
        """Not called."""
        return MethodAnswer(404, "{}")


async def bench_backlog(home: Path, total_bytes: int, size: int = 16384) -> None:
    """A folder filled to `total_bytes`, opened and drained while new batches come."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        spool = await SegmentSpool.open(Path(folder), cap_bytes=4 * total_bytes, log=LOG)
        await fill(Segments(spool), size, total_bytes // size)
        await spool.close()

        began = time.perf_counter()
        spool = await SegmentSpool.open(Path(folder), cap_bytes=4 * total_bytes, log=LOG)
        open_s = time.perf_counter() - began
        hub, stop = NullHub(), asyncio.Event()
        delivery = Delivery(hub, spool, NoInbox(), Reported(), clock=SystemClock(), random=random.random, log=LOG)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            delivering = group.create_task(delivery.run(stop), name="uplink")
            live = group.create_task(live_batches(spool), name="live")
            await hub.first.wait()
            first_s = time.perf_counter() - began
            while spool.depth[1] > SCARCELY_ANY * size:  # noqa: ASYNC110  nothing tells of a spool nearly empty
                await asyncio.sleep(0.005)
            drain_s = time.perf_counter() - began
            live.cancel()
            await spool.emptied()
            stop.set()
            await delivering
        await spool.close()
        delays_s = [hub.arrived_s[key] - sent_s for key, sent_s in SENT_S.items() if key in hub.arrived_s]
    print(f"\na backlog of {total_bytes >> 20} MiB in envelopes of {size >> 10} KiB, into a hub that takes all at once")
    print(f"  opened {open_s:22.2f} s\n  first envelope {first_s * 1000:13.0f} ms")
    print(f"  drained {total_bytes / drain_s / 1e6:18.0f} MB/s")
    committed_ms, seen_ms = (statistics.median(all_s) * 1000 for all_s in (COMMITTED_S, delays_s or [0.0]))
    print(f"  a live batch during it: on disk after {committed_ms:.0f} ms (worst {max(COMMITTED_S) * 1000:.0f}),")
    worst_ms = max(delays_s, default=0.0) * 1000
    print(f"    at the hub after {seen_ms:.0f} ms (worst {worst_ms:.0f}), {len(delays_s)} of them")


SENT_S: dict[EnvelopeKey, float] = {}
COMMITTED_S: list[float] = []


async def live_batches(spool: Spool) -> None:
    """One now and then, until cancelled; when it was handed over, and how long that took."""
    seq = 0
    while True:
        (envelope,) = envelopes(spool.boot.boot, seq, 4096, 1, LIVE_PRIORITY)
        SENT_S[envelope.key] = began = time.perf_counter()
        await spool.append([envelope])
        COMMITTED_S.append(time.perf_counter() - began)
        seq += 1
        await asyncio.sleep(LIVE_EVERY_S)


async def bench_idle(home: Path) -> None:
    """The whole agent, connected to a hub, with a silent bus and no rule that keeps anything."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        hub = LocalHub(Path(folder) / "hub", free_address())
        await hub.start()
        environment = os.environ | hub.environment("connection_string")
        environment |= {
            "BUSES": '[{"name": "a", "interface": "virtual", "channel": "idle"}]',
            "DATA_FOLDER": f"{folder}/data",
        }
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge_agent", "run", env=environment, stdout=subprocess.DEVNULL
        )
        await asyncio.sleep(COMES_UP_S)
        before = process_bytes(agent.pid)
        await asyncio.sleep(IDLE_S)
        after = process_bytes(agent.pid)
        agent.terminate()
        await agent.wait()
        await hub.stop()
    print(f"\nan idle agent: {before} bytes written in the {COMES_UP_S} s of its start")
    print(f"  {after - before} in {IDLE_S} s after that")


def free_address() -> str:
    """A loopback address whose hub port nobody has."""
    for last in range(40, 80):
        with socket.socket() as probe:
            try:
                probe.bind((f"127.0.0.{last}", PORT))
            except OSError:
                continue
            return f"127.0.0.{last}"
    raise AssertionError(f"port {PORT} is taken on every address")


def bench_spool(home: Path, backlog_bytes: int) -> None:
    """Everything."""
    bench_rates(home)
    asyncio.run(bench_backlog(home, backlog_bytes))
    asyncio.run(bench_idle(home))


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--backlog", type=int, default=1 << 30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as elsewhere:
        bench_spool(chosen.folder or Path(elsewhere), chosen.backlog)


if __name__ == "__main__":
    main()

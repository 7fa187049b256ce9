"""A process that keeps and delivers batches on a small file system of its own; told what to do by JSON lines.

    python -m tests.faulty.spooling_child FOLDER SIZE MEMORY_BYTES MIN_FREE_BYTES

It is to run in a mount namespace of its own: it mounts a tmpfs of SIZE on FOLDER, which goes with the namespace.
"""

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from edge_agent.channel import Channel, WhenFull
from edge_agent.disk import DISK
from edge_agent.records import Acked, Batch
from edge_agent.spool.header import Sender
from edge_agent.spool.keep import GroupCommit, Keeping
from edge_agent.spool.segments import SegmentSpool
from tests.acquire.told import Told
from tests.spool.batches import HOT, SPEED, batch, column

CAP_BYTES = 1 << 20
BLOCK = 4096

Answer = Mapping[str, object]


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)  # noqa: S603, S607  the system's own, in our own namespace


def a_batch(seq: int) -> Batch:
    """Some kilobytes."""
    return batch(*[column(SPEED, *((i, (i * 7919 + seq) % 65536) for i in range(300)))], rule=HOT, seq=seq)


class Child:
    """Keeping, a spool, and a link that acknowledges everything while it is up."""

    def __init__(self, folder: Path, spool: SegmentSpool, log: Told) -> None:
        self._folder, self._spool, self._log = folder, spool, log
        self._keeping = Keeping(spool, Sender("vehicle-1", "edge-agent"), commit=GroupCommit(0.05, 1))
        self._seq = 0
        self._link: asyncio.Task[None] | None = None
        self._arrived: list[int] = []
        self._told: list[tuple[int, int, int, str]] = []

    async def run(self) -> None:
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            await getattr(self, order.pop("do"))(**order)
            sys.stdout.write(json.dumps(self._answer()) + "\n")
            sys.stdout.flush()

    async def keep(self, count: int) -> None:
        batches: Channel[Batch] = Channel("batches", 4, WhenFull.WAIT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeping.run(batches), name="keep")
            for seq in range(self._seq, self._seq + count):
                await batches.put(a_batch(seq))
            batches.close()
        self._seq += count

    async def link_up(self) -> None:
        self._link = asyncio.create_task(self._deliver(), name="link")

    async def link_down(self) -> None:
        if self._link:
            self._link.cancel()
            with suppress(asyncio.CancelledError):
                await self._link

    async def deliver_all(self) -> None:
        await self._spool.emptied()

    async def fill(self, but_bytes: int = 0) -> None:
        """Another program takes the disk."""
        with (self._folder / "other").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(BLOCK))
        with (self._folder / "other").open("r+b") as file:
            file.truncate(max(0, file.seek(0, 2) - but_bytes))

    async def free(self) -> None:
        (self._folder / "other").unlink()

    async def read_only(self) -> None:
        """New files and names are refused; the file that grows is not, as it is open."""
        mount("--bind", str(self._folder / "spool"), str(self._folder / "spool"))
        mount("-o", "remount,bind,ro", str(self._folder / "spool"))

    async def writable(self) -> None:
        await asyncio.to_thread(subprocess.run, ["umount", str(self._folder / "spool")], check=True)

    async def back_on_disk(self) -> None:
        while not self._spool.standing.on_disk:  # noqa: ASYNC110  the spool tries by itself, and tells nobody when
            await asyncio.sleep(0.01)

    async def look(self) -> None:
        """Just answer."""

    async def close(self) -> None:
        await self.link_down()
        await self._spool.close()

    async def _deliver(self) -> None:
        while True:
            for envelope in await self._spool.lease(16):
                body = json.loads(_unpacked(envelope.payload))
                self._arrived.append(body["seq"])
                self._told += [(one["boot"], one["from"], one["to"], one["why"]) for one in body["evicted"]]
                await self._spool.settle(envelope.key, Acked())

    def _answer(self) -> Answer:
        standing = self._spool.standing
        return {
            "boot": self._spool.boot.boot,
            "kept": self._keeping.kept_batches,
            "on_disk": standing.on_disk,
            "in_memory": standing.memory_batches,
            "waiting": self._spool.depth[0],
            "free_bytes": DISK.free_bytes(self._folder),
            "lost": dict(self._spool.lost),
            "arrived": self._arrived,
            "told": self._told,
            "events": [name for level, name, _ in self._log.lines if level != "debug"],
        }


def _unpacked(payload: bytes) -> bytes:
    return gzip.decompress(payload) if payload[:2] == b"\x1f\x8b" else payload


async def main(folder: Path, size: str, memory_bytes: int, min_free_bytes: int) -> None:
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    log = Told()
    spool = await SegmentSpool.open(
        folder / "spool", cap_bytes=CAP_BYTES, memory_bytes=memory_bytes, min_free_bytes=min_free_bytes, log=log
    )
    await Child(folder, spool, log).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

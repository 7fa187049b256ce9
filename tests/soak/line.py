"""The agent from its sealed batches on: commits, spool on a real disk, Microsoft's SDK over TLS; and what it did."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from edge_agent.channel import Channel, WhenFull
from edge_agent.clock import SystemClock
from edge_agent.events import Log
from edge_agent.ports import Inbox, Spool, Uplink
from edge_agent.records import ANYTHING, Acked, Appended, Batch, BootInfo, Envelope, EnvelopeKey, Receipt, Terms
from edge_agent.spool.header import Sender
from edge_agent.spool.keep import GroupCommit, Keeping
from edge_agent.spool.segments import SegmentSpool
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import UNREACHABLE, Delivery
from edge_agent.uplink.quarantine import PATIENCE, Patience, Quarantine
from tests.soak.load import load

DEVICE, MODULE = "demo-vehicle", "telematics"
SPOOL_BYTES = 4 << 30
SEALED_BATCHES = 32


class Said:
    """A log that counts what is told, and writes down what alarms."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.alarms: Counter[str] = Counter()

    def debug(self, event: str, **fields: object) -> None:
        pass

    def info(self, event: str, **fields: object) -> None:
        pass

    def warning(self, event: str, **fields: object) -> None:
        self.alarms[event] += 1
        self._out.write(f"{event} {fields}\n")
        self._out.flush()

    def error(self, event: str, **fields: object) -> None:
        self.warning(event, **fields)


class NotedSpool:
    """A spool, and a note of every envelope that went in and of every one that was acknowledged.

    The notes are files, one line each, so that the process does not grow by what is counted.
    """

    def __init__(self, spool: Spool, folder: Path) -> None:
        self._spool = spool
        self._kept = (folder / "kept.txt").open("w")
        self._acked = (folder / "acked.txt").open("w")
        self.kept = self.acked = 0
        self.acked_s = 0.0
        """when the latest receipt came, by the loop's clock"""

    @property
    def boot(self) -> BootInfo:
        return self._spool.boot

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        appended = await self._spool.append(envelopes)
        for one in envelopes:
            self._kept.write(f"{one.key.boot} {one.key.seq} {digest(one.payload)}\n")
        self.kept += len(envelopes)
        return appended

    async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        return await self._spool.lease(limit, terms)

    async def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        if isinstance(receipt, Acked):
            self.acked += 1
            self.acked_s = asyncio.get_running_loop().time()
            self._acked.write(f"{key.boot} {key.seq}\n")
        await self._spool.settle(key, receipt)

    async def close(self) -> None:
        await self._spool.close()
        self._kept.close()
        self._acked.close()


def digest(payload: bytes) -> str:
    """What tells one payload from another."""
    return hashlib.sha256(payload).hexdigest()


def noted_kept(folder: Path) -> Iterator[tuple[EnvelopeKey, str]]:
    """What went into the spool, with the digest of each payload."""
    for line in (folder / "kept.txt").read_text().splitlines():
        boot, seq, payload = line.split()
        yield EnvelopeKey(int(boot), int(seq)), payload


def noted_acked(folder: Path) -> Iterator[EnvelopeKey]:
    """What the agent took for delivered."""
    for line in (folder / "acked.txt").read_text().splitlines():
        yield EnvelopeKey(*map(int, line.split()))


class Line:
    """Runs under load until told to end; its attributes may be read at any time."""

    def __init__(
        self,
        spool: SegmentSpool,
        folder: Path,
        uplink: Uplink,
        inbox: Inbox,
        log: Log,
        *,
        healthy_s: float,
        patience: Patience,
    ) -> None:
        self._inner = spool
        self._all_kept = asyncio.Event()
        self.spool = NotedSpool(spool, folder)
        self.delivery = Delivery(
            uplink,
            self.spool,
            inbox,
            Reported(),
            clock=SystemClock(),
            random=random.random,
            log=log,
            backoff=replace(UNREACHABLE, healthy_s=healthy_s),
            quarantine=Quarantine(patience),
        )

    @classmethod
    async def open(
        cls,
        folder: Path,
        uplink: Uplink,
        inbox: Inbox,
        log: Log,
        *,
        healthy_s: float = UNREACHABLE.healthy_s,
        patience: Patience = PATIENCE,
    ) -> "Line":
        """A connection that lived `healthy_s` makes the back-off begin anew; `patience` is the quarantine's."""
        spool = await SegmentSpool.open(folder / "spool", cap_bytes=SPOOL_BYTES, log=log)
        return cls(spool, folder, uplink, inbox, log, healthy_s=healthy_s, patience=patience)

    @property
    def waiting(self) -> int:
        """Batches in the spool."""
        return self._inner.depth[0]

    async def run(self, enough: asyncio.Event, stop: asyncio.Event) -> None:
        """Under load until `enough`, delivering until `stop`."""
        batches: Channel[Batch] = Channel("batches", SEALED_BATCHES, WhenFull.WAIT)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(load(batches, enough), name="load")
                group.create_task(self._keep(batches), name="keep")
                group.create_task(self.delivery.run(stop), name="uplink")
        finally:
            await self.spool.close()

    async def emptied(self) -> None:
        """Wait until all is kept, behind the load's end, and all of that delivered."""
        await self._all_kept.wait()
        await self._inner.emptied()

    async def _keep(self, batches: Channel[Batch]) -> None:
        await Keeping(self.spool, Sender(DEVICE, MODULE), commit=GroupCommit()).run(batches)
        self._all_kept.set()

"""Live buses as a source of frames, one block a tick over all of them: `Buses`."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import replace

import numpy as np

from edge_agent import events
from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.backlog import Backlog, Taken
from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, block_of, by_time
from edge_agent.acquire.can_frame import Filters
from edge_agent.acquire.capture_time import CaptureTime
from edge_agent.acquire.losses import Losses
from edge_agent.acquire.pace import Progress
from edge_agent.acquire.poll import SocketCanReader
from edge_agent.acquire.reader import Reader, ReaderThread, end_all
from edge_agent.acquire.socketcan import RECEIVE_BYTES
from edge_agent.backoff import Backoff
from edge_agent.ports import Clock
from edge_agent.records import FrameBlock, Frames

BUFFER_FRAMES = 65_536
"""How far each bus may be ahead of the event loop: 8 s of a full 1 Mbit/s bus with 8000 frames a second."""

QUIET_NS = 1_000_000_000
"""An empty block follows the block before within this time, if a tick is no longer."""

SETTLE_NS = 200_000_000
"""Longer than a frame is on its way from the bus to its block: it may wait for others for half of it."""

OVERRUN = "the kernel's receive buffer was full: the buses' thread did not read it in time"
UNTAKEN = "the buffer was full: the event loop did not take it in time"


class Buses:
    """FrameSource over SocketCAN, in bulk, and python-can's other interfaces, in the order of their indices.

    One thread, `acquire-socketcan`, reads all SocketCAN buses, and one, `acquire-<name>`, each other bus; the event
    loop takes what they have read once a tick. A bus that cannot be opened, or goes away, is tried again inside while
    the others go on. `until_ns` is 200 ms behind the newest frame, and goes on without frames; it goes back only with
    a clock that was set back, and then with all times of its block. Where some bus has `fd`, `data` is always [n, 64].
    """

    def __init__(
        self,
        addresses: Sequence[BusAddress],
        *,
        log: events.Log,
        clock: Clock,
        tick_ms: int = 100,
        clock_trusted: bool = False,
        only_wanted: Collection[str] = (),
        backoff: Backoff = Backoff(),  # noqa: B008  frozen
        buffer_frames: int = BUFFER_FRAMES,
        receive_bytes: int = RECEIVE_BYTES,
    ) -> None:
        """`clock_trusted`: the wall clock is right at the start, though nobody tells the kernel.

        `only_wanted` names the SocketCAN buses that `pass_only` is for.
        """
        self._addresses = tuple(addresses)
        self._log = log
        self._clock = clock
        self._tick_s = tick_ms / 1000
        # A tick later it would be too late; half of one is for a tick that itself is late.
        self._quiet_ns = max(0, QUIET_NS - tick_ms * 1_500_000)
        self._capture = CaptureTime(trusted=clock_trusted)
        self._only_wanted = [at for at, address in enumerate(addresses) if address.name in only_wanted]
        self._width = FD_BYTES if any(address.fd for address in addresses) else CLASSIC_BYTES
        self._buffer_frames = buffer_frames * len(addresses)
        bulk = {at: address for at, address in enumerate(addresses) if address.interface == "socketcan"}
        self._socketcan = SocketCanReader(
            bulk,
            buses=len(addresses),
            tick_s=self._tick_s,
            log=log,
            clock=clock,
            backoff=backoff,
            receive_bytes=receive_bytes,
        )
        self._readers: list[Reader] = [self._socketcan] if bulk else []
        for at, address in enumerate(addresses):
            if at not in bulk:
                self._readers.append(_message_reader(address, at, log=log, clock=clock, backoff=backoff))

    @property
    def opened(self) -> frozenset[str]:
        """Names of the buses whose frames arrive now."""
        return frozenset().union(*(reader.opened for reader in self._readers))

    def pass_only(self, filters: Sequence[Filters]) -> None:
        """From soon on the kernel holds back all ids but these of the buses that are `only_wanted`; by bus.

        What it holds back is not seen at all: it is in no count. Error frames always pass.
        """
        self._socketcan.pass_only({at: filters[at] for at in self._only_wanted})

    async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
        """Blocks until closed or cancelled; then the threads are ended and the buses shut down, in about 0.1 s."""
        backlog = Backlog(len(self._addresses), self._buffer_frames, self._width)
        threads = [ReaderThread(reader, backlog) for reader in self._readers]
        overruns = [Losses(address.name, OVERRUN, self._log) for address in self._addresses]
        untaken = [Losses(address.name, UNTAKEN, self._log) for address in self._addresses]
        for thread in threads:
            thread.start()
        try:
            progress = Progress(SETTLE_NS)
            closed_ns = self._clock.uptime_ns()
            loop = asyncio.get_running_loop()
            next_s = loop.time()
            while True:
                next_s = max(next_s + self._tick_s, loop.time())
                await asyncio.sleep(next_s - loop.time())
                for thread in threads:
                    thread.check()
                taken = backlog.take()
                block = self._block(taken, progress)
                _count(overruns, taken.overruns, block.uptime_ns)
                _count(untaken, taken.untaken, block.uptime_ns)
                if len(block) or any(block.dropped) or block.uptime_ns - closed_ns >= self._quiet_ns:
                    closed_ns = block.uptime_ns
                    yield block
        finally:
            end_all(threads, self._clock)  # blocking, as nothing else may run before it is done
            for losses in (*overruns, *untaken):
                losses.tell()

    def _block(self, taken: Taken, progress: Progress) -> FrameBlock:
        now_ns, uptime_ns = self._clock.both_ns()
        self._capture.tick(now_ns, uptime_ns, kernel_synced=self._clock.is_synced())
        columns = Frames.joined(taken.parts, max([self._width, *(part.data.shape[1] for part in taken.parts)]))
        columns = by_time(self._told_now(columns) if self._capture.stepped else columns)
        if len(columns):
            progress.seen(int(columns.t_ns[-1]), uptime_ns)
        return block_of(
            columns,
            dropped=taken.dropped,
            until_ns=progress.until_ns(uptime_ns),
            uptime_ns=uptime_ns,
            clock=self._capture.quality,
            epoch_ns=self._capture.epoch_ns,
        )

    def _told_now(self, columns: Frames) -> Frames:
        """A tick's frames in the order of arrival, of which some may have been stamped before the clock was set."""
        t_ns = columns.t_ns.copy()
        for bus in range(len(self._addresses)):
            mine = np.flatnonzero(columns.bus == bus)
            t_ns[mine] = self._capture.told_now(t_ns[mine])
        return replace(columns, t_ns=t_ns)


def _message_reader(address: BusAddress, index: int, *, log: events.Log, clock: Clock, backoff: Backoff) -> Reader:
    from edge_agent.acquire.messages import MessageReader  # noqa: PLC0415  python-can with it, 3 MB

    return MessageReader(address, index, log=log, clock=clock, backoff=backoff)


def _count(losses: Sequence[Losses], counts: Sequence[int], uptime_ns: int) -> None:
    for one, count in zip(losses, counts, strict=True):
        one.add(count, uptime_ns)

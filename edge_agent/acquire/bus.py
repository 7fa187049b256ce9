"""Live buses as a source of frames, one block a tick over all of them: `Buses`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from edge_agent import events
from edge_agent.acquire.backlog import Taken
from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, block_of, merge
from edge_agent.acquire.losses import Losses
from edge_agent.acquire.pace import Progress
from edge_agent.acquire.pythoncan import BusAddress
from edge_agent.acquire.reader import BusReader, MessageBus, OpenBus
from edge_agent.acquire.socketcan import RECEIVE_BYTES, SocketCan
from edge_agent.backoff import Backoff
from edge_agent.ports import Clock
from edge_agent.records import ClockQuality, FrameBlock

BUFFER_FRAMES = 65_536
"""How far one bus may be ahead of the event loop: 8 s of a full 1 Mbit/s bus with 8000 frames a second."""

QUIET_NS = 900_000_000
"""An empty block follows this long after the block before: with a tick more it is within a second."""

SETTLE_NS = 200_000_000
"""Longer than a frame is on its way from the bus to its block."""

OVERRUN = "the kernel's receive buffer was full: the bus's thread did not read it in time"
UNTAKEN = "the buffer was full: the event loop did not take it in time"


class Buses:
    """FrameSource over SocketCAN, in bulk, and python-can's other interfaces, in the order of their indices.

    One thread a bus, `acquire-<name>`, reads it; the event loop takes what all have read once a tick. A bus that
    cannot be opened, or goes away, is tried again inside while the others go on. `until_ns` is 200 ms behind the
    newest frame, and goes on without frames; it goes back only with a clock that was set back. Where some bus has
    `fd`, `data` is always [n, 64].
    """

    def __init__(
        self,
        addresses: Sequence[BusAddress],
        *,
        log: events.Log,
        clock: Clock,
        tick_ms: int = 50,
        backoff: Backoff = Backoff(),  # noqa: B008  frozen
        buffer_frames: int = BUFFER_FRAMES,
        receive_bytes: int = RECEIVE_BYTES,
    ) -> None:
        self._addresses = tuple(addresses)
        self._log = log
        self._clock = clock
        self._width = FD_BYTES if any(address.fd for address in addresses) else CLASSIC_BYTES
        self._tick_s = tick_ms / 1000
        self._backoff = backoff
        self._buffer_frames = buffer_frames
        self._receive_bytes = receive_bytes
        self._readers: dict[str, BusReader] = {}

    @property
    def opened(self) -> frozenset[str]:
        """Names of the buses whose frames arrive now."""
        return frozenset(name for name, reader in self._readers.items() if reader.is_open)

    async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
        """Blocks until closed or cancelled; then the threads are ended and the buses shut down, in about 0.1 s."""
        readers = [self._reader(index, address) for index, address in enumerate(self._addresses)]
        overruns = [Losses(address.name, OVERRUN, self._log) for address in self._addresses]
        untaken = [Losses(address.name, UNTAKEN, self._log) for address in self._addresses]
        self._readers = {address.name: reader for address, reader in zip(self._addresses, readers, strict=True)}
        for reader in readers:
            reader.start()
        try:
            progress = Progress(SETTLE_NS)
            closed_ns = self._clock.uptime_ns()
            loop = asyncio.get_running_loop()
            next_s = loop.time()
            while True:
                next_s = max(next_s + self._tick_s, loop.time())
                await asyncio.sleep(next_s - loop.time())
                taken = [reader.take() for reader in readers]
                block = self._block(taken, progress)
                for index, one in enumerate(taken):
                    overruns[index].add(one.overrun, block.uptime_ns)
                    untaken[index].add(one.untaken, block.uptime_ns)
                if len(block) or any(block.dropped) or block.uptime_ns - closed_ns >= QUIET_NS:
                    closed_ns = block.uptime_ns
                    yield block
        finally:
            _end(readers)
            for losses in (*overruns, *untaken):
                losses.tell()

    def _reader(self, index: int, address: BusAddress) -> BusReader:
        return BusReader(
            address,
            self._opener(index, address),
            log=self._log,
            clock=self._clock,
            backoff=self._backoff,
            capacity=self._buffer_frames,
        )

    def _opener(self, index: int, address: BusAddress) -> Callable[[], OpenBus]:
        if address.interface == "socketcan":
            return SocketCan(address, index, receive_bytes=self._receive_bytes, log=self._log)
        return partial(MessageBus, address, index)

    def _block(self, taken: Sequence[Taken], progress: Progress) -> FrameBlock:
        parts = [part for one in taken for part in one.parts]
        columns = merge(parts, max([self._width, *(part.data.shape[1] for part in parts)]))
        uptime_ns = self._clock.uptime_ns()
        if len(columns):
            progress.seen(int(columns.t_ns[-1]), uptime_ns)
        return block_of(
            columns,
            dropped=[one.dropped for one in taken],
            until_ns=progress.until_ns(uptime_ns),
            uptime_ns=uptime_ns,
            clock=ClockQuality.SYSTEM,
        )


def _end(readers: Sequence[BusReader]) -> None:
    """End all threads together, so that their waits are one; blocking, as nothing else may run before it is done."""
    for reader in readers:
        reader.ask_to_end()
    for reader in readers:
        reader.wait_for_end()

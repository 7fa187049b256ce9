"""A recorded log as a source of frames: `LogFile`."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from edge_agent import events
from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Frame, block_of, columns_of, merge
from edge_agent.acquire.logreader import read_log
from edge_agent.acquire.pace import LATE_NS, Pace, jumps, until
from edge_agent.errors import LogRefused
from edge_agent.ports import Clock
from edge_agent.records import ClockQuality, FrameBlock

BLOCK_FRAMES = 1000
QUIET_NS = 1_000_000_000


class Tick(NamedTuple):
    """What a log says about one stretch of its time."""

    frames: list[Frame]
    until_ns: int


def ticks_of(frames: Iterable[Frame], tick_ns: int, quiet_ns: int) -> Generator[Tick, None, None]:
    """Cut a log by its own time: at each tick, at 1000 frames, and before a frame older than the tick's first.

    The frames of a tick stay in file order. Silence gives an empty tick each `quiet_ns`. A jump of the clock,
    back by more than a second or ahead by more than an hour, is followed and not filled.
    What was read of a log before it is refused comes first.
    """
    tick: list[Frame] = []
    start_ns = newest_ns = 0
    try:
        for count, frame in enumerate(frames):
            if count == 0:
                start_ns = newest_ns = frame.t_ns
            elif not start_ns <= frame.t_ns < start_ns + tick_ns:
                until_ns = newest_ns if frame.t_ns < start_ns else start_ns + tick_ns
                if tick:
                    yield Tick(tick, until_ns)
                if not jumps(newest_ns, frame.t_ns):
                    yield from (
                        Tick([], quiet_until) for quiet_until in range(until_ns + quiet_ns, frame.t_ns, quiet_ns)
                    )
                tick, start_ns, newest_ns = [], frame.t_ns, frame.t_ns
            newest_ns = max(newest_ns, frame.t_ns)
            tick.append(frame)
            if len(tick) == BLOCK_FRAMES:
                yield Tick(tick, newest_ns)
                tick = []
    except LogRefused:
        if tick:
            yield Tick(tick, newest_ns)
        raise
    if tick:
        yield Tick(tick, newest_ns)


class LogFile:
    """FrameSource over a log; `speed` 1 is as recorded, N is N times as fast, 0 is without waiting.

    `channels` gives the bus, below `buses`, of each of the log's channels (`can0`; a .blf or .asc counts its own
    from 0); frames of other channels are left out. Without it all are of bus 0. `counts` is told the channel of each
    frame that is read.

    Blocks are cut by the log's own time at every speed, so that what follows behaves as on a live bus. Times are
    the log's own to its last digit, as `read_log` says, and `dropped` is 0. Within a tick frames are sorted by time,
    as several buses in one file are not; where the log's clock goes back further than the tick, a new block begins
    with the older time. `until_ns` is a second behind the newest frame, since one may be logged that late; it goes
    back only where the clock was set.
    """

    def __init__(
        self,
        path: Path,
        *,
        log: events.Log,
        clock: Clock,
        speed: float = 0.0,
        tick_ms: int = 100,
        channels: Mapping[str, int] | None = None,
        buses: int = 1,
        counts: Counter[str] | None = None,
    ) -> None:
        self._path = path
        self._log = log
        self._clock = clock
        self._speed = speed
        self._tick_ns = tick_ms * 1_000_000
        self._channels = channels
        self._buses = buses
        self._counts = counts

    async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
        """Blocks to the end of the log. Raises LogRefused."""
        # Slower than recorded, a second of silence must not become several.
        quiet_ns = round(QUIET_NS * min(1.0, self._speed or 1.0))
        frames = read_log(self._path, self._channels, self._counts)
        ticks = ticks_of(frames, self._tick_ns, quiet_ns)
        reader = ThreadPoolExecutor(1, thread_name_prefix="acquire-log")
        loop = asyncio.get_running_loop()
        pace = Pace(self._speed)
        count = 0
        until_ns = 0
        try:
            while tick := await loop.run_in_executor(reader, next, ticks, None):
                await asyncio.sleep(pace.due_s(tick.until_ns, loop.time()) - loop.time())
                count += len(tick.frames)
                until_ns = until(until_ns, tick.until_ns)
                yield self._block(tick.frames, until_ns - LATE_NS)
            events.log_ended(self._log, path=str(self._path), frames=count)
        finally:
            # The file is closed on the thread that opened it (SQLite insists); it is at most one tick's work behind.
            reader.submit(ticks.close)
            reader.submit(frames.close)
            reader.shutdown()

    def _block(self, frames: list[Frame], until_ns: int) -> FrameBlock:
        width = FD_BYTES if any(len(frame.data) > CLASSIC_BYTES for frame in frames) else CLASSIC_BYTES
        return block_of(
            merge([columns_of(frames, width)], width),
            dropped=[0] * self._buses,
            until_ns=until_ns,
            uptime_ns=self._clock.uptime_ns(),
            clock=ClockQuality.RECORDED,
        )

"""What a test needs around a source: a log that keeps what it is told, and frames to compare with."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.block import Frame
from edge_agent.acquire.reader import Reader, ReaderThread
from edge_agent.records import FrameBlock, Frames


class Told:
    """A log that keeps what it is told, from any thread, and can be waited on."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []
        self._more = threading.Condition()

    def debug(self, event: str, **fields: object) -> None:
        self._keep("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._keep("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._keep("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._keep("error", event, fields)

    def levels(self, event: str) -> list[str]:
        return [level for level, name, _ in self.lines if name == event]

    def fields(self, event: str) -> list[dict[str, object]]:
        return [fields for _, name, fields in self.lines if name == event]

    async def heard(self, event: str, times: int = 1) -> None:
        """Return when `event` was told that many times."""
        await asyncio.to_thread(self._wait, event, times)

    def _wait(self, event: str, times: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.fields(event)) >= times, timeout=10), (event, self.lines)

    def _keep(self, level: str, event: str, fields: dict[str, object]) -> None:
        with self._more:
            self.lines.append((level, event, fields))
            self._more.notify_all()


def frames_in(block: FrameBlock) -> list[Frame]:
    """The rows of a block."""
    return [
        Frame(
            int(block.t_ns[row]),
            int(block.bus[row]),
            int(block.can_id[row]),
            int(block.flags[row]),
            int(block.length[row]),
            bytes(block.data[row, : block.length[row]]),
        )
        for row in range(len(block))
    ]


@contextmanager
def reading(reader: Reader, backlog: Backlog) -> Iterator[None]:
    """A reader on its thread."""
    thread = ReaderThread(reader, backlog)
    thread.start()
    try:
        yield
    finally:
        thread.ask_to_end()
        thread.wait_for_end()
        thread.check()


async def taken(backlog: Backlog, frames: int) -> list[Frames]:
    """Parts, when that many frames have come."""
    parts: list[Frames] = []
    async with asyncio.timeout(10):
        while sum(map(len, parts)) < frames:
            parts += backlog.take().parts
            await asyncio.sleep(0.001)
    return parts

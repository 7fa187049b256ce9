"""The direct method `rules.test`: a trial of rules beside the ones that run, on a thread, within a time limit."""

import asyncio
from collections.abc import Mapping
from threading import Lock

from edge_agent.decode.catalog import Catalog
from edge_agent.errors import MethodRefused
from edge_agent.ports import Clock
from edge_agent.records import FrameBlock
from edge_agent.spool.header import Sender
from edge_agent.tap.recent_frames import RecentFrames
from edge_agent.twin.trial import tried

LIMIT_S = 5.0
"""Below what a stop may take, which waits for it."""


class Trials:
    """Called with the payload; one at a time."""

    def __init__(self, catalog: Catalog, recent: RecentFrames, sender: Sender, clock: Clock) -> None:
        self._catalog = catalog
        self._recent = recent
        self._sender = sender
        self._clock = clock
        self._busy = Lock()

    async def __call__(self, payload: object) -> Mapping[str, object]:
        """As `trial.tried`. Raises MethodRefused."""
        if not self._recent.is_kept:
            raise MethodRefused(409, "no frames are kept in memory: TEST_MEMORY_BYTES is 0")
        # Whoever gives up on the answer leaves the thread behind, if it has begun: it alone takes and frees the lock.
        return await asyncio.to_thread(self._run, payload, self._recent.blocks())

    def _run(self, payload: object, blocks: tuple[FrameBlock, ...]) -> Mapping[str, object]:
        if not self._busy.acquire(blocking=False):
            raise MethodRefused(429, "another test runs: ask again later")
        end_ns = self._clock.uptime_ns() + round(LIMIT_S * 1e9)
        try:
            return tried(
                payload, self._catalog, self._sender, blocks, expired=lambda: self._clock.uptime_ns() >= end_ns
            )
        finally:
            self._busy.release()

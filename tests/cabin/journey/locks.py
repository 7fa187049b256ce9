"""How soon a page is locked after the sample that says so, and when it is opened again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.cabin.journey.cabin_process import LOCK, SPEED, CabinProcess, PlayedAgent


@asynccontextmanager
async def ticking_of(agent: PlayedAgent) -> AsyncIterator[asyncio.Task[None]]:
    """Its ticks, until the block ends or it is cancelled."""
    ticking = asyncio.create_task(agent.go_on(), name="ticks")
    try:
        yield ticking
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking


async def transitions(cabin: CabinProcess, agent: PlayedAgent, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the locked View, and seconds to the open one, of so many drives off and stops."""
    locked_ms, opened_s = list[float](), list[float]()
    async with cabin.stream() as seen:
        for _ in range(count):
            locked_ms.append(await _until(seen, agent, 50.0, 0.0, locked=True) * 1000)
            opened_s.append(await _until(seen, agent, 0.0, 1.0, locked=False))
    return locked_ms, opened_s


async def _until(seen: AsyncIterator[Any], agent: PlayedAgent, speed: float, lock: float, *, locked: bool) -> float:
    """Seconds from the first tick of a new state until its View has come."""
    agent.values |= {SPEED: speed, LOCK: lock}
    began = time.monotonic()
    async with ticking_of(agent), asyncio.timeout(20):
        async for view in seen:
            if view["locked"] is locked:
                return time.monotonic() - began
    raise AssertionError("the stream ended")

"""Threads that end, and those that do not, of which only so many may be."""

import asyncio
import threading

import pytest

from edge_agent.errors import UplinkWedged
from edge_agent.uplink.threads import Threads


async def test_a_thread_that_ends_in_time_counts_for_nothing() -> None:
    told: list[int] = []
    threads = Threads("t", told.append, shutdown_s=2.0, undisposed=1)
    for _ in range(3):
        await threads.end(threads.begin(), None)

    assert told == []


async def test_too_many_that_do_not_end_are_told_and_then_only_a_new_process_helps() -> None:
    told, release = list[int](), threading.Event()
    threads = Threads("t", told.append, shutdown_s=0.05, undisposed=2)

    async def stuck() -> None:
        await asyncio.to_thread(release.wait)

    last = []
    for _ in range(2):
        last.append(threads.begin())
        await threads.end(last[-1], stuck())
    with pytest.raises(UplinkWedged):
        threads.begin()
    release.set()
    async with asyncio.timeout(5):
        for each in last:
            await each.ended()
    await threads.end(threads.begin(), None)  # all have ended meanwhile

    assert told == [1, 2]

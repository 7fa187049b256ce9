"""The method `rules.test`: beside the loop, one at a time."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import MethodRefused
from edge_agent.spool.header import Sender
from edge_agent.tap.recent_frames import RecentFrames
from edge_agent.twin.trials import LIMIT_S, Trials
from tests.test_sift import CATALOG, every_change, frames

PAYLOAD = {"rules": {"a": every_change("M.A")}}


class HeldClock:
    """Says no time until it is let go; each time it is asked a trial's limit has passed."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.late_ns = 0

    def now_ns(self) -> int:
        return 0

    def both_ns(self) -> tuple[int, int]:
        return 0, 0

    def is_synced(self) -> bool | None:
        return None

    def uptime_ns(self) -> int:
        self.asked.set()
        assert self.go.wait(10)
        self.late_ns += round(LIMIT_S * 1e9)
        return self.late_ns


def recent(cap_bytes: int = 1 << 20) -> RecentFrames:
    memory = RecentFrames(cap_bytes)
    memory.add(frames((0, 1), (1, 2)))
    return memory


async def test_it_answers_from_what_is_in_memory() -> None:
    answer = await Trials(CATALOG, recent(), Sender("car", "agent"), SystemClock())(PAYLOAD)

    assert answer["frames"] == 2


async def test_without_memory_it_says_which_setting_gives_some() -> None:
    with pytest.raises(MethodRefused, match="TEST_MEMORY_BYTES"):
        await Trials(CATALOG, recent(0), Sender("car", "agent"), SystemClock())(PAYLOAD)


async def test_a_second_one_is_refused_while_the_first_runs_which_ends_by_its_limit() -> None:
    clock = HeldClock()
    trials = Trials(CATALOG, recent(), Sender("car", "agent"), clock)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(_status(trials))
        await asyncio.to_thread(clock.asked.wait, 10)
        assert await _status(trials) == 429
        clock.go.set()
    assert first.result() == 504

    assert await _status(trials) == 504  # and it is free again


async def test_one_that_was_given_up_before_a_thread_took_it_is_in_nobodys_way() -> None:
    trials = Trials(CATALOG, recent(), Sender("car", "agent"), SystemClock())
    go = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="only") as only:
        asyncio.get_running_loop().set_default_executor(only)
        busy = asyncio.ensure_future(asyncio.to_thread(go.wait, 10))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(trials(PAYLOAD), 0.01)
        go.set()
        await busy

        assert await _status(trials) == 200


async def _status(trials: Trials) -> int:
    try:
        await trials(PAYLOAD)
    except MethodRefused as refusal:
        return refusal.status
    return 200

"""Signals, sent to this process."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from edge_agent.system_signals import QUIET, STOP, WAKE, quiet_on_signals, stop_on_signals, until_it_runs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*STOP, QUIET, WAKE)}
    yield
    for number, handling in before.items():
        signal.signal(number, handling)


@pytest.mark.parametrize("number", STOP)
async def test_a_stop_sets_the_event(number: int) -> None:
    stop = stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(stop.wait(), 5)


async def test_quiet_and_wake_are_heard_in_their_order() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue(4)
    quiet_on_signals(lambda: heard.put_nowait("quiet"), lambda: heard.put_nowait("wake"))
    for number, what in ((QUIET, "quiet"), (WAKE, "wake"), (QUIET, "quiet")):
        os.kill(os.getpid(), number)
        assert await asyncio.wait_for(heard.get(), 5) == what


def test_until_the_agent_runs_a_stop_leaves_and_the_others_end_nothing() -> None:
    left: list[int] = []
    until_it_runs(lambda: left.append(1))
    os.kill(os.getpid(), QUIET)
    os.kill(os.getpid(), WAKE)
    assert left == []
    os.kill(os.getpid(), STOP[0])
    assert left == [1]

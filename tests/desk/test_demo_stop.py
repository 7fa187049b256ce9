import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from edge_agent.desk.demo_stop import STOPS, Stopped, until_stopped


@pytest.fixture(autouse=True)
def _none_is_ignored() -> Iterator[None]:
    """Whatever started the tests: nohup has SIGHUP ignored, and a shell without job control SIGINT behind an `&`."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def killed_by(number: int, told: list[str]) -> None:
    """It is told to end, twice, and takes a while over that."""
    os.kill(os.getpid(), number)
    try:
        await asyncio.sleep(60)
    finally:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.02)
        told.append("cleaned up")


@pytest.mark.parametrize("number", STOPS)
async def test_each_of_the_signals_ends_it_after_it_has_cleaned_up(number: int) -> None:
    told: list[str] = []
    with pytest.raises(Stopped) as stopped:
        await until_stopped(killed_by(number, told))
    assert told == ["cleaned up"]
    assert stopped.value.exit_code == 128 + number


async def test_what_goes_wrong_in_cleaning_up_is_nothing_beside_the_signal() -> None:
    async def before_a_terminal_that_goes() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        raise OSError(5, "Input/output error")

    with pytest.raises(Stopped):
        await until_stopped(before_a_terminal_that_goes())


async def test_a_signal_that_is_ignored_stays_so() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:

        async def hung_up() -> str:
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.02)
            return "done"

        assert await until_stopped(hung_up()) == "done"
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_without_a_signal_it_gives_and_raises_what_it_does() -> None:
    async def broken() -> None:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await until_stopped(broken())

"""What ends a demo before its time: the keyboard, a `kill`, a terminal that is closed."""

import asyncio
import signal
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):  # noqa: N818  a fact, no error
    """A signal has ended it; what it had started is gone."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.strsignal(number))

    @property
    def exit_code(self) -> int:
        """As a shell tells of a process that died of it."""
        return 128 + self.number


async def until_stopped(work: Coroutine[Any, Any, Result]) -> Result:
    """Run it to its end. Raises what it raises, or Stopped: the first signal cancels it, and it cleans up meanwhile.

    A signal that whoever started us has had ignored, as nohup does, stays so. Others behind the first are nothing:
    `timeout` sends each twice, and a cleaning up that was cancelled would leave processes behind.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work, name="demo")
    asked: list[int] = []

    def stop(number: int) -> None:
        if not asked:
            task.cancel()
        asked.append(number)

    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, partial(stop, number))
    await asyncio.wait((task,))
    if asked:
        if not task.cancelled():
            task.exception()  # a terminal that is gone cannot be written to, for one
        raise Stopped(asked[0])
    return task.result()

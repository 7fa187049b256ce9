"""An event loop whose time jumps to the next timer when nothing else can happen: hours of back-off in no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not events:
            assert timeout is not None, "every task waits for something that can no longer happen"
            self.now_s += timeout
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For code that waits on timers and on itself alone, never on a thread or a socket."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class LoopClock:
    """`ports.Clock` of the running loop."""

    def now_ns(self) -> int:
        return 1_800_000_000_000_000_000 + self.uptime_ns()

    def uptime_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    def both_ns(self) -> tuple[int, int]:
        return self.now_ns(), self.uptime_ns()

    def is_synced(self) -> bool | None:
        return None


def in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)

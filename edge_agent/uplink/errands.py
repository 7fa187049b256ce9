"""Calls brought to another thread, in order, as many as there are with one waking of it.

Each waking costs a system call, which lets another thread have the interpreter, and a queue's locks.
"""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from functools import partial

Waking = Callable[[Callable[[], None]], Callable[[], object]]
"""Of a call it makes another, which has the thread make that call, soon, and waits for nothing."""


def on_loop(loop: AbstractEventLoop) -> Waking:
    """The thread of an event loop."""
    return lambda call: partial(loop.call_soon_threadsafe, call)


class Errands:
    """To one thread, from any. Those behind a call that raises wait until another is brought."""

    def __init__(self, waking: Waking) -> None:
        self._wake = waking(self._run)
        self._calls = deque[Callable[[], object]]()
        """bounded by the calls that are under way"""
        self._woken = False

    def bring(self, call: Callable[[], object]) -> None:
        """Have it called there."""
        self._calls.append(call)
        if not self._woken:
            self._woken = True
            self._wake()

    def _run(self) -> None:
        self._woken = False  # before the last look: what comes after that wakes the thread anew
        while self._calls:
            self._calls.popleft()()

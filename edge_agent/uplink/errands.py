"""Calls brought to another thread, in order, as many as there are with one waking of it.

Each waking costs a system call, which lets another thread have the interpreter, and a queue's locks.
"""

from collections import deque
from collections.abc import Callable


class Errands:
    """To one thread, from any. A call that raises takes those behind it along: it is a mistake of ours."""

    def __init__(self, wake: Callable[[Callable[[], None]], object]) -> None:
        """`wake` has the thread run what it is given, soon, and waits for nothing."""
        self._wake = wake
        self._calls = deque[Callable[[], object]]()
        """bounded by the calls that are under way"""
        self._woken = False

    def bring(self, call: Callable[[], object]) -> None:
        """Have it called there."""
        self._calls.append(call)
        if not self._woken:
            self._woken = True
            self._wake(self._run)

    def _run(self) -> None:
        self._woken = False  # before the last look: what comes after that wakes the thread anew
        while self._calls:
            self._calls.popleft()()

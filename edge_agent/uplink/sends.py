"""Sends that a library's own thread begins and ends, awaited on the agent's loop, with one time limit.

The library wants a call on its thread, and calls back on any other. A coroutine of its own that does both would cost
two more threads for each message, and a timer each; here many sends go there, and many answers come home, with one
waking, and one timer is set to the oldest.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from edge_agent.uplink.errands import Errands, Waking, on_loop

Answer = Callable[[Exception | None], None]
"""What a send that ended is told to: None, or why it failed. From any thread."""

_Outcome = asyncio.Future[Exception | None]


class Sends:
    """Of one connection. `end` it."""

    def __init__(self, waking: Waking, *, limit_s: float) -> None:
        """`waking` is of the library's thread."""
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._there, self._home = Errands(waking), Errands(on_loop(self._loop))
        self._going = deque[tuple[float, _Outcome]]()
        """with their deadlines, the oldest first; bounded by the sends that are under way and those behind them"""
        self._timer: asyncio.TimerHandle | None = None

    async def send(self, begin: Callable[[Answer], None]) -> Exception | None:
        """What the answer was. `begin` is called on the library's thread, unless it is given up before.

        What it raises is an answer too. Raises TimeoutError, or ConnectionAbortedError at the `end`; an answer that
        comes later is nobody's.
        """
        outcome: _Outcome = self._loop.create_future()
        self._forget_done()
        self._going.append((self._loop.time() + self._limit_s, outcome))
        self._watch()
        self._there.bring(partial(self._begin, begin, outcome))
        return await outcome

    def end(self) -> None:
        """No time limit is watched any more: what is under way is given up."""
        if self._timer is not None:
            self._timer.cancel()
        for _, outcome in self._going:
            if not outcome.done():
                outcome.set_exception(ConnectionAbortedError("the connection was closed meanwhile"))

    def _begin(self, begin: Callable[[Answer], None], outcome: _Outcome) -> None:
        if outcome.done():
            return
        try:
            begin(partial(self._answered, outcome))
        except Exception as error:  # noqa: BLE001  it is returned where the send is awaited
            self._answered(outcome, error)

    def _answered(self, outcome: _Outcome, error: Exception | None) -> None:
        self._home.bring(partial(_settle, outcome, error))

    def _forget_done(self) -> None:
        while self._going and self._going[0][1].done():
            self._going.popleft()

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(self._going[0][0], self._look)

    def _look(self) -> None:
        """Give up what is overdue, and look again when the oldest of the others will be."""
        self._timer = None
        for deadline_s, outcome in self._going:
            if deadline_s > self._loop.time():
                break
            if not outcome.done():
                outcome.set_exception(TimeoutError())
        self._forget_done()
        if self._going:
            self._watch()


def _settle(outcome: _Outcome, error: Exception | None) -> None:
    if not outcome.done():
        outcome.set_result(error)

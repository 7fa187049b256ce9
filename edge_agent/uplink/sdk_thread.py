"""An event loop of its own, on a thread of its own, for one client: the SDK's, or aiomqtt's (`mqtt.py`).

`azure-iot-device` is not safe on the agent's loop (2.14.0, each reproduced against the local hub):

- `shutdown()` waits synchronously, on the loop that calls it, for the client's handlers to end,
- every call goes through the default executor of the loop that calls it, where a mute port held an
  unrelated job for 117 s,
- an answer that comes after its caller gave up is an error in the loop that called (InvalidStateError and others).

Here all three meet a loop that nothing else uses; time limits run on the agent's loop, where nothing blocks. Since it
may block, what the SDK gives to its executor runs on it directly: two changes of thread less for each message. All that
goes on to the SDK's one pipeline thread and waits for it, so workers beside each other won nothing. Each waking of a
loop costs a system call, which lets another thread have the interpreter, so a loop is woken once for all that waits.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from functools import partial
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

from edge_agent.uplink.errands import Errands, on_loop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_ENDED = "the connection was closed meanwhile"


class _Loop(asyncio.SelectorEventLoop):
    """One that blocks where others would ask an executor, and that is woken once for all that waits."""

    def __init__(self) -> None:
        super().__init__()
        call_there = super().call_soon_threadsafe
        self._errands = Errands(lambda run: partial(call_there, run))

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        del executor
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  it is raised where the call is awaited
            done.set_exception(error)
        return done

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        self._errands.bring(partial(self.call_soon, callback, *args, context=context))
        return asyncio.Handle(callback, args, self, context)


class SdkThread:
    """Runs coroutines and blocking calls beside the agent's loop. Cancelling a call abandons it there."""

    def __init__(self, name: str) -> None:
        self._ended: Future[None] = Future()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-call")
        self._loop = _Loop()
        self._home = Errands(on_loop(asyncio.get_running_loop()))
        # All that reaches it is the answer to a call that was given up.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        # A daemon, because one that hangs in the SDK must not keep the process from leaving.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, or what it raises. Raises ConnectionAbortedError where the thread ends before."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        begun: list[asyncio.Task[T]] = []
        try:
            self._loop.call_soon_threadsafe(self._begin, work, outcome, begun)
        except RuntimeError as error:  # its loop is closed
            work.close()
            raise ConnectionAbortedError(_ENDED) from error
        try:
            return await outcome
        except asyncio.CancelledError:
            with suppress(RuntimeError):  # likewise: there is nothing left to cancel
                self._loop.call_soon_threadsafe(_cancel, begun)
            raise

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside everything else until it ends or the thread does; it must raise nothing."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    async def call(self, function: Callable[[], T]) -> T:
        """The result of a call that may block, or what it raises."""
        return await asyncio.wrap_future(self._pool.submit(function))

    def retire(self, last: Coroutine[Any, Any, None] | None) -> None:
        """Run `last`, however long it takes, then end; other calls that still run are cancelled."""
        asyncio.run_coroutine_threadsafe(self._retire(last), self._loop)

    async def ended(self) -> None:
        """Return when loop, thread and pool are gone; never, where a call does not return."""
        await asyncio.shield(asyncio.wrap_future(self._ended))
        self._thread.join()  # it has nothing left to do

    @property
    def alive(self) -> bool:
        """Whether anything of it still runs."""
        return not self._ended.done()

    def _begin(self, work: Coroutine[Any, Any, T], outcome: asyncio.Future[T], begun: list[asyncio.Task[T]]) -> None:
        task = self._loop.create_task(work, name="uplink.sdk")
        begun.append(task)
        task.add_done_callback(lambda done: self._home.bring(partial(_tell, done, outcome)))

    async def _retire(self, last: Coroutine[Any, Any, None] | None) -> None:
        try:
            if last is not None:
                await last
        finally:
            self._loop.stop()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(_cancel_the_rest())
        self._loop.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ended.set_result(None)


def _cancel(begun: list[asyncio.Task[T]]) -> None:
    for task in begun:
        task.cancel()


def _tell(done: asyncio.Task[T], outcome: asyncio.Future[T]) -> None:
    """Whoever waits what became of it; a late answer is nobody's."""
    if outcome.done():
        return
    if done.cancelled():  # by the end of the thread, which is no cancelling of whoever waits
        outcome.set_exception(ConnectionAbortedError(_ENDED))
    elif error := done.exception():
        outcome.set_exception(error)
    else:
        outcome.set_result(done.result())


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)

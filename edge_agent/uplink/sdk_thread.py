"""An event loop of its own, on a thread of its own, for one SDK client.

`azure-iot-device` is not safe on the agent's loop (2.14.0, each reproduced against the local hub):

- `shutdown()` waits synchronously, on the loop that calls it, for the client's handlers to end,
- every call goes through the default executor of the loop that calls it, where a mute port held an
  unrelated job for 117 s,
- an answer that comes after its caller gave up is an error in the loop that called (InvalidStateError and others).

Here all three meet a loop that nothing else uses; time limits run on the agent's loop, where nothing blocks. Since it
may block, what the SDK gives to its executor runs on it directly: two changes of thread less for each message. All that
goes on to the SDK's one pipeline thread and waits for it, so workers beside each other won nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Loop(asyncio.SelectorEventLoop):
    """One that blocks where others would ask an executor."""

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        del executor
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  it is raised where the call is awaited
            done.set_exception(error)
        return done


class SdkThread:
    """Runs coroutines and blocking calls beside the agent's loop. Cancelling a call abandons it there."""

    def __init__(self, name: str) -> None:
        self._ended: Future[None] = Future()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-call")
        self._loop = _Loop()
        # All that reaches it is the answer to a call that was given up.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        # A daemon, because one that hangs in the SDK must not keep the process from leaving.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, or what it raises."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

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


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)

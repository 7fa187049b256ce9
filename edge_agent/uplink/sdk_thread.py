"""An event loop of its own, on a thread of its own, for one SDK client.

`azure-iot-device` is not safe on the agent's loop (2.14.0, each reproduced against the local hub):

- `shutdown()` waits synchronously, on the loop that calls it, for the client's handlers to end,
- every call goes through the default executor of the loop that calls it, where a mute port held an
  unrelated job for 117 s,
- a PUBACK that comes after its caller gave up raises InvalidStateError in the loop that called.

Here all three meet a loop that nothing else uses; time limits run on the agent's loop, where nothing blocks.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_WORKERS = 4
"""A call holds a worker only until the SDK's own pipeline thread has taken it."""


class SdkThread:
    """Runs coroutines and blocking calls beside the agent's loop. Cancelling a call abandons it there."""

    def __init__(self, name: str) -> None:
        self._ended: Future[None] = Future()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"{name}-call")
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(self._pool)
        self._loop.set_exception_handler(_forgive_late_answers)
        # A daemon, because one that hangs in the SDK must not keep the process from leaving.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, or what it raises."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def call(self, function: Callable[[], T]) -> T:
        """The result of a call that may block, or what it raises."""
        return await asyncio.wrap_future(self._pool.submit(function))

    def stop(self) -> None:
        """Ask the thread to end; what runs there is cancelled."""
        with suppress(RuntimeError):  # its loop is closed: it has ended
            self._loop.call_soon_threadsafe(self._loop.stop)

    async def end(self) -> None:
        """Return when loop, thread and pool are gone; never, where a call does not return."""
        self.stop()
        await asyncio.shield(asyncio.wrap_future(self._ended))
        self._thread.join()  # it has nothing left to do

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


def _forgive_late_answers(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)

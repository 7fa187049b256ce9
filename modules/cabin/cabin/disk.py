"""One named thread for what a part does on the disk, in order; nothing of it runs on the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cabin import events
from cabin.errors import DiskRefused
from cabin.events import Log

Result = TypeVar("Result")

WAITING = 256
"""jobs that may wait for a disk that refuses; of more, the oldest is lost and told"""


class Disk:
    """Jobs of one part. A job that the disk refuses stays first, and is tried again with each that follows."""

    def __init__(self, name: str, log: Log) -> None:
        self._name, self._log = name, log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: deque[Callable[[], None]] = deque()  # by the thread alone
        self._refused = False

    def put(self, job: Callable[[], None]) -> None:
        """Have it done; a job may be tried more than once."""
        self._thread.submit(self._take, job)

    async def run(self, job: Callable[[], Result]) -> Result:
        """Its result, after all that was put before it. Cancelled, it is done all the same. Raises DiskRefused."""
        try:
            done = asyncio.get_running_loop().run_in_executor(self._thread, self._after_waiting, job)
            return await asyncio.shield(done)  # or the cancelling of who waits would take it off the thread's list
        except OSError as error:
            raise DiskRefused(self._name, error.strerror or str(error)) from error

    async def close(self) -> None:
        """After all that was put; what the disk refuses to the last is lost."""
        await asyncio.to_thread(self._thread.shutdown)

    def _take(self, job: Callable[[], None]) -> None:
        if len(self._waiting) >= WAITING:
            self._waiting.popleft()
            events.disk_job_lost(self._log, part=self._name)
        self._waiting.append(job)
        self._drain()

    def _after_waiting(self, job: Callable[[], Result]) -> Result:
        self._drain()
        return job()

    def _drain(self) -> None:
        while self._waiting:
            try:
                self._waiting[0]()
            except OSError as error:
                if not self._refused:
                    events.disk_refused(self._log, part=self._name, reason=error.strerror or str(error))
                self._refused = True
                return
            self._waiting.popleft()
            if self._refused:
                events.disk_obeyed(self._log, part=self._name)
            self._refused = False

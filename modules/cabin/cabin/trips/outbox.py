"""Summaries on their way to the cloud: on disk until the agent says that it has them, or never will.

They are sent while whoever drives now agrees to it, for the agent goes by that; else they wait. Sent again after each
connection, and where the agent has not answered for a minute: it may have been away itself.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from cabin import events
from cabin.checked_lines import content_of, lines_in, make_folder, remove, replace_file, sealed
from cabin.disk import Disk
from cabin.events import Log
from cabin.records import TripSummary
from cabin.trips.summary import message_of, record_of, trip_in

TOPIC = "cabin/v1/trip"
MOST_WAITING = 1_000
"""a few months of trips, half a megabyte"""
UNANSWERED = 16
"""sent at once; the agent answers each when it is on its disk"""
LOOK_S, AGAIN_S = 5.0, 60.0

Publish = Callable[[str, bytes], Awaitable[bool]]
"""To a topic, QoS 1, not retained; False where it was not acknowledged"""


class Outbox:
    """`ports.TripOutbox`. `open` first; `kept` and `connected` on the event loop."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path, self._log = path, log
        self._disk = Disk("outbox", log)
        self._waiting: dict[str, TripSummary] = {}
        self._writing = threading.RLock()  # a trip that ends is put by the trips' own thread
        self._sent_s: dict[str, float] = {}
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> tuple[TripSummary, ...]:
        """What the agent has not answered yet, oldest first."""
        with self._writing:
            return tuple(self._waiting.values())

    async def open(self) -> None:
        """Read what waits. Raises DiskRefused."""
        self._loop = asyncio.get_running_loop()
        await self._disk.run(self._load)

    async def put(self, trip: TripSummary) -> None:
        """As `ports.TripOutbox`. Raises DiskRefused."""
        await self._disk.run(partial(self.keep, trip))

    def keep(self, trip: TripSummary) -> None:
        """The same, blocking, by any thread. Raises OSError."""
        with self._writing:
            self._waiting[trip.id] = trip
            if len(self._waiting) > MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
                events.outbox_full(self._log)
            self._write()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    def kept(self, trip_id: str, refused: str | None = None) -> None:
        """The agent's answer: it has the trip, or says why it never will."""
        if refused is not None:
            events.trip_refused(self._log, reason=refused)
        self._sent_s.pop(trip_id, None)
        with self._writing:
            was_there = self._waiting.pop(trip_id, None) is not None
        if was_there:
            self._disk.put(self._write)
            self._news.set()

    def connected(self) -> None:
        """The broker is there again: what was not answered is sent again."""
        self._sent_s.clear()
        self._news.set()

    async def forget(self, profile: str, ids: Sequence[str] | None = None) -> None:
        """What waits of a profile, or these of it; gone from the disk on return. Raises DiskRefused."""
        with self._writing:
            gone = [
                one.id for one in self._waiting.values() if one.profile == profile and (ids is None or one.id in ids)
            ]
            for trip_id in gone:
                del self._waiting[trip_id]
        await self._disk.run(self._write)

    async def forget_places(self, profile: str) -> None:
        """Where what waits of a profile started and ended. Raises DiskRefused."""
        with self._writing:
            for trip in [one for one in self._waiting.values() if one.profile == profile]:
                self._waiting[trip.id] = replace(trip, start_place=None, end_place=None)
        await self._disk.run(self._write)

    async def run(self, publish: Publish, may_send: Callable[[], bool]) -> None:
        """Send until cancelled. `may_send`: who drives now agrees to trips and to the cloud, and is not private."""
        while True:
            self._news.clear()
            if may_send():
                await self._send(publish)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()

    async def close(self) -> None:
        """After what is being written."""
        await self._disk.close()

    async def _send(self, publish: Publish) -> None:
        for trip in self._due():
            if not await publish(TOPIC, message_of(trip)):
                return
            self._sent_s[trip.id] = asyncio.get_running_loop().time()

    def _due(self) -> Iterable[TripSummary]:
        now_s = asyncio.get_running_loop().time()
        self._sent_s = {trip_id: sent_s for trip_id, sent_s in self._sent_s.items() if now_s - sent_s < AGAIN_S}
        room = UNANSWERED - len(self._sent_s)
        return [trip for trip in self.waiting if trip.id not in self._sent_s][: max(0, room)]

    def _load(self) -> None:
        make_folder(self._path.parent)
        lines = lines_in(content_of(self._path))
        with self._writing:
            for line in lines:
                with suppress(TypeError):
                    trip = trip_in(line.record)
                    self._waiting[trip.id] = trip
            if len(self._waiting) < len(lines):
                lost = len(lines) - len(self._waiting)
                events.journal_damaged(self._log, file=self._path.name, lines=lost, torn=False)

    def _write(self) -> None:
        with self._writing:
            if self._waiting:
                replace_file(self._path, b"".join(sealed(record_of(trip)) for trip in self._waiting.values()))
            else:
                remove(self._path)

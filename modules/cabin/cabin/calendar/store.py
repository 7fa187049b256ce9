"""The calendar as the rest of the cabin sees it: sealed on disk, opened in memory, gone when it has to be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from cabin import events
from cabin.calendar.book import Book, Judgement, Moment
from cabin.calendar.files import CalendarFiles
from cabin.calendar.items import coming
from cabin.calendar.seal import CarKey
from cabin.disk import Disk
from cabin.errors import DiskRefused, MessageRejected
from cabin.events import Log
from cabin.ports import Clock, Json
from cabin.records import Meeting

LOOK_EVERY_S: Final = 60.0
"""Items that are over are not shown from their second on; so much later they are off the disk."""


class Calendar:
    """Meetings of all profiles. Without `allow` there is no key, and nothing is taken.

    `restore` goes before everything else. What cannot be written is told, and holds until the next start.
    """

    def __init__(self, folder: Path, clock: Clock, log: Log) -> None:
        """`folder` is for the calendar alone."""
        self._files = CalendarFiles(folder)
        self._disk = Disk("calendar", log)
        self._clock = clock
        self._log = log
        self._book = Book()
        self._powered_before_s = 0.0
        self._followers: list[Callable[[], None]] = []
        self._is_allowed: Callable[[str], bool] = lambda _: True
        self._desired: Mapping[str, object] | None = None
        """None until the hub has been heard: what is kept holds so long"""
        self._one_at_a_time = asyncio.Lock()
        self.key: CarKey | None = None
        """to which the bridge seals; None where the calendar is not allowed"""

    @property
    def profiles(self) -> tuple[str, ...]:
        """The guest first."""
        return self._book.profiles

    def meetings(self, profile: str, now_s: float, zone: ZoneInfo) -> tuple[Meeting, ...]:
        """Today's and tomorrow's that are not over, in order."""
        return coming(self._book.meetings(profile, self._moment(now_s)), now_s, zone)

    def link(self, profile: str, key: str) -> str:
        """Where a meeting is on the web; empty where that is not known."""
        meeting = self._book.meeting(profile, key)
        return meeting.link if meeting else ""

    def told(self) -> Mapping[str, Json]:
        """What the cloud may know: the public key and how many items each profile has."""
        key = self.key
        return {
            "key": key.public_text if key else None,
            "key_id": key.id if key else None,
            "items": self._book.counts(),
            "refused": len(self._book.refused),
        }

    def refused(self) -> Sequence[MessageRejected]:
        """Why items that stand in the twin cannot be used."""
        return self._book.refused

    def follow(self, changed: Callable[[], None]) -> None:
        """Be called on the loop whenever meetings, profiles or the key are other than before."""
        self._followers.append(changed)

    def ask(self, is_allowed: Callable[[str], bool]) -> None:
        """Whose calendar may be taken, from now on; before, everybody's."""
        self._is_allowed = is_allowed

    async def restore(self) -> None:
        """What an earlier start kept, without what has expired since; what cannot be read is destroyed and told."""
        async with self._one_at_a_time:
            try:
                found = await self._disk.run(self._files.read)
                if found is None:
                    return
                self._book = Book.read(found.text, found.key)
                self.key, self._powered_before_s = found.key, found.powered_s - self._clock.up_ms() / 1000
            except (DiskRefused, ValueError, KeyError, TypeError, AttributeError) as error:
                events.calendar_unusable(self._log, reason=type(error).__name__)
                await self._destroy()
                return
        await self.expire()
        self._tell()

    async def allow(self) -> None:
        """Make a key where there is none: a driver has said yes. Raises DiskRefused.

        Where there is one, what stands in the twin for who was not allowed before is taken.
        """
        async with self._one_at_a_time:
            is_new = self.key is None
            if is_new:
                try:
                    await self._change_key()
                except DiskRefused:
                    self.key = None
                    raise
        if is_new:
            self._tell()
        if self._desired is not None:
            await self.apply(self._desired)

    async def apply(self, desired: Mapping[str, object]) -> Judgement:
        """The twin's whole map, profile -> key -> sealed item; without a key, or of who is not allowed, nothing is."""
        self._desired = desired
        allowed = {profile: items for profile, items in desired.items() if self._is_allowed(profile)}
        return await self._judged(lambda key, moment: self._book.apply(allowed, key, moment))

    async def fill(self, profile: str, items: Mapping[str, object]) -> Judgement:
        """Items beside the twin; null withdraws one. Raises MessageRejected for who is not allowed."""
        if self.key is None or not self._is_allowed(profile):
            raise MessageRejected("calendar", "is not allowed in this vehicle")
        return await self._judged(lambda key, moment: self._book.add(profile, items, key, moment))

    async def wipe(self, profile: str | None) -> None:
        """Forget a profile, or everything, and destroy the key. Raises DiskRefused where it did not.

        For one profile a new key takes the place of the old one and the other profiles' items are sealed to it, so
        that they are still there without network, and nothing that a disk may still hold of this one can be opened.
        """
        await self._wiped(partial(self._forget, profile) if profile else self._forget_everything)
        events.calendar_wiped(self._log, everything=profile is None)

    async def renew(self) -> None:
        """Forget everything, and make another key where there was one. Raises DiskRefused."""
        await self._wiped(self._begin_anew)
        events.calendar_wiped(self._log, everything=True)

    async def expire(self) -> None:
        """Forget what is over, and keep the powered-on time."""
        async with self._one_at_a_time:
            if self.key is None:
                return
            gone = self._book.expire(self._moment(self._clock.now_ms() / 1000), zone_of(self._clock))
            if gone:
                await self._keep()
                events.items_expired(self._log, count=gone)
            else:
                await self._write(partial(self._files.write_powered, self._powered_s()))
        if gone:
            self._tell()

    async def keep(self, stop: asyncio.Event) -> None:
        """Look for what is over, each minute and once at the end, until `stop`."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                pass
            await self.expire()

    async def close(self) -> None:
        """After all that is to be written."""
        await self._disk.close()

    async def _judged(self, judge: Callable[[CarKey, Moment], Judgement]) -> Judgement:
        async with self._one_at_a_time:
            if self.key is None:
                return Judgement()
            judgement = judge(self.key, self._moment(self._clock.now_ms() / 1000))
            if judgement.changed:
                await self._keep()
        events.items_judged(
            self._log, taken=judgement.taken, old=judgement.old, refused=[one.reason for one in judgement.refused]
        )
        if judgement.changed:
            self._tell()
        return judgement

    async def _wiped(self, wipe: Callable[[], Awaitable[None]]) -> None:
        async with self._one_at_a_time:
            try:
                await wipe()
            finally:
                self._tell()

    async def _begin_anew(self) -> None:
        was_allowed = self.key is not None
        await self._forget_everything()
        if was_allowed:
            await self._change_key()

    async def _forget_everything(self) -> None:
        self.key, self._book = None, Book()
        await self._disk.run(self._files.forget)

    async def _forget(self, profile: str) -> None:
        self._book.forget(profile)
        if self.key is not None:
            await self._change_key()

    async def _change_key(self) -> None:
        """In memory first: a job that was begun is done on the disk, even if nobody waits for it any more."""
        before, self.key = self.key, CarKey.fresh()
        if before is not None:
            self._book.seal_again(before, self.key)
        await self._disk.run(partial(self._files.change_key, self.key, self._book.text(self.key.id, self._powered_s())))
        events.key_made(self._log, key_id=self.key.id)

    async def _destroy(self) -> None:
        self.key, self._book = None, Book()
        await self._write(self._files.forget)

    async def _keep(self) -> None:
        if self.key is not None:
            await self._write(partial(self._files.write, self._book.text(self.key.id, self._powered_s())))

    async def _write(self, job: Callable[[], None]) -> None:
        try:
            await self._disk.run(job)
        except DiskRefused as error:
            events.calendar_not_kept(self._log, reason=error.reason)

    def _tell(self) -> None:
        for changed in self._followers:
            changed()

    def _moment(self, now_s: float) -> Moment:
        return Moment(now_s, self._powered_s())

    def _powered_s(self) -> float:
        return self._powered_before_s + self._clock.up_ms() / 1000


def zone_of(clock: Clock) -> ZoneInfo:
    """The car's; UTC where the system names one that there is not."""
    try:
        return ZoneInfo(clock.zone())
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")

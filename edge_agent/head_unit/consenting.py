"""The driver's decisions, followed: rules stop at once, what was withdrawn is wiped, and the decision outlives a start.

A decision is heard on the event loop, and stops rules before anything else happens. Then it goes to disk, then the
spool is wiped; what newly is allowed begins only when nothing is left to wipe. A disk that fails is asked again each
second; until it obeys, what was withdrawn is neither sent nor collected.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from edge_agent import events
from edge_agent.errors import ConsentRefused, DiskBusy
from edge_agent.events import Log
from edge_agent.head_unit.consent import Consent, consent_in, followed, withdrawn, words
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.ports import Clock
from edge_agent.records import Purpose
from edge_agent.twin.reported import Reported

SECTION = "consent"
RETRY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Followers:
    """Whoever is to obey."""

    allow: Callable[[Purpose, int], int]
    """`Sift.follow_consent`"""
    wipe: Callable[[Purpose, int], Awaitable[None]]
    """`SegmentSpool.withdraw`"""
    forget: Callable[[], None]
    """write what else is kept on disk of the vehicle anew, without what must not be; blocking, raises OSError"""
    waiting: Callable[[], Mapping[str, tuple[str, ...]]]


class Consenting:
    """`begin` before anything is sent, then `hear` each decision while `run` runs."""

    def __init__(self, file: ConsentFile, followers: Followers, reported: Reported, *, clock: Clock, log: Log) -> None:
        self._file, self._followers, self._reported = file, followers, reported
        self._clock, self._log = clock, log
        self._consent, self._to_wipe = Consent(), Purpose(0)
        self._first_seq = self._failures = 0
        self._since_ns = clock.uptime_ns()
        self._changed = asyncio.Event()

    @property
    def allowed(self) -> Purpose:
        """For what may be collected now."""
        return self._consent.allowed & ~self._to_wipe

    async def begin(self) -> None:
        """Take up the decision of an earlier start, and wipe what it withdrew: a power cut may have come between."""
        self._consent, pending = await asyncio.to_thread(self._file.read)
        self._to_wipe = pending | self._consent.no
        self._obey()
        if self._to_wipe and not await self._settle():
            self._changed.set()

    def hear(self, payload: bytes) -> None:
        """A decision, as it came from the broker; one that cannot be read is told, and changes nothing."""
        try:
            after = followed(self._consent, consent_in(payload))
        except ConsentRefused as refusal:
            events.consent_refused(self._log, reason=refusal.sentence())
            return
        if after != self._consent:
            self._to_wipe |= withdrawn(self._consent, after)
            self._consent, self._since_ns = after, self._clock.uptime_ns()
            self._obey()
            self._changed.set()

    async def run(self) -> None:
        """Keep decisions and wipe what they withdraw, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while not await self._settle():  # noqa: ASYNC110  a disk tells nobody when it takes something again
                await asyncio.sleep(RETRY_S)
            self._failures = 0

    def _obey(self) -> None:
        self._first_seq = self._followers.allow(self.allowed, self._clock.uptime_ns())
        self._reported.say(SECTION, {**self._consent.body(), "wiping": list(words(self._to_wipe))}, soon=True)
        events.consent_followed(
            self._log,
            version=self._consent.version,
            private=self._consent.private,
            allowed=words(self.allowed),
            waiting=[f"{' '.join(lacks)}: {rule}" for rule, lacks in self._followers.waiting().items()],
        )

    async def _settle(self) -> bool:
        """Put the decision on disk and wipe what it withdraws; whether both is done."""
        consent, wiping = self._consent, self._to_wipe
        kept = await self._kept(consent, wiping)
        if not wiping:
            return kept
        try:
            await self._followers.wipe(wiping, self._first_seq)
            await asyncio.to_thread(self._followers.forget)
        except (DiskBusy, OSError) as error:
            self._tell_failed(error)
            return False
        # Of what was withdrawn again meanwhile nothing has been collected since.
        self._to_wipe &= ~wiping
        waited_s = (self._clock.uptime_ns() - self._since_ns) / 1e9
        events.consent_wiped(self._log, purposes=words(wiping), waited_s=waited_s)
        kept = await self._kept(self._consent, self._to_wipe) and kept
        self._obey()
        return kept

    async def _kept(self, consent: Consent, wipe: Purpose) -> bool:
        try:
            await asyncio.to_thread(self._file.write, consent, wipe)
        except OSError as error:
            self._tell_failed(error)
            return False
        return True

    def _tell_failed(self, error: Exception) -> None:
        events.consent_not_kept(self._log, reason=str(error), retry_num=self._failures)
        self._failures += 1

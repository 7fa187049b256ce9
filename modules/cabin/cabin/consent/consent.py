"""The driver's answers: on disk before they count, and what is no longer allowed is gone before `decide` returns.

The file has a line for each decision (`checked_lines`) and is for the owner alone. A NO notes its wipe in the same
line, and another line notes that it ended; a start does again what has no such line. A last line that a power cut tore
was never answered to whoever decided, and does not count; any other line that cannot be read makes all before it
NOT_SET.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from cabin import events
from cabin.checked_lines import append, content_of, is_torn, lines_in, make_folder, replace_file, sealed
from cabin.consent.ledger import GUEST, Ledger
from cabin.consent.wipe import Wipe
from cabin.disk import Disk
from cabin.errors import CabinError, DiskRefused, MessageRejected
from cabin.events import Log
from cabin.records import Answer, Decision, Purpose

WIPE_S = 5.0
"""of one purpose, at most; what did not end by then is done again later"""


class Consent:
    """Of all profiles. `open` first."""

    def __init__(
        self, path: Path, log: Log, wipes: Mapping[Purpose, Wipe], *, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` is called as soon as a decision counts, before anything is wiped: the agent hears of it first."""
        self._path, self._log, self._wipes, self._changed = path, log, wipes, changed
        self._disk = Disk("consent", log)
        self._ledger = Ledger()
        self._deciding = asyncio.Lock()

    @property
    def version(self) -> int:
        """Of what was told or decided last; rises with each change, over starts too."""
        return self._ledger.version

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them, in order."""
        return tuple(self._ledger.decisions)

    def answers(self, profile: str) -> Mapping[Purpose, Answer]:
        """To every purpose; NOT_SET where nothing was decided, and never a YES for a guest."""
        return self._ledger.answers(profile)

    def body(self, profile: str, *, now_ms: int, private: bool) -> bytes:
        """For `cabin/v1/consent`, retained: for the start and each change of decisions, profile, privacy.

        Of a guest, and of a profile that has answered nothing, it says private mode: see `Ledger.body`.
        """
        return self._ledger.body(profile, now_ms=now_ms, private=private)

    async def open(self) -> None:
        """Read what was decided, and end what was cut short. Nothing is allowed where it cannot be read."""
        try:
            await self._disk.run(self._load)
        except DiskRefused as error:
            events.disk_refused(self._log, part="decisions", reason=error.reason)
            return
        with suppress(CabinError):  # told; done again with the next decision or start
            await self._wipe_all()

    async def decide(self, decision: Decision) -> None:
        """Durable, then counting, then wiped. Raises DiskRefused, MessageRejected.

        A NO counts also where the disk refuses it: until the next start, and the error says so. A wipe that the disk
        refuses is noted and done again with the next decision or start.
        """
        if decision.profile == GUEST and decision.answer is Answer.YES:
            raise MessageRejected("profile", "a guest cannot agree; choose a profile first")
        async with self._deciding:
            record = sealed(self._ledger.record_of(decision))
            try:
                await self._disk.run(partial(append, self._path, record))
            except DiskRefused:
                if decision.answer is not Answer.YES:
                    self._count(decision)
                raise
            self._count(decision)
            events.decision_taken(
                self._log, purpose=decision.purpose.value, answer=decision.answer.value, version=self.version
            )
            await self._wipe_all()

    async def remove_profile(self, profile: str) -> None:
        """Its decisions are gone, then all that was kept for it. Raises DiskRefused."""
        async with self._deciding:
            self._ledger.forget(profile)
            self._changed()
            await self._disk.run(self._write)
            await self._wipe_all()

    async def close(self) -> None:
        """After what is being written."""
        await self._disk.close()

    def _count(self, decision: Decision) -> None:
        self._ledger.take(decision)
        self._changed()

    async def _wipe_all(self) -> None:
        """All that is noted, each for itself. Raises the last that failed."""
        failed: CabinError | None = None
        for profile, purpose in self._ledger.wipes:
            try:
                await self._wipe(profile, Purpose(purpose))
            except CabinError as error:
                events.wipe_put_off(self._log, purpose=purpose, reason=error.sentence())
                failed = error
        if failed is not None:
            raise failed

    async def _wipe(self, profile: str, purpose: Purpose) -> None:
        began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(WIPE_S):
                await self._wipes[purpose](profile)
        except TimeoutError as error:
            raise DiskRefused(purpose.value, f"not wiped within {WIPE_S:g} s") from error
        except OSError as error:
            raise DiskRefused(purpose.value, error.strerror or str(error)) from error
        self._ledger.wiped(profile, purpose.value)
        await self._disk.run(partial(append, self._path, sealed(self._ledger.wiped_record(profile, purpose.value))))
        events.purpose_wiped(self._log, purpose=purpose.value, waited_s=asyncio.get_running_loop().time() - began_s)

    def _load(self) -> None:
        make_folder(self._path.parent)
        content = content_of(self._path)
        lines = list(lines_in(content))
        if lines and is_torn(content) and lines[-1].record is None:
            lines.pop()
        damaged = self._ledger.read(lines)
        if damaged:
            events.ledger_damaged(self._log, lines=damaged)
        self._write()

    def _write(self) -> None:
        replace_file(self._path, b"".join(sealed(record) for record in self._ledger.records()))

"""The spool on disk: append-only segment files in streams (see `naming.py`), everything on one named thread.

Where what is told: bytes, invariants and recovery in `framing.py`; what may go and what must stay in `ledger.py`;
what is noted beside the segments in `state.py`; the order of writes in `store.py`; what is done while the disk takes
nothing in `fallback.py`. Here is only the door between the event loop and the thread: jobs run one after another in
the order in which they were asked for.

Cost of a promise: one `fdatasync` for each stream in an `append`, so the caller groups; deliveries are noted at most
once in `NOTE_AFTER_S`, so a crash sends again what was delivered in that time, and loses nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from edge_agent.backoff import Backoff
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.records import (
    ANYTHING,
    Acked,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    Purpose,
    Receipt,
    Terms,
)
from edge_agent.spool.at_rest import AtRest
from edge_agent.spool.fallback import FallbackStore
from edge_agent.spool.opening import open_store
from edge_agent.spool.overflow import Standing
from edge_agent.spool.recovery import Damage

P = ParamSpec("P")
T = TypeVar("T")

SEGMENT_BYTES = 4 * 1024 * 1024
NOTE_AFTER_S = 1.0
ACKED_WITHIN_S = 0.02
"""An Acked envelope is settled with the next job there is, or else after this: a job for each costs 0.2 ms of CPU."""
MEMORY_BYTES = 16 * 1024 * 1024
RETRIES = Backoff(first_s=1.0, cap_s=10.0)
"""of a disk that took nothing, besides the one with each append"""
LOOK_FOR_KEY_S = 10.0


class SegmentSpool:
    """`ports.Spool` on a folder; made by `open`, ended by `close`."""

    def __init__(self, thread: ThreadPoolExecutor, store: FallbackStore) -> None:
        self._thread, self._store = thread, store
        self._acked = deque[EnvelopeKey]()
        """not yet settled; bounded by what is leased"""
        self._acking: asyncio.TimerHandle | None = None
        self._unheard: BaseException | None = None
        """the first mistake in a job that nobody waited for; whoever settles or appends from then on hears of it"""
        self._more = asyncio.Event()
        """set, and replaced, when something new can be leased"""
        self._note: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._retry_num = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._closing = False
        self._empty = asyncio.Event()
        self._mark_empty()

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        cap_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        min_free_bytes: int = 0,
        memory_bytes: int = MEMORY_BYTES,
        at_rest: AtRest | None = None,
        clock: Clock | None = None,
        log: Log,
    ) -> "SegmentSpool":
        """Recover the folder and raise the boot. Raises SpoolUnusable, or BadSettings for the key's.

        Where payloads are encrypted `at_rest` and the key is not here yet, it is looked for at each append, and each
        `LOOK_FOR_KEY_S` by a lease that waits; until then batches wait in memory, and nothing on disk is leased.
        `cap_bytes` bounds the segments and refused/ together. A segment is at most a sixteenth of it.
        What is live, and what has expired, goes by `clock`; without one by the system's.
        The file system keeps `min_free_bytes` free, 0 is as it comes; `memory_bytes` are for what the disk does not
        take.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")

        def opened() -> FallbackStore:
            store = open_store(
                folder, cap_bytes=cap_bytes, segment_bytes=segment_bytes, at_rest=at_rest, clock=clock, log=log
            )
            return FallbackStore(store, memory_bytes=memory_bytes, min_free_bytes=min_free_bytes, log=log)

        opening = thread.submit(opened)
        try:
            spool = cls(thread, await asyncio.shield(asyncio.wrap_future(opening)))
        except BaseException:
            thread.submit(_close_if_opened, opening)
            thread.shutdown(wait=False)
            raise
        spool._watch_expiry()
        return spool

    @property
    def boot(self) -> BootInfo:
        """This boot's number, and where the one before ended."""
        return self._store.boot

    @property
    def depth(self) -> tuple[int, int]:
        """Unsettled envelopes, and the bytes of their records as of the last finished job."""
        count, size = self._store.depth
        return count - len(self._acked), size

    @property
    def standing(self) -> Standing:
        """Whether the disk takes what comes, and what memory alone holds; likewise."""
        return self._store.standing

    def holds(self, terms: Terms, but: Collection[EnvelopeKey] = ()) -> bool:
        """Whether an unsettled envelope is on disk that may go on these terms, `but` for some; it waits for no job."""
        return self._store.holds(terms, but)

    @property
    def lost(self) -> Mapping[str, int]:
        """Batches that were lost since the start, by why as in `LostRange`."""
        return self._store.lost

    @property
    def damage(self) -> Damage:
        """What the start found wrong on the disk, beside the batches that `lost` counts."""
        return self._store.damage

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        """Commit a group; sequences of one priority must grow. Cancelling it lets it finish unseen."""
        try:
            appended = await self._run(self._store.append, tuple(envelopes))
        finally:
            self._mark_empty()
            self._offer()
            self._watch_disk()
            self._watch_expiry()
        self._raise_unheard()
        return appended

    async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        """Wait for at least one; see the port."""
        while True:
            more = self._more
            job = self._submit(self._store.lease, limit, terms)
            try:
                envelopes = await asyncio.shield(asyncio.wrap_future(job))
            except asyncio.CancelledError:
                self._begin(partial(_give_back, self._store, job))
                self._offer()
                raise
            self._mark_empty()
            if envelopes:
                return envelopes
            due_s = await self._run(self._store.lease_due_s, terms)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_FOR_KEY_S if self._store.key_awaited else due_s):
                    await more.wait()

    async def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        """Take an envelope off, put it back, or set it aside; see the port.

        Acked ones are taken off in groups: what is asked for after this finds them gone, only the bytes of `depth` lag.
        """
        loop = asyncio.get_running_loop()
        self._raise_unheard()
        if not isinstance(receipt, Deferred) and self._note is None:
            self._note = loop.call_later(NOTE_AFTER_S, self._note_now)
        if isinstance(receipt, Acked) and not self.is_withdrawn(key):  # that is no part of `depth` any more
            self._acked.append(key)
            self._acking = self._acking or loop.call_later(ACKED_WITHIN_S, self._settle_acked)
            self._mark_empty()
            return
        try:
            await self._run(self._store.settle, key, receipt)
        finally:  # also when cancelled: it is done all the same, and a lease asked for from now on comes behind it
            self._mark_empty()
            if isinstance(receipt, Deferred):
                self._offer()
                self._watch_expiry()

    async def withdraw(self, purposes: Purpose, first_seq: int) -> None:
        """Have nothing on disk or in memory that needs consent to one of these; owe what there was as `consent`.

        That of this boot which is on its way here, before the batch `first_seq`, goes the same way; so do leases,
        whatever comes of them. Raises DiskBusy where the disk does not take it: then nothing of it is leased from now
        on, and this is to be called again.
        """
        try:
            await self._run(self._store.withdraw, purposes, EnvelopeKey(self.boot.boot, first_seq))
        finally:
            self._mark_empty()

    def is_withdrawn(self, key: EnvelopeKey) -> bool:
        """Whether what was leased of this name need not be sent any more; a look that waits for no job."""
        return self._store.is_withdrawn(key)

    async def emptied(self) -> None:
        """Wait until everything appended is settled."""
        await self._empty.wait()

    async def close(self) -> None:
        """Note how far things have come, release the folder, end the thread."""
        self._closing = True
        for timer in (self._note, self._retry, self._expiry, self._acking):
            if timer is not None:
                timer.cancel()
        try:
            await self._run(_nothing)
        finally:  # of the folder, whatever was wrong with what is Acked
            await asyncio.shield(asyncio.wrap_future(self._thread.submit(self._store.close)))
            self._thread.shutdown()

    async def _run(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Shielded: what has begun on the disk ends there, whatever becomes of the one who asked.
        return await asyncio.shield(asyncio.wrap_future(self._submit(job, *args, **kwargs)))

    def _submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """A job, behind all that is Acked by now."""
        return self._thread.submit(self._behind_acked, partial(job, *args, **kwargs))

    def _behind_acked(self, job: Callable[[], T]) -> T:
        # On the thread: the loop only adds at the other end.
        while self._acked:
            key = self._acked.popleft()  # before: `depth` may count it twice for a moment, and never not at all
            try:
                self._store.settle(key, Acked())
            except BaseException:
                self._acked.appendleft(key)
                raise
        return job()

    def _begin(self, job: Callable[[], object], then: Callable[[], None] = lambda: None) -> None:
        """A job that nobody waits for; a mistake in it is kept for who comes next."""
        loop, begun = asyncio.get_running_loop(), self._submit(job)
        begun.add_done_callback(lambda _: loop.call_soon_threadsafe(self._ended, begun, then))

    def _ended(self, job: "Future[object]", then: Callable[[], None]) -> None:
        self._unheard = self._unheard or job.exception()
        self._mark_empty()
        then()

    def _raise_unheard(self) -> None:
        if self._unheard is not None:
            raise self._unheard

    def _settle_acked(self) -> None:
        self._acking = None
        self._begin(_nothing)

    def _offer(self) -> None:
        """Wake every lease that found nothing so far; jobs asked for from now on see what is offered."""
        self._more.set()
        self._more = asyncio.Event()

    def _mark_empty(self) -> None:
        if self.depth[0]:
            self._empty.clear()
        else:
            self._empty.set()

    def _watch_disk(self) -> None:
        """Try a disk that took nothing again after a while, should no append do it before."""
        if self._store.standing.on_disk:
            self._retry_num = 0
            return
        if self._retry is not None or self._closing:
            return
        loop = asyncio.get_running_loop()
        # No jitter: a disk of our own is shared with no fleet.
        self._retry = loop.call_later(RETRIES.delay_s(self._retry_num, 0.5), self._try_disk)
        self._retry_num += 1

    def _try_disk(self) -> None:
        self._retry = None
        self._begin(partial(self._store.append, ()), self._watch_disk)

    def _watch_expiry(self) -> None:
        """Have what expires given up and noted though nothing is leased or appended; idle with nothing to expire."""
        due_s = self._store.expiry_due_s
        if due_s is None or self._closing:
            return
        due = asyncio.get_running_loop().time() + due_s
        if self._expiry is not None:
            if self._expiry.when() <= due:
                return
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        self._begin(self._store.expire, self._watch_expiry)

    def _note_now(self) -> None:
        self._note = None
        self._begin(self._store.try_commit)


def _nothing() -> None:
    """For the sake of what is Acked before it."""


def _give_back(store: FallbackStore, job: "Future[tuple[Envelope, ...]]") -> None:
    """Runs behind the job on the same thread, so the job is done."""
    store.give_back(envelope.key for envelope in job.result())


def _close_if_opened(opening: "Future[FallbackStore]") -> None:
    if opening.exception() is None:
        opening.result().close()

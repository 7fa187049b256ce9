"""One spool out of two places: the disk, and memory while the disk takes nothing. Blocking; for one thread.

Every batch goes through memory; with a disk in order it stays there for one call. When a write fails (ENOSPC, EIO,
EROFS), or would leave the file system less free space than its floor, what was to be written stays, and can be leased
and settled from there. Each append tries the disk again with all that waits, so do the retries of `segments.py`. What
was in flight when the disk came back stays in memory until it is settled: a stream on disk only grows. A batch's age,
and with it what expires, counts anew from when the disk took it.

What memory alone holds was never said to be kept, and a power cut takes it. The cloud then sees a gap before the next
sequence that arrived of that boot, and no range that tells it; what lies behind the last one that arrived or was
on disk, it does not see at all. An orderly stop makes it a lost range, `memory`, where the disk takes the state then.
A disk that takes nothing at the start is not fallen back from: the boot could not be raised, and its numbers would
come twice.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from edge_agent import events
from edge_agent.errors import DiskBusy
from edge_agent.events import Log
from edge_agent.records import (
    ANYTHING,
    Acked,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    Part,
    Purpose,
    Receipt,
    Refused,
    Terms,
)
from edge_agent.spool.framing import record_length
from edge_agent.spool.overflow import Overflow, Standing
from edge_agent.spool.recovery import Damage
from edge_agent.spool.store import EXPIRE_EVERY_S, Store

PORTION_BYTES = 256 * 1024
"""What is written and flushed in one go when the disk is back: leases wait for no more than that."""

MEMORY_LOOK_S = 1.0
"""How often a lease that waits looks whether what memory holds has become backlog, or a disk that was gone is back."""

_AT_FLOOR = "free space is at its floor"
_WRITABLE = (None, _AT_FLOOR)
"""Reasons to be away, or none, with which the disk takes a state all the same."""


class FallbackStore:
    """A recovered store, and `memory_bytes` for what it does not take; `min_free_bytes` stay free, 0 is no floor."""

    def __init__(self, store: Store, *, memory_bytes: int, min_free_bytes: int, log: Log) -> None:
        self._store, self._log = store, log
        self._overflow = Overflow(memory_bytes)
        self._min_free_bytes = min_free_bytes
        self._low = False
        self._away: str | None = None
        """why the disk takes nothing"""
        self._lost_away = self._written_away = 0
        self._withdrawn: dict[Purpose, EnvelopeKey] = {}
        """from which batch on there may be consent again: those before it may still be on their way here"""
        self._in_vain: set[EnvelopeKey] = set()
        """in flight when they were withdrawn: whatever becomes of them, it is nothing to the spool"""
        with suppress(DiskBusy):  # the first append will tell that
            self._look_at_free_space()

    @property
    def boot(self) -> BootInfo:
        """This boot's number, and where the one before ended."""
        return self._store.boot

    @property
    def depth(self) -> tuple[int, int]:
        """Unsettled envelopes, and the bytes of their records, on disk or in memory."""
        count, size = self._store.depth
        held, held_bytes = self._overflow.depth
        return count + held, size + held_bytes

    def holds(self, terms: Terms, but: Collection[EnvelopeKey] = ()) -> bool:
        """As of the store: whether there is an envelope on disk that may go on these terms, `but` for some."""
        return self._store.holds(terms, but)

    @property
    def lost(self) -> Mapping[str, int]:
        """Batches that were lost since the start, by why."""
        return self._store.lost

    @property
    def damage(self) -> Damage:
        """What the start found wrong on the disk."""
        return self._store.damage

    @property
    def key_awaited(self) -> bool:
        """As of the store: whether the key to what is on disk is missing yet."""
        return self._store.key_awaited

    @property
    def standing(self) -> Standing:
        """Whether the disk takes what comes, and what memory alone holds."""
        return Standing(self._away is None, *self._overflow.depth)

    def append(self, envelopes: Sequence[Envelope]) -> Appended:
        """`Spool.append`; without envelopes it tries the disk with what waits."""
        self._expire()
        late = [envelope.key for envelope in envelopes if self._comes_late(envelope)]
        self._give_up(late, "consent")
        envelopes = [envelope for envelope in envelopes if envelope.key not in late]
        self._overflow.hold(envelopes, self._store.powered_s)
        for envelope in envelopes:
            self._store.owed.tell(envelope.key, envelope.tells)
        kept = self._write_what_waits()
        self._give_up(self._overflow.shrink(), "memory")
        keys = tuple(envelope.key for envelope in envelopes)
        return Appended(
            self._store.owed.to_tell(),
            tuple(key for key in keys if key in kept),
            tuple(key for key in keys if key in self._overflow),
        )

    def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        """What can be sent now, maybe nothing."""
        if not self._overflow.depth[0]:
            return self._store.lease(limit, terms)
        self._expire()
        leased: list[Envelope] = []
        for part in Part:  # the live one is the first
            if part in terms.parts and len(leased) < limit:
                leased += self._lease_part(limit - len(leased), replace(terms, parts=frozenset({part})))
        return tuple(leased)

    def lease_due_s(self, terms: Terms) -> float | None:
        """Seconds until a lease that found nothing may find something by time alone; None where it cannot."""
        looks = self._overflow.depth[0] or self._store.has_unread
        return MEMORY_LOOK_S if looks else self._store.lease_due_s(terms)

    def expire(self) -> None:
        """Give up what is too old, and note what of it was on disk."""
        self._expire()
        self._store.note_expired()

    @property
    def expiry_due_s(self) -> float | None:
        """Seconds until `expire` should be called; None where nothing expires."""
        return EXPIRE_EVERY_S if self._overflow.may_expire else self._store.expiry_due_s

    def give_back(self, keys: Iterable[EnvelopeKey]) -> None:
        """Leases that nobody took."""
        for key in keys:
            if key in self._in_vain:
                self._in_vain.discard(key)
            elif key in self._overflow:
                self._overflow.give_back(key)
            else:
                self._store.give_back([key])

    def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        """`Spool.settle`; the note of it on disk is left to `try_commit`."""
        if key in self._in_vain:
            self._in_vain.discard(key)
            return
        if key not in self._overflow:
            self._store.settle(key, receipt)
            return
        envelope = self._overflow.in_flight(key)
        match receipt:
            case Deferred():
                self._overflow.give_back(key)
            case Acked():
                self._overflow.drop([key])
                self._store.owed.carrier_arrived(key)
            case Refused():
                self._overflow.drop([key])
                self._store.set_aside(envelope)
                self._store.owed.carrier_lost(key)
                self._store.owed.add([key], "refused")

    def is_withdrawn(self, key: EnvelopeKey) -> bool:
        """Whether what is in flight there need not be sent; for a look from any thread."""
        return key in self._in_vain

    def withdraw(self, purposes: Purpose, first: EnvelopeKey) -> None:
        """Give up all that needs consent to one of these, in flight or not, and wipe it from the disk.

        So is what is appended from now on, up to before the batch `first`. Raises DiskBusy where the disk does not
        take it: then nothing of it is leased any more, and this is to be called again.
        """
        self._withdrawn |= dict.fromkeys(purposes, first)
        self._in_vain |= self._store.withdraw(purposes)
        held, in_flight = self._overflow.withdraw(purposes)
        self._in_vain |= in_flight
        self._give_up(held, "consent")
        self._store.wipe(purposes)

    def try_commit(self) -> None:
        """Note what was settled, where the disk takes it; one that took nothing is asked with the next try of it."""
        if self._away in _WRITABLE:
            self._store.try_commit()

    def close(self) -> None:
        """Write what waits, owe what the disk does not take, note how far things have come; release the folder."""
        self._write_what_waits()
        self._give_up(self._overflow.clear(), "memory")
        self._store.close()

    def _write_what_waits(self) -> set[EnvelopeKey]:
        """To disk with what memory holds, as far as it takes it; what went."""
        waited = self._away is not None
        away, written = None, set[EnvelopeKey]()
        try:
            if self._away not in _WRITABLE:
                # Before anything is evicted for what waits: a read-only disk would lose it for nothing.
                self._store.probe()
            for portion in _portions(self._overflow.waiting()):
                written |= self._write(portion)
        except DiskBusy as error:
            away = error.reason
        if away is None and self._overflow.waiting():
            away = _AT_FLOOR
        self._written_away += len(written) if waited else 0
        self._tell_where(away)
        return written

    def _write(self, portion: Sequence[Envelope]) -> set[EnvelopeKey]:
        spare_bytes = self._look_at_free_space(sum(map(record_length, portion)))
        appended = self._store.append(portion, spare_bytes)
        self._overflow.written(appended.kept)
        lost = {envelope.key for envelope in portion}.difference(appended.kept, appended.waiting)
        self._overflow.drop(lost)
        for key in lost:
            self._store.owed.carrier_lost(key)
        return set(appended.kept)

    def _look_at_free_space(self, wanted_bytes: int = 0) -> int | None:
        """What may be written above the floor; the first time that it is too little is told, and when it is not."""
        if not self._min_free_bytes:
            return None
        free_bytes = self._store.free_bytes()
        spare_bytes = free_bytes - self._min_free_bytes
        # Not on the first byte that is free again: evictions would bring it back and forth.
        low = spare_bytes < (max(wanted_bytes, self._min_free_bytes) if self._low else wanted_bytes)
        if low != self._low:
            tell = events.free_space_low if low else events.free_space_back
            tell(self._log, free_bytes=free_bytes, min_free_bytes=self._min_free_bytes)
        self._low = low
        return spare_bytes

    def _lease_part(self, limit: int, terms: Terms) -> list[Envelope]:
        """From both places in one order; what is too many goes back."""
        found = [
            *self._store.lease(limit, terms),
            *self._overflow.lease(limit, terms, self._store.powered_s),
        ]
        found.sort(key=lambda envelope: (envelope.priority, envelope.key))
        self.give_back(envelope.key for envelope in found[limit:])
        return found[:limit]

    def _comes_late(self, envelope: Envelope) -> bool:
        """Whether consent was withdrawn while it was on its way here."""
        asks = tuple(Purpose) if envelope.purposes is None else envelope.purposes
        return any(envelope.key < self._withdrawn[one] for one in asks if one in self._withdrawn)

    def _expire(self) -> None:
        self._give_up(self._overflow.expire(self._store.powered_s, self._store.wall_s), "expired")

    def _give_up(self, keys: Sequence[EnvelopeKey], why: str) -> None:
        """Envelopes that memory holds no longer."""
        if not keys:
            return
        for key in keys:
            self._store.owed.carrier_lost(key)
        events.batches_lost(self._log, self._store.owed.add(keys, why))
        self._lost_away += len(keys) if why == "memory" else 0

    def _tell_where(self, away: str | None) -> None:
        if away is not None and self._away is None:
            batches, size = self._overflow.depth
            events.disk_left(self._log, reason=away, batches=batches, size=size)
        elif away is None and self._away is not None:
            events.disk_returned(self._log, written=self._written_away, lost=self._lost_away)
            self._written_away = self._lost_away = 0
        self._away = away


def _portions(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    portion: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        portion.append(envelope)
        size += record_length(envelope)
        if size >= PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion

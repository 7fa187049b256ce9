"""The spool as one thread sees it: the ledger decides, the files are made to follow. Blocking.

One rule keeps every promise: a file is removed, or rewritten without what was given up, only after a state that no
longer needs it is durable (`commit`).

Powered-on seconds are those of the state at the open, and the time since; where nothing else changes they are not
noted, so a power cut forgets those in which nothing was appended or delivered.
"""

import errno
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from edge_agent import events
from edge_agent.errors import DiskBusy, KeyUnavailable, SpoolUnusable
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.records import (
    ANYTHING,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    LostRange,
    Part,
    Purpose,
    Receipt,
    Refused,
    Terms,
)
from edge_agent.spool.at_rest import AtRest
from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import (
    ENCRYPTED,
    Halves,
    decode_halves,
    encode_record,
    file_header,
    is_encrypted,
    lifetime_of,
    read_record,
    record_length,
)
from edge_agent.spool.ledger import Incoming, Leased, Ledger, Placement
from edge_agent.spool.naming import stream_of
from edge_agent.spool.owed import Owed
from edge_agent.spool.recovery import Damage
from edge_agent.spool.state import SpoolState
from edge_agent.spool.stream import Segment
from edge_agent.spool.thinning import kept_alone, rules_in

MOST_REFUSED_FILES = 100
MOST_UNREAD = 1_000
"""records that a disk which may be gone did not give; with so many it is gone, and no more is asked of it"""
EXPIRE_EVERY_S = 60
_NS = 1_000_000_000


class Store:
    """Envelopes in a folder that was recovered (`opening.py`). For one thread."""

    def __init__(
        self,
        folder: Path,
        files: SpoolFiles,
        ledger: Ledger,
        boot: BootInfo,
        *,
        powered_s: int,
        clock: Clock,
        refused_bytes: int,
        damage: Damage,
        at_rest: AtRest,
        log: Log,
    ) -> None:
        self.boot, self.damage = boot, damage
        self._folder, self._files, self._ledger, self._log = folder, files, ledger, log
        self._refused_bytes = refused_bytes
        self._clock = clock
        self._powered_from_s = powered_s - clock.uptime_ns() / _NS
        self._at_rest = at_rest
        self._last_seq: int | None = None
        self._noted: SpoolState | None = None
        self._expiry_noted = True
        self._unread: list[Leased] = []
        """could not be read from a disk that takes nothing either; asked for again once it does"""

    @property
    def depth(self) -> tuple[int, int]:
        """Unsettled envelopes, and their bytes on disk."""
        return self._ledger.depth

    def holds(self, terms: Terms, but: Collection[EnvelopeKey] = ()) -> bool:
        """Whether an envelope waits on disk, or is in flight from there, that may go on these terms, `but` for some."""
        return not (self.key_awaited or self._unread) and self._ledger.holds(terms, but)

    @property
    def lost(self) -> Mapping[str, int]:
        """Batches that were lost since the start, by why."""
        return self._ledger.owed.lost

    @property
    def owed(self) -> Owed:
        """Every loss that the far end does not know of for certain."""
        return self._ledger.owed

    @property
    def powered_s(self) -> int:
        """Powered-on seconds, over all boots."""
        return int(self._powered_from_s + self._clock.uptime_ns() / _NS)

    @property
    def wall_s(self) -> int | None:
        """Seconds since 1970; None where the clock is not known to be right."""
        return self._clock.now_ns() // _NS if self._clock.is_synced() else None

    def free_bytes(self) -> int:
        """What the file system of the folder has left. Raises DiskBusy."""
        try:
            return self._files.free_bytes()
        except OSError as error:
            raise self._busy(error) from error

    def append(self, envelopes: Sequence[Envelope], spare_bytes: int | None = None) -> Appended:
        """`Spool.append`, on disk alone: what is `waiting` is not held, there is no free space for it.

        The file system has `spare_bytes` for more, see `Ledger.admit`. Raises DiskBusy, also while the key that
        payloads are to be encrypted with is not here; then none is kept.
        """
        envelopes = self._encrypted(envelopes)
        for envelope in envelopes:
            if envelope.key.boot != self.boot.boot:
                raise AssertionError(f"batch {envelope.key.boot}/{envelope.key.seq} is not of boot {self.boot.boot}")
        self.expire()
        incoming = [self._incoming(envelope) for envelope in envelopes]
        admission = self._ledger.admit(incoming, spare_bytes, self._rules_of)
        for why in ("thinned", "cap"):
            if lost := [one for one in admission.evicted if one.why == why]:
                events.batches_lost(self._log, lost)
        placements: tuple[Placement, ...] = ()
        try:
            if self._ledger.doomed or admission.lost:
                self.commit()
            placements = self._ledger.place(admission.admitted)
            self._files.append(_chunks(envelopes, placements, self._flags))
        except OSError as error:
            self._ledger.abandon(admission, placements)
            raise self._busy(error) from error
        self._ledger.commit(placements)
        kept = {placement.key for placement in placements}
        for envelope in envelopes:
            if envelope.key in kept:
                self._ledger.owed.tell(envelope.key, envelope.tells)
        if placements:
            self._offer_unread()
        self._tell_appended(envelopes, placements, admission.lost)
        keys = tuple(placement.key for placement in placements)
        return Appended(self._ledger.owed.to_tell(), keys, admission.waiting)

    def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        """What can be sent now, maybe nothing: so while the key is awaited.

        A record that cannot be read any more is owed instead; not so while the disk takes nothing either, for then it
        may be gone as a whole, and come back.
        """
        if self.still_awaits_key():
            return ()
        self.expire()
        if self._unread:
            self._takes_writes()
        with self._files.reading_many():
            return tuple(self._leased(limit, terms))

    def _leased(self, limit: int, terms: Terms) -> list[Envelope]:
        unread, envelopes, answers = len(self._unread), list[Envelope](), False
        powered_s = self.powered_s
        while (
            limit > len(envelopes)
            and unread == len(self._unread) < MOST_UNREAD
            and (leases := self._ledger.lease(limit - len(envelopes), terms, powered_s=powered_s))
        ):
            for lease in leases:
                record = self._record_of(lease)
                answers = answers or bool(record.head) or self._takes_writes()
                if not answers:
                    self._unread.append(lease)
                elif envelope := self._read(lease, record):
                    envelopes.append(envelope)
        return envelopes

    @property
    def has_unread(self) -> bool:
        """Whether records are withheld until the disk that did not give them takes writes again."""
        return bool(self._unread)

    def lease_due_s(self, terms: Terms) -> float | None:
        """Seconds until a lease that found nothing may find something by time alone; None where it cannot."""
        if Part.LIVE in terms.parts or Part.BACKLOG not in terms.parts:
            return None
        due_s = self._ledger.backlog_due(terms, self.powered_s)
        return None if due_s is None else max(0.0, due_s - self._powered_from_s - self._clock.uptime_ns() / _NS)

    def expire(self) -> None:
        """Give up what its rule says is too old; each lease and each append does so first."""
        if lost := self._ledger.expire(self.powered_s, self.wall_s):
            events.batches_lost(self._log, lost)
            self._expiry_noted = False

    def note_expired(self) -> None:
        """`expire`, and note what has expired since the last note; else nothing is written."""
        self.expire()
        if not self._expiry_noted:
            self.try_commit()

    @property
    def expiry_due_s(self) -> float | None:
        """Seconds until `expire` should be called though nothing is leased or appended; None where nothing expires."""
        powered_s, wall_s = self._ledger.next_expiry
        if wall_s is not None:  # the clock may be set at any time
            return EXPIRE_EVERY_S
        return None if powered_s is None else max(EXPIRE_EVERY_S, powered_s - self.powered_s)

    def give_back(self, keys: Iterable[EnvelopeKey]) -> None:
        """Leases that nobody took."""
        for key in keys:
            self._ledger.give_back(key)

    def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        """`Spool.settle`; the note of it on disk is left to `commit`."""
        if isinstance(receipt, Deferred):
            self._ledger.give_back(key)
            return
        if isinstance(receipt, Refused):
            lease = self._ledger.in_flight(key)
            with self._files.reading_many():
                self._set_aside(key, b"".join((file_header(lease.segment.name.stream), *self._record_of(lease))))
            self._ledger.lose(key, "refused")
            return
        self._ledger.settle(key)

    def set_aside(self, envelope: Envelope) -> None:
        """Put one that was never on disk among the refused."""
        if self.still_awaits_key():
            events.refused_not_kept(self._log, key=envelope.key, reason="the key to encrypt it with is not here")
            return
        header = file_header(stream_of(envelope))
        record = encode_record(self._at_rest.encrypted(envelope), None, flags=self._flags)
        self._set_aside(envelope.key, header + record)

    def withdraw(self, purposes: Purpose) -> frozenset[EnvelopeKey]:
        """Give up all that needs consent to one of these; `wipe` is to follow. Returns what was in flight of it."""
        lost, in_flight = self._ledger.withdraw(purposes)
        nobodys = {lease.key for lease in self._unread}
        self._unread = [lease for lease in self._unread if lease.key not in in_flight]
        if lost:
            events.batches_lost(self._log, lost)
        return in_flight - nobodys

    def wipe(self, purposes: Purpose) -> None:
        """Have no file in the folder hold what was given up by `withdraw`. Raises DiskBusy: then call it again."""
        try:
            self.commit()
            self._files.remove_set_aside(purposes)
        except OSError as error:
            raise self._busy(error) from error

    @property
    def key_awaited(self) -> bool:
        """Whether nothing could be written or read when it was last tried, for want of the key."""
        return self._at_rest.waits

    def still_awaits_key(self) -> bool:
        """The same, having looked for the key anew. May block for some seconds."""
        try:
            self._at_rest.fetch_key()
        except KeyUnavailable:
            return True
        return False

    def probe(self) -> None:
        """Write the state whether it has changed or not, and hold its reserve: a disk that takes both takes batches.

        Raises DiskBusy.
        """
        self._noted = None
        try:
            self.commit()
            # Batches that take its room would leave none for the state, on a disk that is as full as before.
            self._files.fill_reserve()
        except OSError as error:
            raise self._busy(error) from error
        self._offer_unread()

    def commit(self, *, also_as_copy: bool = False) -> None:
        """Make the state durable, then remove what it no longer needs. Raises OSError; then nothing was removed."""
        doomed = self._ledger.sweep()
        owed = self._ledger.owed
        state = SpoolState(self.boot.boot, self._last_seq, owed.untold, owed.told, self._ledger.marks())
        if state != self._noted:
            self._files.write_state(replace(state, powered_s=self.powered_s), also_as_copy=also_as_copy)
            self._noted = state
        self._expiry_noted = True
        self._files.remove(doomed)
        for segment in doomed:
            self._ledger.buried(segment)
        for segment in self._ledger.shrunk:
            self._rewrite(segment)
            self._ledger.rewritten(segment)

    def try_commit(self) -> None:
        """`commit`, where a failure costs no more than a repeated delivery after a crash."""
        try:
            self.commit()
        except OSError as error:
            events.state_write_failed(self._log, reason=error.strerror or str(error))

    def close(self) -> None:
        """Note how far things have come, in time too, and release the folder."""
        self._noted = None
        try:
            self.try_commit()
        finally:
            self._files.release()

    def _incoming(self, envelope: Envelope) -> Incoming:
        lifetime = lifetime_of(envelope, self.powered_s)
        length = record_length(envelope)
        return Incoming(envelope.key, envelope.priority, length, envelope.upload, lifetime, envelope.purposes)

    def _rules_of(self, segment: Segment) -> Sequence[str] | None:
        try:
            content = self._files.read_all(segment.name)
        except OSError:  # a lease of it will tell
            return None
        return rules_in(content, segment.name.stream, map(segment.span, range(segment.count)))

    def _rewrite(self, segment: Segment) -> None:
        """Without what is settled. The file beside it fits into the share of the cap that `opening.py` holds back."""
        content = self._files.read_all(segment.name)
        kept = [(segment.key(index), segment.span(index)) for index in segment.unsettled()]
        self._files.replace(segment.name, kept_alone(content, segment.name.stream, kept))

    def _busy(self, error: OSError) -> DiskBusy:
        return DiskBusy(str(self._folder), error.strerror or str(error))

    @property
    def _flags(self) -> int:
        return ENCRYPTED if self._at_rest.encrypts else 0

    def _encrypted(self, envelopes: Sequence[Envelope]) -> Sequence[Envelope]:
        try:
            self._at_rest.fetch_key()
        except KeyUnavailable as error:
            raise DiskBusy(str(self._folder), str(error)) from error
        return [self._at_rest.encrypted(envelope) for envelope in envelopes]

    def _tell_appended(
        self, envelopes: Sequence[Envelope], placements: Sequence[Placement], lost: Sequence[LostRange]
    ) -> None:
        if lost:
            events.batches_lost(self._log, lost)
        if placements:
            self._last_seq = max(self._last_seq or 0, *(placement.key.seq for placement in placements))
            kept = {placement.key for placement in placements}
            payload_bytes = sum(len(envelope.payload) for envelope in envelopes if envelope.key in kept)
            events.batches_appended(self._log, count=len(kept), payload_bytes=payload_bytes, last_seq=self._last_seq)

    def _takes_writes(self) -> bool:
        try:
            self.probe()
        except DiskBusy:
            return False
        return True

    def _offer_unread(self) -> None:
        self.give_back([lease.key for lease in self._unread if not lease.segment.locked])
        self._unread.clear()

    def _read(self, lease: Leased, record: Halves) -> Envelope | None:
        if lease.segment.locked:
            return None
        envelope = decode_halves(record, lease.segment.name.stream)
        if envelope is not None and is_encrypted(record.head):
            if not self._at_rest.has_key_of(envelope):
                self._lock(lease.segment)
                return None
            envelope = self._at_rest.decrypted(envelope)
        if envelope is None or envelope.key != lease.key:
            events.batches_lost(self._log, self._ledger.lose(lease.key, "damaged"))
            return None
        return envelope

    def _lock(self, segment: Segment) -> None:
        """All of it is of one key: every start begins new segments, and has one key or none."""
        lost = self._ledger.lock(segment)
        count = sum(one.last_seq - one.first_seq + 1 for one in lost)
        events.segment_locked(self._log, path=str(self._files.path(segment.name)), count=count)

    def _record_of(self, lease: Leased) -> Halves:
        try:
            return read_record(partial(self._files.read, lease.segment), *lease.segment.span(lease.index))
        except OSError as error:
            if error.errno in {errno.EIO, errno.ENOENT}:
                return Halves(b"", b"")
            # Nothing is wrong with the record: the process is out of memory, descriptors or rights.
            raise SpoolUnusable(str(self._folder), error.strerror or str(error)) from error

    def _set_aside(self, key: EnvelopeKey, content: bytes) -> None:
        try:
            removed = self._files.set_aside(
                f"{key.boot:010d}-{key.seq:020d}",
                content,
                most_files=MOST_REFUSED_FILES,
                most_bytes=self._refused_bytes,
            )
        except OSError as error:
            events.refused_not_kept(self._log, key=key, reason=error.strerror or str(error))
        else:
            events.refused_set_aside(self._log, key=key, removed=removed)


def _chunks(envelopes: Iterable[Envelope], placements: Iterable[Placement], flags: int) -> dict[Segment, bytes]:
    """What is to be written at the end of each segment."""
    by_key = {envelope.key: envelope for envelope in envelopes}
    records: defaultdict[Segment, list[bytes]] = defaultdict(list)
    for placement in placements:
        record = encode_record(by_key[placement.key], placement.previous_seq, placement.lifetime, flags)
        records[placement.segment].append(record)
    return {segment: b"".join(parts) for segment, parts in records.items()}

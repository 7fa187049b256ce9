"""The spool as one thread sees it: the ledger decides, the files are made to follow. Blocking.

One rule keeps every promise: a file is removed only after a state that no longer needs it is durable (`commit`).
"""

import errno
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edge_agent import events
from edge_agent.errors import DiskBusy, SpoolUnusable
from edge_agent.events import Log
from edge_agent.records import (
    ANYTHING,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    LostRange,
    Receipt,
    Refused,
    Terms,
)
from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import decode_record, encode_record, file_header, lifetime_of, record_length
from edge_agent.spool.ledger import Incoming, Leased, Ledger, Placement
from edge_agent.spool.naming import StreamName
from edge_agent.spool.owed import Owed
from edge_agent.spool.state import SpoolState
from edge_agent.spool.stream import Segment

MOST_REFUSED_FILES = 100


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
        refused_bytes: int,
        log: Log,
    ) -> None:
        self.boot = boot
        self._folder, self._files, self._ledger, self._log = folder, files, ledger, log
        self._powered_s, self._refused_bytes = powered_s, refused_bytes
        self._last_seq: int | None = None
        self._noted: SpoolState | None = None

    @property
    def depth(self) -> tuple[int, int]:
        """Unsettled envelopes, and their bytes on disk."""
        return self._ledger.depth

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
        """Powered-on seconds, over all boots, as of the last look."""
        return self._powered_s

    def free_bytes(self) -> int:
        """What the file system of the folder has left. Raises OSError."""
        return self._files.free_bytes()

    def append(self, envelopes: Sequence[Envelope], spare_bytes: int | None = None) -> Appended:
        """`Spool.append`, on disk alone: what is `waiting` is not held, there is no free space for it.

        The file system has `spare_bytes` for more, see `Ledger.admit`. Raises DiskBusy; then none is kept.
        """
        for envelope in envelopes:
            if envelope.key.boot != self.boot.boot:
                raise AssertionError(f"batch {envelope.key.boot}/{envelope.key.seq} is not of boot {self.boot.boot}")
        admission = self._ledger.admit([self._incoming(envelope) for envelope in envelopes], spare_bytes)
        if admission.evicted:
            events.batches_lost(self._log, admission.evicted)
        placements: tuple[Placement, ...] = ()
        try:
            if self._ledger.doomed or admission.lost:
                self.commit()
            placements = self._ledger.place(admission.admitted)
            self._files.append(_chunks(envelopes, placements))
        except OSError as error:
            self._ledger.abandon(admission, placements)
            raise DiskBusy(str(self._folder), error.strerror or str(error)) from error
        self._ledger.commit(placements)
        kept = {placement.key for placement in placements}
        for envelope in envelopes:
            if envelope.key in kept:
                self._ledger.owed.tell(envelope.key, envelope.tells)
        self._tell_appended(envelopes, placements, admission.lost)
        keys = tuple(placement.key for placement in placements)
        return Appended(self._ledger.owed.to_tell(), keys, admission.waiting)

    def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        """What can be sent now, maybe nothing. A record that cannot be read any more is owed instead."""
        envelopes: list[Envelope] = []
        while len(envelopes) < limit and (leases := self._ledger.lease(limit - len(envelopes), terms)):
            envelopes += (envelope for lease in leases if (envelope := self._read(lease)))
        return tuple(envelopes)

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
            self._set_aside(key, file_header(lease.segment.name.stream) + self._bytes_of(lease))
            self._ledger.lose(key, "refused")
            return
        self._ledger.settle(key)

    def set_aside(self, envelope: Envelope) -> None:
        """Put one that was never on disk among the refused."""
        header = file_header(StreamName(envelope.priority, envelope.upload))
        self._set_aside(envelope.key, header + encode_record(envelope, None))

    def probe(self) -> None:
        """Write the state whether it has changed or not: a disk that takes it takes batches. Raises OSError."""
        self._noted = None
        self.commit()

    def commit(self, *, also_as_copy: bool = False) -> None:
        """Make the state durable, then remove what it no longer needs. Raises OSError; then nothing was removed."""
        doomed = self._ledger.sweep()
        owed = self._ledger.owed
        state = SpoolState(
            self.boot.boot, self._last_seq, owed.untold, owed.told, self._ledger.marks(), self._powered_s
        )
        if state != self._noted:
            self._files.write_state(state, also_as_copy=also_as_copy)
            self._noted = state
        self._files.remove(doomed)
        for segment in doomed:
            self._ledger.buried(segment)

    def try_commit(self) -> None:
        """`commit`, where a failure costs no more than a repeated delivery after a crash."""
        try:
            self.commit()
        except OSError as error:
            events.state_write_failed(self._log, reason=error.strerror or str(error))

    def close(self) -> None:
        """Note how far things have come and release the folder."""
        self.try_commit()
        self._files.release()

    def _incoming(self, envelope: Envelope) -> Incoming:
        lifetime = lifetime_of(envelope, self._powered_s)
        return Incoming(envelope.key, envelope.priority, record_length(envelope), envelope.upload, lifetime)

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

    def _read(self, lease: Leased) -> Envelope | None:
        envelope = decode_record(self._bytes_of(lease), lease.segment.name.stream)
        if envelope is None or envelope.key != lease.key:
            events.batches_lost(self._log, self._ledger.lose(lease.key, "damaged"))
            return None
        return envelope

    def _bytes_of(self, lease: Leased) -> bytes:
        try:
            return self._files.read(lease.segment, *lease.segment.span(lease.index))
        except OSError as error:
            if error.errno in {errno.EIO, errno.ENOENT}:
                return b""
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


def _chunks(envelopes: Iterable[Envelope], placements: Iterable[Placement]) -> dict[Segment, bytes]:
    """What is to be written at the end of each segment."""
    by_key = {envelope.key: envelope for envelope in envelopes}
    records: defaultdict[Segment, list[bytes]] = defaultdict(list)
    for placement in placements:
        record = encode_record(by_key[placement.key], placement.previous_seq, placement.lifetime)
        records[placement.segment].append(record)
    return {segment: b"".join(parts) for segment, parts in records.items()}

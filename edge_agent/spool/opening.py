"""From a folder as the last process, or a power cut, left it to a store that can be used. Blocking."""

from collections.abc import Collection, Iterable
from pathlib import Path

from edge_agent import events
from edge_agent.clock import SystemClock
from edge_agent.disk import DISK, Disk
from edge_agent.errors import KeyUnavailable
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.records import BootInfo, EnvelopeKey
from edge_agent.spool.at_rest import AtRest
from edge_agent.spool.files import SpoolFiles, unusable
from edge_agent.spool.inspection import Inspected, Inspection
from edge_agent.spool.ledger import Ledger
from edge_agent.spool.mending import cut_tail, keep_as_found, mend, sync_tail
from edge_agent.spool.naming import STREAMS, SegmentName
from edge_agent.spool.recovery import Damage, Finding, StreamRecovery, missing_numbers, next_boot
from edge_agent.spool.state import NewerState, SpoolState, StreamMarks
from edge_agent.spool.store import Store
from edge_agent.spool.stream import Segment

_SHARES = 16
"""refused/ and damaged/ may take half of one part in 16 of the cap each; and a segment no more than that part, so that
an eviction takes no more. One more part is held back for a thinned segment, which is rewritten beside itself."""
_SHARES_HELD_BACK = 2


def open_store(
    folder: Path,
    *,
    cap_bytes: int,
    segment_bytes: int,
    log: Log,
    disk: Disk = DISK,
    clock: Clock | None = None,
    at_rest: AtRest | None = None,
) -> Store:
    """Lock the folder, recover what is in it, raise the boot. Raises SpoolUnusable, or BadSettings for the key's.

    Without a `clock` the system's: a vehicle that is suspended in a garage is not powered on.
    """
    files = SpoolFiles(folder, disk)
    at_rest = at_rest or AtRest()
    try:
        _look_for_key(at_rest, log)
        share = cap_bytes // _SHARES
        ledger = Ledger(budget_bytes=cap_bytes - _SHARES_HELD_BACK * share, segment_bytes=min(segment_bytes, share))
        opening = _Opening(folder, files, ledger, log)
        store = opening.store(clock=clock or SystemClock.awake(), at_rest=at_rest, aside_bytes=share // 2)
    except OSError as error:
        files.release()
        raise unusable(folder, error) from error
    except BaseException:
        files.release()
        raise
    pending, pending_bytes = store.depth
    events.spool_opened(log, path=str(folder), boot=store.boot.boot, pending=pending, pending_bytes=pending_bytes)
    return store


def _look_for_key(at_rest: AtRest, log: Log) -> None:
    """Behind the lock: two processes must not make a key each."""
    try:
        at_rest.fetch_key()
    except KeyUnavailable as error:
        events.key_awaited(log, reason=error.reason)


class _Opening:
    """One pass over the segments; what it finds wrong is owed before it is mended."""

    def __init__(self, folder: Path, files: SpoolFiles, ledger: Ledger, log: Log) -> None:
        self._folder, self._files, self._ledger, self._log = folder, files, ledger, log
        self._inspection = Inspection(files, log)
        self._newest: list[EnvelopeKey] = []
        self._powered_s = 0
        self._lost: set[EnvelopeKey] = set()
        self._damaged: list[tuple[Segment, int]] = []
        self._missing = 0

    def store(self, *, clock: Clock, at_rest: AtRest, aside_bytes: int) -> Store:
        noted = self._files.read_states()
        known = next((one for one in noted if isinstance(one, SpoolState)), SpoolState(0, None))
        self._ledger.resume(known, {stream: max(numbers) for stream, numbers in self._files.numbers().items()})
        self._streams(known)
        boot = next_boot([one for one in noted if one], [*self._newest, *self._inspection.newer])
        self._tell_of_state(noted[0], boot)
        self._owe()
        store = Store(
            self._folder,
            self._files,
            self._ledger,
            boot,
            powered_s=max([self._powered_s, *(one.powered_s for one in noted if isinstance(one, SpoolState))]),
            clock=clock,
            at_rest=at_rest,
            refused_bytes=aside_bytes,
            damage=self._damage(),
            log=self._log,
        )
        for path in self._files.keep_newer_states():
            events.state_set_aside(self._log, path=str(path), boot=boot.boot)
        damaged = list(dict.fromkeys(segment for segment, _bytes in self._damaged))
        keep_as_found(self._files, damaged, most_bytes=aside_bytes, log=self._log)
        store.commit(also_as_copy=True)
        mend(self._files, (segment for segment in damaged if not segment.dead), self._log)
        self._files.keep_reserve()
        return store

    def _tell_of_state(self, state: SpoolState | NewerState | None, boot: BootInfo) -> None:
        if state is None and (boot.previous_boot is not None or self._files.has_state_file()):
            events.state_lost(self._log, path=str(self._folder), boot=boot.boot)

    def _streams(self, known: SpoolState) -> None:
        readable, present = self._files.segments(), self._files.numbers()
        for stream in sorted({*STREAMS, *known.streams, *present}, key=lambda name: name.turn):
            marks = known.streams.get(stream, StreamMarks(None, None))
            needed, unnoted = missing_numbers(marks, present.get(stream, ()))
            if needed:
                self._missing += len(needed)
                path = str(self._folder)
                events.segments_missing(self._log, path=path, stream=str(stream), numbers=sorted(needed))
            names = [name for name in readable if name.stream == stream]
            for name in names:
                if marks.forgot(name.number):  # a power cut came before it was removed, or brought it back
                    self._ledger.adopt(name, 0, 0, ())
            self._stream([name for name in names if not marks.forgot(name.number)], marks, needed | unnoted)

    def _stream(self, names: Iterable[SegmentName], marks: StreamMarks, missing: Collection[int]) -> None:
        recovery = StreamRecovery(marks)
        segment, tail_bytes, before = None, 0, None
        for one in self._inspection.segments(names):
            if segment is not None and tail_bytes:
                self._damaged.append((segment, tail_bytes))
            finding = recovery.take(one.items, follows=_follows(before, one, missing))
            next_to = segment is not None and segment.name.number + 1 == one.name.number
            if finding.behind_lost and segment is not None and next_to and not tail_bytes:
                self._damaged.append((segment, 0))
            segment, tail_bytes, before = self._adopt(one, finding), finding.tail_bytes, one
            if not finding.records and not tail_bytes and marks.needs(one.name.number):
                self._damaged.append((segment, 0))
        was_committed = recovery.finish()
        self._lost |= recovery.lost
        if segment is not None and was_committed:
            self._damaged.append((segment, tail_bytes))
        elif segment is not None and tail_bytes:
            cut_tail(self._files, segment, tail_bytes, self._log)
        elif segment is not None:
            sync_tail(self._files, segment, self._log)

    def _adopt(self, one: Inspected, finding: Finding) -> Segment:
        boot = finding.records[0].key.boot if finding.records else 0
        segment = self._ledger.adopt(one.name, boot, one.size, finding.records)
        if finding.damaged_bytes:
            self._damaged.append((segment, finding.damaged_bytes))
        if finding.records:
            self._newest.append(finding.records[-1].key)
            self._powered_s = max(self._powered_s, finding.records[-1].lifetime.powered_s)
        return segment

    def _damage(self) -> Damage:
        return Damage(
            segments=len({segment for segment, _bytes in self._damaged}),
            damaged_bytes=sum(damaged_bytes for _segment, damaged_bytes in self._damaged),
            missing_segments=self._missing,
            unreadable_segments=self._inspection.unreadable,
        )

    def _owe(self) -> None:
        """Owe what is missing, except what an interrupted start before this one owes already."""
        owed = self._ledger.owed
        new = [key for key in self._lost if not owed.among(key.boot, key.seq, key.seq)]
        lost = owed.add(new, "damaged")
        self._ledger.owe_again_what_none_tells()
        for segment, damaged_bytes in self._damaged:
            path = str(self._files.path(segment.name))
            events.segment_damaged(self._log, path=path, damaged_bytes=damaged_bytes, kept=segment.count)
        if lost:
            events.batches_lost(self._log, lost)


def _follows(before: Inspected | None, one: Inspected, missing: Collection[int]) -> bool:
    """Whether what a segment's first record names as the one before should be there, or is missing for certain."""
    if any((before.name.number if before else -1) < gone < one.name.number for gone in missing):
        return True
    return before is not None and not before.rewritten and before.name.number + 1 == one.name.number

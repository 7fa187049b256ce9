"""From a folder as the last process, or a power cut, left it to a store that can be used. Blocking."""

from collections.abc import Iterable
from pathlib import Path

from edge_agent import events
from edge_agent.disk import DISK, Disk
from edge_agent.events import Log
from edge_agent.records import EnvelopeKey
from edge_agent.spool.files import SpoolFiles, unusable
from edge_agent.spool.framing import FORMAT_VERSION, file_header, file_version, scan
from edge_agent.spool.ledger import Ledger
from edge_agent.spool.naming import STREAMS, SegmentName
from edge_agent.spool.recovery import StreamRecovery, next_boot
from edge_agent.spool.state import SpoolState, StreamMarks
from edge_agent.spool.store import Store
from edge_agent.spool.stream import Segment

_SHARES = 16
"""refused/ may take one part in 16 of the cap; and a segment no more, so that an eviction takes no more than that"""


def open_store(folder: Path, *, cap_bytes: int, segment_bytes: int, log: Log, disk: Disk = DISK) -> Store:
    """Lock the folder, recover what is in it, raise the boot. Raises SpoolUnusable."""
    files = SpoolFiles(folder, disk)
    try:
        share = cap_bytes // _SHARES
        ledger = Ledger(budget_bytes=cap_bytes - share, segment_bytes=min(segment_bytes, share))
        store = _Opening(folder, files, ledger, log).store(refused_bytes=share)
    except OSError as error:
        files.release()
        raise unusable(folder, error) from error
    except BaseException:
        files.release()
        raise
    pending, pending_bytes = store.depth
    events.spool_opened(log, path=str(folder), boot=store.boot.boot, pending=pending, pending_bytes=pending_bytes)
    return store


class _Opening:
    """One pass over the segments; what it finds wrong is owed before it is mended."""

    def __init__(self, folder: Path, files: SpoolFiles, ledger: Ledger, log: Log) -> None:
        self._folder, self._files, self._ledger, self._log = folder, files, ledger, log
        self._newest: list[EnvelopeKey] = []
        self._powered_s = 0
        self._lost: set[EnvelopeKey] = set()
        self._damaged: list[tuple[Segment, int]] = []

    def store(self, *, refused_bytes: int) -> Store:
        state, copy = self._files.read_states()
        known = state or copy or SpoolState(0, None)
        self._ledger.resume(known, self._files.last_numbers())
        names = self._files.segments()
        for stream in STREAMS:
            segments = [name for name in names if name.stream == stream]
            self._stream(segments, known.streams.get(stream, StreamMarks(None, None)))
        boot = next_boot([one for one in (state, copy) if one], self._newest)
        if state is None and (boot.previous_boot is not None or self._files.has_state_file()):
            events.state_lost(self._log, path=str(self._folder), boot=boot.boot)
        self._owe()
        powered_s = max([known.powered_s, *(one.powered_s for one in (state, copy) if one), self._powered_s])
        store = Store(
            self._folder,
            self._files,
            self._ledger,
            boot,
            powered_s=powered_s,
            refused_bytes=refused_bytes,
            log=self._log,
        )
        store.commit(also_as_copy=True)
        self._mend()
        self._files.keep_reserve()
        return store

    def _stream(self, names: Iterable[SegmentName], marks: StreamMarks) -> None:
        recovery = StreamRecovery(marks)
        segment, tail_bytes = None, 0
        for name in names:
            if segment is not None and tail_bytes:
                self._damaged.append((segment, tail_bytes))
            content = self._content(name)
            if content is None:
                continue
            finding = recovery.take(scan(content))
            boot = finding.records[0].key.boot if finding.records else 0
            segment = self._ledger.adopt(name, boot, len(content), finding.records)
            tail_bytes = finding.tail_bytes
            if finding.damaged_bytes:
                self._damaged.append((segment, finding.damaged_bytes))
            if finding.records:
                self._newest.append(finding.records[-1].key)
                self._powered_s = max(self._powered_s, finding.records[-1].lifetime.powered_s)
        was_committed = recovery.finish()
        self._lost |= recovery.lost
        if segment is not None and tail_bytes:
            if was_committed:
                self._damaged.append((segment, tail_bytes))
            else:
                self._cut(segment, tail_bytes)

    def _content(self, name: SegmentName) -> bytes | None:
        """A segment's bytes, or None where it had to be set aside."""
        path = str(self._files.path(name))
        try:
            content = self._files.read_all(name)
        except OSError as error:
            self._files.rename(name, ".unreadable")
            events.segment_set_aside(self._log, path=path, reason=error.strerror or str(error), lost=True)
            return None
        version = file_version(content)
        if version is None or version <= FORMAT_VERSION:
            return content
        self._files.rename(name, f".v{version}")
        events.segment_set_aside(self._log, path=path, reason=f"its format {version} is not known here", lost=False)
        return None

    def _cut(self, segment: Segment, tail_bytes: int) -> None:
        path = str(self._files.path(segment.name))
        segment.size -= tail_bytes
        try:
            self._files.cut(segment.name, segment.size)
        except OSError as error:
            events.segment_mend_failed(self._log, path=path, reason=error.strerror or str(error))
        else:
            events.tail_cut(self._log, path=path, tail_bytes=tail_bytes)

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

    def _mend(self) -> None:
        """Rewrite damaged segments without the damage, so that the next start does not tell it again."""
        for segment in {segment for segment, _ in self._damaged if not segment.dead}:
            try:
                content = self._files.read_all(segment.name)
                records = (content[slice(*segment.span(index))] for index in range(segment.count))
                mended = file_header(segment.name.stream) + b"".join(records)
                self._files.replace(segment.name, mended)
            except OSError as error:
                path = str(self._files.path(segment.name))
                events.segment_mend_failed(self._log, path=path, reason=error.strerror or str(error))
            else:
                segment.compact()

"""What lies in the segments of a stream, read as little as is safe. Blocking.

For a spool of a gigabyte only the headers of records are read: a body is checked when it is leased, and told as lost
then. Whole are read and checked

    - the last segment of each stream, which may end with an append that had not returned,
    - one whose headers do not follow each other to its end,
    - one whose next does not go on behind it: an append failed there and was tried again, so a header may stand
      there before a body that never came.
"""

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_agent import events
from edge_agent.events import Log
from edge_agent.records import EnvelopeKey
from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import FILE_HEADER_SIZE, READABLE, Framed, Gap, file_version, is_rewritten, scan
from edge_agent.spool.naming import SegmentName
from edge_agent.spool.skimming import Run, skim


@dataclass(frozen=True, slots=True)
class Inspected:
    """One segment that can be read, at least in part."""

    name: SegmentName
    size: int
    items: Iterable[Framed | Gap]
    rewritten: bool
    """records were taken out of it on purpose"""


class Inspection:
    """Reads segments; one of a newer release, or that the disk will not open, is set aside."""

    def __init__(self, files: SpoolFiles, log: Log) -> None:
        self._files, self._log = files, log
        self.unreadable = 0
        """segments that the disk would not open"""
        self.newer: list[EnvelopeKey] = []
        """what could be made out in segments of a newer format: a boot is to be beyond these"""

    def segments(self, names: Iterable[SegmentName]) -> Iterator[Inspected]:
        """Those of one stream that can be read, in order."""
        before: tuple[SegmentName, Run | None] | None = None
        for name in names:
            records = self._skimmed(name)
            if before is not None:
                yield from self._inspected(*before, followed_by=records)
            before = name, records
        if before is not None:
            yield from self._inspected(*before, followed_by=None)

    def _inspected(self, name: SegmentName, records: Run | None, *, followed_by: Run | None) -> Iterator[Inspected]:
        if records and followed_by and records[-1].key < followed_by[0].key:
            with self._files.reading(name) as read:
                yield Inspected(name, records[-1].end, records, is_rewritten(read(0, FILE_HEADER_SIZE)))
        elif (content := self._content(name)) is not None:
            yield Inspected(name, len(content), scan(content), is_rewritten(content))

    def _skimmed(self, name: SegmentName) -> Run | None:
        try:
            with self._files.reading(name) as read:
                return skim(read, self._files.size(name))
        except OSError:  # reading it whole will say what of it can be read
            return None

    def _content(self, name: SegmentName) -> bytes | None:
        """A segment's bytes, or None where it had to be set aside."""
        path = str(self._files.path(name))
        try:
            content = self._files.read_all(name)
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
                raise  # nothing is wrong with the segment
            self._files.rename(name, ".unreadable")
            self.unreadable += 1
            events.segment_set_aside(self._log, path=path, reason=error.strerror or str(error), lost=True)
            return None
        version = file_version(content)
        if version is None or version in READABLE:
            return content
        self.newer.extend(item.key for item in scan(content) if isinstance(item, Framed))
        self._files.rename(name, f".v{version}")
        events.segment_set_aside(self._log, path=path, reason=f"its format {version} is not known here", lost=False)
        return None

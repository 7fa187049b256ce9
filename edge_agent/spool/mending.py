"""Segments without the damage that was found in them, so that the next start does not tell it again. Blocking."""

from collections.abc import Iterable

from edge_agent import events
from edge_agent.events import Log
from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import file_header
from edge_agent.spool.stream import Segment

MOST_DAMAGED_FILES = 20


def keep_as_found(files: SpoolFiles, segments: Iterable[Segment], *, most_bytes: int, log: Log) -> None:
    """Copy each to damaged/, for somebody to look at, before it is mended or removed; the oldest copies go."""
    for segment in segments:
        name = f"{segment.boot:010d}-{segment.name.stream}-{segment.name.number:010d}"
        try:
            content = files.read_all(segment.name)
            files.keep_damaged(name, content, most_files=MOST_DAMAGED_FILES, most_bytes=most_bytes)
        except OSError as error:
            events.damaged_not_kept(log, path=str(files.path(segment.name)), reason=error.strerror or str(error))


def mend(files: SpoolFiles, segments: Iterable[Segment], log: Log) -> None:
    """Rewrite each with its readable records alone. Where that fails it is told, and the segment is as it was."""
    for segment in segments:
        path = str(files.path(segment.name))
        try:
            content = files.read_all(segment.name)
            records = (content[slice(*segment.span(index))] for index in range(segment.count))
            files.replace(segment.name, file_header(segment.name.stream, rewritten=True) + b"".join(records))
        except OSError as error:
            events.segment_mend_failed(log, path=path, reason=error.strerror or str(error))
        else:
            segment.rewritten(range(segment.count))


def cut_tail(files: SpoolFiles, segment: Segment, tail_bytes: int, log: Log) -> None:
    """Take off an append that had not returned."""
    path = str(files.path(segment.name))
    segment.size -= tail_bytes
    try:
        files.cut(segment.name, segment.size)
    except OSError as error:
        events.segment_mend_failed(log, path=path, reason=error.strerror or str(error))
    else:
        events.tail_cut(log, path=path, tail_bytes=tail_bytes)


def sync_tail(files: SpoolFiles, segment: Segment, log: Log) -> None:
    """Make the end of a stream durable: a process that was killed may have written it and not come to that.

    What is offered or told of it from now on must not vanish with the power.
    """
    try:
        files.sync(segment.name)
    except OSError as error:
        events.segment_mend_failed(log, path=str(files.path(segment.name)), reason=error.strerror or str(error))

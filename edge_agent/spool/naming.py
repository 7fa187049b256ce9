"""Names of the streams of records, and of the files that hold them. Pure.

A stream is what waits for the same turn and the same link: batches that wait for an unmetered link have files of
their own, so that they keep none that need not wait from being settled, evicted or deleted.
"""

import re
from typing import NamedTuple

from edge_agent.records import Upload

PRIORITIES = 10

_STREAM = re.compile(r"([0-9])(u?)")
_SEGMENT = re.compile(r"([0-9]u?)-([0-9]{10})\.seg(\..*)?")


class StreamName(NamedTuple):
    """Which records one series of segments holds; its text, `3` or `3u`, begins the name of each."""

    priority: int
    upload: Upload = Upload.ANY

    def __str__(self) -> str:
        return f"{self.priority}{'u' if self.upload is Upload.UNMETERED else ''}"


class SegmentName(NamedTuple):
    """One segment; its text is the name of its file."""

    stream: StreamName
    number: int

    def __str__(self) -> str:
        return f"{self.stream}-{self.number:010d}.seg"


STREAMS = tuple(StreamName(priority, upload) for priority in range(PRIORITIES) for upload in Upload)
"""All there are, most important first; of one priority those that need not wait come first."""


def stream_named(text: str) -> StreamName | None:
    """The stream that a text names, if any."""
    match = _STREAM.fullmatch(text)
    return StreamName(int(match[1]), Upload.UNMETERED if match[2] else Upload.ANY) if match else None


def segment_named(text: str) -> tuple[SegmentName, str] | None:
    """The segment that a file's name tells, and the suffix with which it was set aside, empty where it was not."""
    match = _SEGMENT.fullmatch(text)
    stream = stream_named(match[1]) if match else None
    return (SegmentName(stream, int(match[2])), match[3] or "") if match and stream else None

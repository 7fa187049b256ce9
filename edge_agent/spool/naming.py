"""Names of the streams of records, and of the files that hold them. Pure.

A stream is what waits for the same turn and the same link: batches that wait for an unmetered link have files of
their own, so that they keep none that need not wait from being settled, evicted or deleted. So have, on a vehicle whose
driver is asked, batches of other purposes: what is withdrawn is wiped by unlinking whole files, which takes no room and
no time, where rewriting a gigabyte around it would take eMMC half a minute.
"""

import re
from typing import NamedTuple

from edge_agent.records import Envelope, Purpose, Upload

PRIORITIES = 10

_STREAM = re.compile(r"([0-9])(u?)(?:p([0-9a-f]))?")
_SEGMENT = re.compile(r"([0-9]u?(?:p[0-9a-f])?)-([0-9]{10})\.seg(\..*)?")


class StreamName(NamedTuple):
    """Which records one series of segments holds; its text, `3`, `3u`, `3p8` or `3up8`, begins the name of each.

    The digit behind the `p` has the bits of `Purpose`, `p0` none of them. Without one nobody noted the purposes.
    """

    priority: int
    upload: Upload = Upload.ANY
    purposes: Purpose | None = None

    def __str__(self) -> str:
        purposes = "" if self.purposes is None else f"p{self.purposes:x}"
        return f"{self.priority}{'u' if self.upload is Upload.UNMETERED else ''}{purposes}"

    @property
    def turn(self) -> tuple[int, bool, int]:
        """Sorts streams as `STREAMS` are."""
        return self.priority, self.upload is Upload.UNMETERED, -1 if self.purposes is None else self.purposes

    def concerns(self, purposes: Purpose) -> bool:
        """Whether its records need consent to one of these; where nobody noted to which, they may."""
        return self.purposes is None or bool(self.purposes & purposes)


class SegmentName(NamedTuple):
    """One segment; its text is the name of its file."""

    stream: StreamName
    number: int

    def __str__(self) -> str:
        return f"{self.stream}-{self.number:010d}.seg"


STREAMS = tuple(StreamName(priority, upload) for priority in range(PRIORITIES) for upload in Upload)
"""All there are of no noted purpose, most important first; of one priority those that need not wait come first."""


def stream_of(envelope: Envelope) -> StreamName:
    """Where an envelope belongs."""
    return StreamName(envelope.priority, envelope.upload, envelope.purposes)


def stream_named(text: str) -> StreamName | None:
    """The stream that a text names, if any."""
    match = _STREAM.fullmatch(text)
    if match is None:
        return None
    purposes = None if match[3] is None else Purpose(int(match[3], 16))
    return StreamName(int(match[1]), Upload.UNMETERED if match[2] else Upload.ANY, purposes)


def segment_named(text: str) -> tuple[SegmentName, str] | None:
    """The segment that a file's name tells, and the suffix with which it was set aside, empty where it was not."""
    match = _SEGMENT.fullmatch(text)
    stream = stream_named(match[1]) if match else None
    return (SegmentName(stream, int(match[2])), match[3] or "") if match and stream else None

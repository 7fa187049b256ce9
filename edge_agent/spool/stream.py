"""The records of one stream, segment by segment, and how each stands. Pure.

A record is READY -> LEASED -> SETTLED, or back to READY.
"""

from array import array
from collections.abc import Iterator

from edge_agent.records import EnvelopeKey
from edge_agent.spool.framing import FILE_HEADER_SIZE
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.state import StreamMarks

_READY, _LEASED, _SETTLED = range(3)


class Segment:
    """One file's records. 25 bytes a record: a full gigabyte of small ones stays in some megabytes of memory."""

    def __init__(self, name: SegmentName, boot: int, *, closed: bool) -> None:
        self.name, self.boot, self.closed = name, boot, closed
        self.size = FILE_HEADER_SIZE
        self.leased = 0
        self._seqs, self._starts, self._ends = array("Q"), array("Q"), array("Q")
        self._standing = bytearray()
        self._settled_first = 0

    @property
    def count(self) -> int:
        """Records."""
        return len(self._seqs)

    @property
    def dead(self) -> bool:
        """Grows no more, and nothing in it is needed."""
        return self.closed and self._settled_first == self.count

    def add(self, seq: int, start: int, end: int) -> None:
        """A committed record."""
        self._seqs.append(seq)
        self._starts.append(start)
        self._ends.append(end)
        self._standing.append(_READY)
        self.size = end

    def compact(self) -> None:
        """The file was rewritten with these records alone."""
        at = FILE_HEADER_SIZE
        for index in range(self.count):
            length = self.length(index)
            self._starts[index], self._ends[index] = at, at + length
            at += length
        self.size = at

    def key(self, index: int) -> EnvelopeKey:
        """Name of a record."""
        return EnvelopeKey(self.boot, self._seqs[index])

    def span(self, index: int) -> tuple[int, int]:
        """Where a record starts and ends in the file."""
        return self._starts[index], self._ends[index]

    def length(self, index: int) -> int:
        """Bytes of a record."""
        return self._ends[index] - self._starts[index]

    def next_ready(self) -> int | None:
        """Oldest record that can be leased."""
        index = self._standing.find(_READY)
        return None if index < 0 else index

    def lease(self, index: int) -> None:
        """READY -> LEASED."""
        self._standing[index] = _LEASED
        self.leased += 1

    def give_back(self, index: int) -> None:
        """LEASED -> READY."""
        self._standing[index] = _READY
        self.leased -= 1

    def settle(self, index: int) -> None:
        """LEASED -> SETTLED, or READY -> SETTLED when it is given up."""
        self.leased -= self._standing[index] == _LEASED
        self._standing[index] = _SETTLED
        while self._settled_first < self.count and self._standing[self._settled_first] == _SETTLED:
            self._settled_first += 1

    def unsettled(self) -> list[int]:
        """Records that are not settled, oldest first."""
        return [index for index, standing in enumerate(self._standing) if standing != _SETTLED]

    def settled_up_to(self) -> EnvelopeKey | None:
        """Last record of the settled beginning."""
        return self.key(self._settled_first - 1) if self._settled_first else None

    def last_unsettled(self) -> EnvelopeKey | None:
        """Newest record that is not settled."""
        index = max(self._standing.rfind(_READY), self._standing.rfind(_LEASED))
        return None if index < 0 else self.key(index)

    def settled_stretches(self) -> Iterator[tuple[int, int, int]]:
        """(boot, first seq, last seq) of settled records that follow each other."""
        start = self._standing.find(_SETTLED)
        while start >= 0:
            after = (self._standing.find(standing, start) for standing in (_READY, _LEASED))
            end = min((index for index in after if index >= 0), default=self.count)
            yield self.boot, self._seqs[start], self._seqs[end - 1]
            start = self._standing.find(_SETTLED, end)


class Stream:
    """The segments of one stream, oldest first; the last one may grow."""

    def __init__(self, name: StreamName) -> None:
        self.name = name
        self.segments: list[Segment] = []
        self.next_number = 0
        self.last: EnvelopeKey | None = None
        self.settled: EnvelopeKey | None = None

    def active(self) -> Segment | None:
        """The segment that grows."""
        return self.segments[-1] if self.segments and not self.segments[-1].closed else None

    def advance(self) -> None:
        """Move `settled` over everything that is settled without a hole."""
        for segment in self.segments:
            self.settled = segment.settled_up_to() or self.settled
            if not segment.dead:
                return

    def marks(self) -> StreamMarks:
        """How far it has come."""
        held = (key for segment in reversed(self.segments) if (key := segment.last_unsettled()))
        stretches = (stretch for segment in self.segments for stretch in segment.settled_stretches())
        beyond = (one for one in stretches if self.settled is None or EnvelopeKey(one[0], one[2]) > self.settled)
        return StreamMarks(self.settled, next(held, None), tuple(beyond))

    def begin(self, boot: int) -> Segment:
        """A new segment that grows from now on."""
        if self.segments:
            self.segments[-1].closed = True
        segment = Segment(SegmentName(self.name, self.next_number), boot, closed=False)
        self.next_number += 1
        self.segments.append(segment)
        return segment

"""The records of one stream, segment by segment, and how each stands. Pure.

A record is READY -> LEASED -> SETTLED, or back to READY. READY or LEASED -> LOCKED where its key is not here.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.records import I64, EnvelopeKey, Part
from edge_agent.spool.alike import Alike
from edge_agent.spool.framing import FILE_HEADER_SIZE, FOREVER, Lifetime
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.skimming import Run
from edge_agent.spool.state import StreamMarks

_READY, _LEASED, _SETTLED, _LOCKED = range(4)
MOST_STRETCHES = 1_024
"""that are noted of a stream: where one rule's batches expire between another's there may be hundreds of thousands, and
the state is written each second. What is forgotten so is offered again by the next start: twice rather than never"""
_NO_STRETCH = np.empty((0, 3), np.int64)
_MOST_32_BITS = 0xFFFF_FFFF
NEVER_S = _MOST_32_BITS
"""A time that does not come: the year 2106, or 136 years of driving."""


class Segment:
    """One file's records. 21 to 33 bytes a record: a full gigabyte of small ones stays in some megabytes of memory.

    `locked`: encrypted with a key that is not here; what was not settled was told as lost and only takes room.
    `size` is what the file has, or is to have once it is rewritten; `can_thin` whether that could shorten it.
    `expires_powered_s` and `expires_wall_s`: until then no READY record of it expires.
    """

    def __init__(self, name: SegmentName, boot: int, *, closed: bool) -> None:
        self.name, self.boot, self.closed = name, boot, closed
        self.of_this_boot = not closed  # every start begins new ones
        self.size = FILE_HEADER_SIZE
        self.leased = self.ready = 0
        self.can_thin = self.locked = False
        self.expires_powered_s = self.expires_wall_s = NEVER_S
        self._seqs, self._starts, self._ends = array("Q"), array("I"), array("I")
        self._powered_s = array("I")
        self._expire_powered_s, self._expire_wall_s, self._thins = Alike(), Alike(), Alike()
        self._standing = bytearray()
        self._settled_first = 0
        self._ready_first = 0
        """no READY record comes before it"""

    @property
    def count(self) -> int:
        """Records."""
        return len(self._seqs)

    @property
    def begins(self) -> EnvelopeKey:
        """Its first record, or before any of its boot where it has none."""
        return self.key(0) if self.count else EnvelopeKey(self.boot, -1)

    @property
    def dead(self) -> bool:
        """Grows no more, and all of it is settled."""
        return self.closed and self._settled_first == self.count

    @property
    def any_settled(self) -> bool:
        """Whether a record is settled."""
        return _SETTLED in self._standing

    @property
    def needed(self) -> bool:
        """Whether a record is not settled, and not locked."""
        return not self.locked and self._settled_first < self.count

    @property
    def newest_powered_s(self) -> int:
        """When its last record was appended; of an empty one that is still to come."""
        return self._powered_s[-1] if self.count else NEVER_S

    def add(self, seq: int, start: int, end: int, lifetime: Lifetime = FOREVER) -> None:
        """A committed record."""
        self._seqs.append(seq)
        self._starts.append(start)
        self._ends.append(end)
        self._powered_s.append(lifetime.powered_s)
        self._expire_powered_s.append(lifetime.expires_powered_s or NEVER_S)
        self._expire_wall_s.append(lifetime.expires_wall_s or NEVER_S)
        self._thins.append(lifetime.thin)
        self._standing.append(_READY)
        self.ready += 1
        self.can_thin |= lifetime.thin > 1
        self._expect(self.count - 1)
        self.size = end

    def adopt(self, run: Run, settled: NDArray[np.bool_]) -> None:
        """All of its records, as they were found in the file, and which of them are settled."""
        columns, ready = run.columns, ~settled
        expire_powered_s, expire_wall_s = (
            np.where(columns[name] == 0, NEVER_S, columns[name]) for name in ("expires_powered_s", "expires_wall_s")
        )
        self._seqs = array("Q", columns["seq"].tobytes())
        # A file of 4 GiB is none of ours, but it may lie there.
        code, kind = ("I", np.uint32) if columns["end"].max(initial=0) <= _MOST_32_BITS else ("Q", np.uint64)
        self._starts, self._ends = (array(code, columns[name].astype(kind).tobytes()) for name in ("start", "end"))
        self._powered_s = array("I", columns["powered_s"].tobytes())
        self._expire_powered_s, self._expire_wall_s = Alike.of(expire_powered_s), Alike.of(expire_wall_s)
        self._thins = Alike.of(columns["thin"])
        self._standing = bytearray(np.where(settled, _SETTLED, _READY).astype(np.uint8).tobytes())
        self.ready = int(ready.sum())
        self.can_thin = bool((columns["thin"] > 1).any())
        self.expires_powered_s = int(expire_powered_s[ready].min(initial=NEVER_S))
        self.expires_wall_s = int(expire_wall_s[ready].min(initial=NEVER_S))
        self.size = self._ends[-1] if self.count else FILE_HEADER_SIZE
        self._advance()

    def rewritten(self, kept: Iterable[int]) -> None:
        """The file was rewritten with the records at these places alone, side by side."""
        kept = list(kept)
        lengths = [self.length(index) for index in kept]
        self._seqs, self._powered_s = (
            array(old.typecode, (old[at] for at in kept)) for old in (self._seqs, self._powered_s)
        )
        self._expire_powered_s, self._expire_wall_s, self._thins = (
            old.at(kept) for old in (self._expire_powered_s, self._expire_wall_s, self._thins)
        )
        self._standing = bytearray(self._standing[at] for at in kept)
        self._starts, self._ends = array(self._starts.typecode), array(self._ends.typecode)
        self.size = FILE_HEADER_SIZE
        for length in lengths:
            self._starts.append(self.size)
            self.size += length
            self._ends.append(self.size)
        self._settled_first = self._ready_first = 0
        self._advance()

    def key(self, index: int) -> EnvelopeKey:
        """Name of a record."""
        return EnvelopeKey(self.boot, self._seqs[index])

    def index(self, key: EnvelopeKey) -> int:
        """Where a record of this segment is now."""
        return bisect_left(self._seqs, key.seq)

    def span(self, index: int) -> tuple[int, int]:
        """Where a record starts and ends in the file."""
        return self._starts[index], self._ends[index]

    def length(self, index: int) -> int:
        """Bytes of a record."""
        return self._ends[index] - self._starts[index]

    def thin(self, index: int) -> int:
        """Every how many-th of its kind stays."""
        return self._thins[index]

    def powered_s(self, index: int) -> int:
        """When a record was appended."""
        return self._powered_s[index]

    def first_since(self, powered_s: int) -> int:
        """First record that was appended at that second or later; `count` where there is none."""
        return bisect_left(self._powered_s, powered_s)

    def first_ready(self, begin: int = 0, end: int | None = None) -> int | None:
        """Oldest record that can be leased, of those from `begin` to before `end`."""
        index = self._standing.find(_READY, max(begin, self._ready_first), end)
        if begin <= self._ready_first <= index:
            self._ready_first = index
        return None if index < 0 else index

    def lease(self, index: int) -> None:
        """READY -> LEASED."""
        self._standing[index] = _LEASED
        self.leased += 1
        self.ready -= 1

    def give_back(self, index: int) -> None:
        """LEASED -> READY."""
        self._standing[index] = _READY
        self.leased -= 1
        self.ready += 1
        self._ready_first = min(self._ready_first, index)
        self._expect(index)

    def settle(self, index: int) -> None:
        """LEASED -> SETTLED, or READY -> SETTLED when it is given up."""
        self.leased -= self._standing[index] == _LEASED
        self.ready -= self._standing[index] == _READY
        self._standing[index] = _SETTLED
        self._advance()

    def lock(self) -> list[int]:
        """READY or LEASED -> LOCKED for all that are; returns them. There is no way back in this boot."""
        found = self.unsettled()
        for index in found:
            self._standing[index] = _LOCKED
        self.leased = self.ready = 0
        self.locked = True
        return found

    def expired(self, powered_s: int, wall_s: int) -> list[int]:
        """READY records whose time has passed; the next look is due after `expires_powered_s`, `expires_wall_s`."""
        if powered_s <= self.expires_powered_s and wall_s <= self.expires_wall_s:
            return []
        powered, wall = self._expire_powered_s.rows(), self._expire_wall_s.rows()
        ready = np.frombuffer(self._standing, np.uint8) == _READY
        passed = ready & ((powered < powered_s) | (wall < wall_s))
        rest = ready & ~passed
        self.expires_powered_s = int(powered[rest].min(initial=NEVER_S))
        self.expires_wall_s = int(wall[rest].min(initial=NEVER_S))
        found: list[int] = passed.nonzero()[0].tolist()
        return found

    def unsettled(self) -> list[int]:
        """Records that are not settled, oldest first; none where `locked`."""
        return [] if self.locked else [index for index, standing in enumerate(self._standing) if standing != _SETTLED]

    def settled_up_to(self) -> EnvelopeKey | None:
        """Last record of the settled beginning."""
        return self.key(self._settled_first - 1) if self._settled_first else None

    def last_unsettled(self) -> EnvelopeKey | None:
        """Newest record that is not settled."""
        index = max(self._standing.rfind(_READY), self._standing.rfind(_LEASED))
        return None if index < 0 else self.key(index)

    def settled_stretches(self) -> I64:
        """[n, 3] boot, first and last sequence of settled records that follow each other."""
        settled = np.frombuffer(self._standing, np.uint8) == _SETTLED
        begins, ends = np.flatnonzero(np.diff(settled, prepend=False, append=False)).reshape(-1, 2).T
        seqs = np.frombuffer(self._seqs, np.uint64)
        return np.column_stack((np.full(len(begins), self.boot), seqs[begins], seqs[ends - 1])).astype(np.int64)

    def _advance(self) -> None:
        while self._settled_first < self.count and self._standing[self._settled_first] == _SETTLED:
            self._settled_first += 1

    def _expect(self, index: int) -> None:
        self.expires_powered_s = min(self.expires_powered_s, self._expire_powered_s[index])
        self.expires_wall_s = min(self.expires_wall_s, self._expire_wall_s[index])


class Stream:
    """The segments of one stream, oldest first; the last one may grow."""

    def __init__(self, name: StreamName) -> None:
        self.name = name
        self.segments: list[Segment] = []
        self.next_number = 0
        self.last: EnvelopeKey | None = None
        self.settled: EnvelopeKey | None = None
        self._thinned: Counter[str] = Counter()
        """batches of each rule that thinning has seen"""
        self._ready_first = 0
        """number of a segment before which none has a READY record: a lease must not walk over a backlog"""

    def active(self) -> Segment | None:
        """The segment that grows."""
        return self.segments[-1] if self.segments and not self.segments[-1].closed else None

    def oldest(self, part: Part, live_since_s: int) -> tuple[Segment, int] | None:
        """The oldest record of a part that can be leased; the live ones were appended at that second or later."""
        return self._oldest_live(live_since_s) if part is Part.LIVE else self._oldest_of_backlog(live_since_s)

    def give_back(self, segment: Segment, index: int) -> None:
        """LEASED -> READY."""
        segment.give_back(index)
        self._ready_first = min(self._ready_first, segment.name.number)

    def thin(self, segment: Segment, rules: Sequence[str] | None) -> list[int]:
        """Records that go when, of each rule's that allow it, every so many-th stays; each segment is asked once.

        `rules` has the rule of each record. The count goes on from segment to segment, since a restart at least.
        """
        segment.can_thin = False
        given_up: list[int] = []
        for index in segment.unsettled() if rules else ():
            if rules and segment.thin(index) > 1:
                given_up += [index] if self._thinned[rules[index]] % segment.thin(index) else []
                self._thinned[rules[index]] += 1
        return given_up

    def advance(self) -> None:
        """Move `settled` over everything that is settled without a hole."""
        for segment in self.segments:
            self.settled = segment.settled_up_to() or self.settled
            if not segment.dead:
                return

    def marks(self) -> StreamMarks:
        """How far it has come."""
        unsettled = (key for segment in reversed(self.segments) if (key := segment.last_unsettled()))
        held = next(unsettled, None)
        files, next_number = self._files(), self.next_number or None
        return StreamMarks(self.settled, held, self._beyond(), files, next_number, self._ends(held))

    def _beyond(self) -> tuple[tuple[int, int, int], ...]:
        """Stretches of settled records beyond `settled`, at most `MOST_STRETCHES`, the longest."""
        found = np.concatenate([_NO_STRETCH, *(one.settled_stretches() for one in self.segments if one.any_settled)])
        if self.settled is not None:
            boots, lasts = found[:, 0], found[:, 2]
            found = found[(boots > self.settled.boot) | ((boots == self.settled.boot) & (lasts > self.settled.seq))]
        if len(found) > MOST_STRETCHES:
            longest = np.argpartition(found[:, 1] - found[:, 2], MOST_STRETCHES)[:MOST_STRETCHES]
            found = found[np.sort(longest)]
        return tuple((boot, first, last) for boot, first, last in found.tolist())

    def _ends(self, held: EnvelopeKey | None) -> tuple[EnvelopeKey, ...]:
        """The last unsettled record of each boot before that of `held`."""
        earlier = (segment for segment in self.segments if held and segment.boot < held.boot)
        ends = {segment.boot: end for segment in earlier if (end := segment.last_unsettled())}
        return tuple(ends.values())

    def _files(self) -> tuple[tuple[int, int], ...]:
        """Numbers of the segments that hold records, in stretches."""
        numbers = {segment.name.number for segment in self.segments if segment.count}
        begins = sorted(number for number in numbers if number - 1 not in numbers)
        ends = sorted(number for number in numbers if number + 1 not in numbers)
        return tuple(zip(begins, ends, strict=True))

    def begin(self, boot: int) -> Segment:
        """A new segment that grows from now on."""
        if self.segments:
            self.segments[-1].closed = True
        segment = Segment(SegmentName(self.name, self.next_number), boot, closed=False)
        self.next_number += 1
        self.segments.append(segment)
        return segment

    def _oldest_live(self, live_since_s: int) -> tuple[Segment, int] | None:
        oldest = None
        for segment in reversed(self.segments):
            if not segment.of_this_boot or segment.newest_powered_s < live_since_s:
                break
            index = segment.first_ready(segment.first_since(live_since_s))
            oldest = oldest if index is None else (segment, index)
        return oldest

    def _oldest_of_backlog(self, live_since_s: int) -> tuple[Segment, int] | None:
        at = bisect_left(self.segments, self._ready_first, key=lambda segment: segment.name.number)
        while at < len(self.segments) and not self.segments[at].ready:
            at += 1
        if at == len(self.segments):
            return None
        segment = self.segments[at]
        self._ready_first = segment.name.number
        index = segment.first_ready(0, segment.first_since(live_since_s) if segment.of_this_boot else None)
        return None if index is None else (segment, index)

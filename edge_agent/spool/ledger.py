"""Which records live, are in flight, may be deleted or must go. Pure: decisions are return values.

A segment whose records are all SETTLED and that grows no more
is dead; its file may go as soon as the state no longer needs it (`sweep`, then the state is written, then `buried`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.records import ANYTHING, EnvelopeKey, LostRange, Terms, Upload
from edge_agent.spool.framing import FILE_HEADER_SIZE, FOREVER, Framed, Lifetime
from edge_agent.spool.naming import STREAMS, SegmentName, StreamName
from edge_agent.spool.owed import Owed
from edge_agent.spool.state import SpoolState, StreamMarks
from edge_agent.spool.stream import Segment, Stream


@dataclass(frozen=True, slots=True)
class Incoming:
    """An envelope that wants in."""

    key: EnvelopeKey
    priority: int
    length: int
    """bytes of its record"""
    upload: Upload = Upload.ANY
    lifetime: Lifetime = FOREVER

    @property
    def stream(self) -> StreamName:
        """Where it belongs."""
        return StreamName(self.priority, self.upload)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an admitted envelope goes."""

    key: EnvelopeKey
    segment: Segment
    start: int
    end: int
    previous_seq: int | None
    lifetime: Lifetime


@dataclass(frozen=True, slots=True)
class Admission:
    """What one append may write, and what it may not."""

    admitted: tuple[Incoming, ...]
    lost: tuple[LostRange, ...]
    """envelopes for which no room could be made below the cap"""
    waiting: tuple[EnvelopeKey, ...]
    """those that only the lack of free space keeps out"""
    evicted: tuple[LostRange, ...]
    """what had to go for the admitted ones"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A record in flight."""

    key: EnvelopeKey
    segment: Segment
    index: int


class Ledger:
    """All streams together, bounded to `budget_bytes` of segment files."""

    def __init__(self, *, budget_bytes: int, segment_bytes: int) -> None:
        self._budget_bytes, self._segment_bytes = budget_bytes, segment_bytes
        self._streams = {name: Stream(name) for name in STREAMS}
        self._leased: dict[EnvelopeKey, Leased] = {}
        self._doomed: list[Segment] = []
        self._resumed: dict[StreamName, StreamMarks] = {}
        self.owed = Owed()
        self._pending = self._pending_bytes = 0

    @property
    def depth(self) -> tuple[int, int]:
        """Records that are not settled, and their bytes on disk."""
        return self._pending, self._pending_bytes

    @property
    def total_bytes(self) -> int:
        """Size of all segment files that are not doomed."""
        return sum(segment.size for stream in self._streams.values() for segment in stream.segments)

    def marks(self) -> Mapping[StreamName, StreamMarks]:
        """How far each stream that was ever used has come."""
        marks = {name: stream.marks() for name, stream in self._streams.items()}
        return {name: mark for name, mark in marks.items() if mark != StreamMarks(None, None)}

    def resume(self, state: SpoolState, last_numbers: Mapping[StreamName, int]) -> None:
        """Take up what the state file and the folder say, before any `adopt`."""
        for name, mark in state.streams.items():
            self._streams[name].settled = mark.settled
            self._resumed[name] = mark
        for name, number in last_numbers.items():
            self._streams[name].next_number = number + 1
        self.owed.resume(state.owed, state.told)

    def adopt(self, name: SegmentName, boot: int, size: int, records: Sequence[Framed]) -> Segment:
        """A segment of `size` bytes found on disk, in order of number.

        What the marks cover, or was given up before, is settled.
        """
        stream = self._streams[name.stream]
        segment = Segment(name, boot, closed=True)
        stream.segments.append(segment)
        marks = self._resumed.get(name.stream, StreamMarks(None, None))
        given_up = self.owed.among(boot, records[0].key.seq, records[-1].key.seq) if records else set()
        for index, record in enumerate(records):
            self._add(segment, record.key.seq, record.start, record.end)
            if record.key.seq in given_up or marks.covers(record.key):
                self._settle(segment, index)
        segment.size = size
        stream.advance()
        return segment

    def owe_again_what_none_tells(self) -> None:
        """After the last `adopt`: a batch that was to tell a loss may have been damaged.

        None of them was Acked: one state file says of both, the batch and what it told, that they are forgotten.
        """
        gone = set(self.owed.told)
        for segment in (segment for stream in self._streams.values() for segment in stream.segments):
            gone.difference_update(segment.key(index) for index in segment.unsettled())
        for carrier in gone:
            self.owed.carrier_lost(carrier)

    def admit(self, incoming: Sequence[Incoming], spare_bytes: int | None = None) -> Admission:
        """Make room for as many as possible, most important first; evicted segments are doomed and all loss is owed.

        The file system has `spare_bytes` for more, below zero where some are to be given back; None is plenty.
        """
        budget_bytes = self._budget_with(spare_bytes)
        out: list[EnvelopeKey] = []
        behind: set[StreamName] = set()
        evicted: list[LostRange] = []
        admitted: set[EnvelopeKey] = set()
        taken = 0
        for item in sorted(incoming, key=lambda item: item.priority):
            need = item.length + FILE_HEADER_SIZE
            victims = self._victims_for(item.priority, taken + need, budget_bytes)
            if victims is None and self._victims_for(item.priority, taken + need, self._budget_bytes) is None:
                out.append(item.key)
            elif victims is None or item.stream in behind:  # what waits must not be overtaken: a stream only grows
                behind.add(item.stream)
            else:
                admitted.add(item.key)
                taken += need
                evicted += (lost for segment in victims for lost in self._evict(segment))
        lost = self.owed.add(out, "cap")
        waiting = tuple(item.key for item in incoming if item.key not in admitted.union(out))
        return Admission(tuple(item for item in incoming if item.key in admitted), lost, waiting, tuple(evicted))

    def place(self, admitted: Iterable[Incoming]) -> tuple[Placement, ...]:
        """Where each one goes; to be followed by `commit` or `abandon`. Keys of one stream must grow for ever."""
        newest: dict[StreamName, Placement] = {}
        return tuple(self._place(item, newest) for item in admitted)

    def commit(self, placements: Iterable[Placement]) -> None:
        """They are on disk for good."""
        for placement in placements:
            self._add(placement.segment, placement.key.seq, placement.start, placement.end)
            self._streams[placement.segment.name.stream].last = placement.key

    def abandon(self, admission: Admission, placements: Iterable[Placement]) -> None:
        """The disk did not take them. A segment that a write failed on is not written to again."""
        for segment in (placement.segment for placement in placements):
            segment.closed = True
            stream = self._streams[segment.name.stream]
            stream.segments = [kept for kept in stream.segments if kept is not segment or segment.count]
        self.owed.drop(admission.lost)

    def lease(self, limit: int, terms: Terms = ANYTHING) -> list[Leased]:
        """Up to `limit` records, by priority, then age."""
        leased: list[Leased] = []
        for segment in (segment for stream in self._streams.values() for segment in stream.segments):
            while len(leased) < limit and (index := segment.next_ready()) is not None:
                segment.lease(index)
                leased.append(Leased(segment.key(index), segment, index))
        self._leased.update((lease.key, lease) for lease in leased)
        return leased

    def in_flight(self, key: EnvelopeKey) -> Leased:
        """The lease of a key."""
        if key not in self._leased:
            raise AssertionError(f"batch {key.boot}/{key.seq} is not leased")
        return self._leased[key]

    def settle(self, key: EnvelopeKey) -> None:
        """A leased record has arrived, and with it what it tells."""
        self._take_off(key)
        self.owed.carrier_arrived(key)

    def lose(self, key: EnvelopeKey, why: str) -> tuple[LostRange, ...]:
        """A leased record will not arrive: it is owed, and what it was to tell is owed again."""
        self._take_off(key)
        self.owed.carrier_lost(key)
        return self.owed.add([key], why)

    def give_back(self, key: EnvelopeKey) -> None:
        """A leased record is to be offered again."""
        lease = self.in_flight(key)
        del self._leased[key]
        lease.segment.give_back(lease.index)

    def sweep(self) -> tuple[Segment, ...]:
        """Every segment whose file may go once the state that `marks` and `owed` give now is durable."""
        for stream in self._streams.values():
            self._doomed.extend(segment for segment in stream.segments if segment.dead)
            stream.segments = [segment for segment in stream.segments if not segment.dead]
        return tuple(self._doomed)

    @property
    def doomed(self) -> bool:
        """Whether evicted or dead segments wait for their file to go."""
        return bool(self._doomed)

    def buried(self, segment: Segment) -> None:
        """The file of a doomed segment is gone."""
        self._doomed.remove(segment)

    def _add(self, segment: Segment, seq: int, start: int, end: int) -> None:
        segment.add(seq, start, end)
        self._pending += 1
        self._pending_bytes += end - start

    def _take_off(self, key: EnvelopeKey) -> None:
        lease = self.in_flight(key)
        del self._leased[key]
        self._settle(lease.segment, lease.index)
        self._streams[lease.segment.name.stream].advance()

    def _settle(self, segment: Segment, index: int) -> None:
        segment.settle(index)
        self._pending -= 1
        self._pending_bytes -= segment.length(index)

    def _budget_with(self, spare_bytes: int | None) -> int:
        """What all segments may take: the cap, or what is theirs on the file system if that is less."""
        if spare_bytes is None:
            return self._budget_bytes
        theirs = self.total_bytes + sum(segment.size for segment in self._doomed)
        return min(self._budget_bytes, theirs + spare_bytes)

    def _victims_for(self, priority: int, need: int, budget_bytes: int) -> list[Segment] | None:
        """The fewest to evict that let `need` more bytes in; None when that cannot be reached."""
        short = self.total_bytes + need - budget_bytes
        chosen: list[Segment] = []
        for segment in self._victims(priority) if short > 0 else ():
            chosen.append(segment)
            short -= segment.size
            if short <= 0:
                break
        return chosen if short <= 0 else None

    def _victims(self, priority: int) -> list[Segment]:
        """What may go for a record of `priority`: what nobody needs, then the less important or equal, oldest first."""
        free = [
            segment for stream in self._streams.values() for segment in stream.segments if not segment.last_unsettled()
        ]
        needed = [
            segment
            for stream in reversed(self._streams.values())
            if stream.name.priority >= priority
            for segment in stream.segments
            if segment.last_unsettled() and not segment.leased
        ]
        return free + needed

    def _evict(self, segment: Segment) -> tuple[LostRange, ...]:
        segment.closed = True
        unsettled = segment.unsettled()
        keys = [segment.key(index) for index in unsettled]
        for index, key in zip(unsettled, keys, strict=True):
            self._settle(segment, index)
            self.owed.carrier_lost(key)
        self._streams[segment.name.stream].advance()
        self._streams[segment.name.stream].segments.remove(segment)
        self._doomed.append(segment)
        return self.owed.add(keys, "cap")

    def _place(self, item: Incoming, newest: dict[StreamName, Placement]) -> Placement:
        """Put one behind what is there or was put there by this call; roll over to a new segment when full."""
        stream = self._streams[item.stream]
        before = newest.get(item.stream)
        last = before.key if before else stream.last
        if last is not None and item.key <= last:
            raise AssertionError(f"batch {item.key.boot}/{item.key.seq} came after {last.boot}/{last.seq}")
        segment = stream.active()
        start = before.end if before and before.segment is segment else segment.size if segment is not None else 0
        if segment is None or (start > FILE_HEADER_SIZE and start + item.length > self._segment_bytes):
            segment, start = stream.begin(item.key.boot), FILE_HEADER_SIZE
        previous_seq = last.seq if last and last.boot == item.key.boot else None
        placement = Placement(item.key, segment, start, start + item.length, previous_seq, item.lifetime)
        newest[item.stream] = placement
        return placement

"""Which records live, are in flight, may be deleted or must go. Pure: decisions are return values.

A segment whose records are all SETTLED and that grows no more is dead; its file may go as soon as the state no longer
needs it (`sweep`, then the state is written, then `buried`). Likewise a thinned one may be rewritten without what was
given up (`shrunk`, then the state is written, then `rewritten`).

Time is told in whole powered-on seconds of the vehicle (`SpoolState.powered_s`), and in seconds since 1970.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.records import ANYTHING, LIVE_S, EnvelopeKey, LostRange, Part, Purpose, Terms, Upload
from edge_agent.spool.framing import FILE_HEADER_SIZE, FOREVER, Framed, Lifetime
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.owed import Owed
from edge_agent.spool.skimming import Run
from edge_agent.spool.state import SpoolState, StreamMarks
from edge_agent.spool.stream import NEVER_S, Segment
from edge_agent.spool.streams import Streams, by_age, oldest

RulesOf = Callable[[Segment], Sequence[str] | None]
"""The rule of each record of a segment, in order; None where the file cannot be read."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An envelope that wants in."""

    key: EnvelopeKey
    priority: int
    length: int
    """bytes of its record"""
    upload: Upload = Upload.ANY
    lifetime: Lifetime = FOREVER
    purposes: Purpose | None = None

    @property
    def stream(self) -> StreamName:
        """Where it belongs."""
        return StreamName(self.priority, self.upload, self.purposes)


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
    """what had to go for the admitted ones, with why: `cap` or `thinned`"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A record in flight."""

    key: EnvelopeKey
    segment: Segment

    @property
    def index(self) -> int:
        """Where it is in the segment, until that is rewritten."""
        return self.segment.index(self.key)


class Ledger:
    """All streams together, bounded to `budget_bytes` of segment files."""

    def __init__(self, *, budget_bytes: int, segment_bytes: int) -> None:
        self._budget_bytes, self._segment_bytes = budget_bytes, segment_bytes
        self._streams = Streams()
        self._leased: dict[EnvelopeKey, Leased] = {}
        self._doomed: list[Segment] = []
        self._shrunk: dict[Segment, int] = {}
        """thinned ones that are to be rewritten, and by how many bytes their files are longer than `size`"""
        self._expires_powered_s = self._expires_wall_s = NEVER_S
        """no READY record expires before"""
        self._resumed: dict[StreamName, StreamMarks] = {}
        self.owed = Owed()
        self._pending = self._pending_bytes = 0

    @property
    def depth(self) -> tuple[int, int]:
        """Records that are not settled, and their bytes on disk."""
        return self._pending, self._pending_bytes

    def holds(self, terms: Terms, but: Collection[EnvelopeKey] = ()) -> bool:
        """Whether a record is not settled that may go on these terms, `but` for some; for a look from any thread."""
        streams = (stream for turn in self._streams.turns(terms) for stream in turn)
        without = Counter(lease.segment for key in but if (lease := self._leased.get(key)))
        segments = (segment for stream in streams for segment in tuple(stream.segments))
        return any(segment.needed and segment.ready + segment.leased > without[segment] for segment in segments)

    @property
    def total_bytes(self) -> int:
        """Size of all segment files that are not doomed."""
        return sum(segment.size for segment in self._streams.segments())

    def marks(self) -> Mapping[StreamName, StreamMarks]:
        """How far each stream that was ever used has come."""
        marks = {name: stream.marks() for name, stream in self._streams.items()}
        return {name: mark for name, mark in marks.items() if mark != StreamMarks(None, None)}

    def resume(self, state: SpoolState, last_numbers: Mapping[StreamName, int]) -> None:
        """Take up what the state file and the folder say, before any `adopt`."""
        self._streams.know([*state.streams, *last_numbers])
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
        run = Run.of(records)
        seqs = run.columns["seq"]
        given_up = self.owed.among(boot, int(seqs[0]), int(seqs[-1])) if records else set[int]()
        settled = marks.covered(boot, seqs) | np.isin(seqs, np.fromiter(given_up, np.uint64))
        segment.adopt(run, settled)
        self._expect(segment)
        self._pending += segment.ready
        self._pending_bytes += int((run.columns["end"] - run.columns["start"])[~settled].sum())
        segment.size = size
        stream.advance()
        return segment

    def owe_again_what_none_tells(self) -> None:
        """After the last `adopt`: a batch that was to tell a loss may have been damaged.

        None of them was Acked: one state file says of both, the batch and what it told, that they are forgotten.
        """
        gone = set(self.owed.told)
        for segment in self._streams.segments() if gone else ():
            gone.difference_update(segment.key(index) for index in segment.unsettled())
        for carrier in gone:
            self.owed.carrier_lost(carrier)

    def admit(
        self, incoming: Sequence[Incoming], spare_bytes: int | None = None, rules_of: RulesOf | None = None
    ) -> Admission:
        """Make room for as many as possible, most important first; evicted segments are doomed and all loss is owed.

        Room is made of what nobody needs; then of the less or equally important, last priority first and of one
        priority what waits for an unmetered link: each closed segment is thinned once where that helps, oldest first,
        then segments go, oldest first, whatever their purposes. What is in flight stays, and its segment with it.
        The file system has `spare_bytes` for more, below zero where some are to be given back; None is plenty.
        Nothing is thinned without `rules_of`.
        """
        budget_bytes = self._budget_with(spare_bytes)
        out: list[EnvelopeKey] = []
        behind: set[StreamName] = set()
        evicted: list[LostRange] = []
        admitted: set[EnvelopeKey] = set()
        taken = 0
        for item in sorted(incoming, key=lambda item: item.priority):
            need = taken + item.length + FILE_HEADER_SIZE
            if not self._has_room(item.priority, need, self._budget_bytes):
                out.append(item.key)
            elif item.stream in behind or not self._has_room(item.priority, need, budget_bytes):
                behind.add(item.stream)  # what waits must not be overtaken: a stream only grows
            else:
                admitted.add(item.key)
                taken = need
                evicted += self._make_room(item.priority, need, budget_bytes, rules_of)
        lost = self.owed.add(out, "cap")
        waiting = tuple(item.key for item in incoming if item.key not in admitted.union(out))
        return Admission(tuple(item for item in incoming if item.key in admitted), lost, waiting, tuple(evicted))

    def place(self, admitted: Iterable[Incoming]) -> tuple[Placement, ...]:
        """Where each one goes; to be followed by `commit` or `abandon`. Keys of one stream must grow for ever."""
        admitted = tuple(admitted)
        self._streams.know(item.stream for item in admitted)
        newest: dict[StreamName, Placement] = {}
        return tuple(self._place(item, newest) for item in admitted)

    def commit(self, placements: Iterable[Placement]) -> None:
        """They are on disk for good."""
        for placement in placements:
            self._add(placement.segment, placement.key.seq, placement.start, placement.end, placement.lifetime)
            self._streams[placement.segment.name.stream].last = placement.key

    def abandon(self, admission: Admission, placements: Iterable[Placement]) -> None:
        """The disk did not take them. A segment that a write failed on is not written to again."""
        for segment in (placement.segment for placement in placements):
            segment.closed = True
            stream = self._streams[segment.name.stream]
            stream.segments = [kept for kept in stream.segments if kept is not segment or segment.count]
        self.owed.drop(admission.lost)

    def lease(self, limit: int, terms: Terms = ANYTHING, *, powered_s: int = 0) -> list[Leased]:
        """Up to `limit` records that may go now: the live part first, within a part by priority, then age.

        What has expired by now is to be taken out before, by `expire`.
        """
        leased: list[Leased] = []
        for part in (part for part in Part if part in terms.parts):
            for streams in self._streams.turns(terms):
                while len(leased) < limit and (found := oldest(streams, part, powered_s - LIVE_S + 1)):
                    segment, index = found
                    leased.append(Leased(segment.key(index), segment))
                    segment.lease(index)
        self._leased.update((lease.key, lease) for lease in leased)
        return leased

    def backlog_due(self, terms: Terms, powered_s: int) -> int | None:
        """The powered-on second at which the next live record that may go becomes backlog; None where none waits."""
        live_since_s = powered_s - LIVE_S + 1
        found = (stream.oldest(Part.LIVE, live_since_s) for streams in self._streams.turns(terms) for stream in streams)
        return min((segment.powered_s(index) + LIVE_S for segment, index in filter(None, found)), default=None)

    def expire(self, powered_s: int, wall_s: int | None) -> tuple[LostRange, ...]:
        """Give up what has waited longer than its rule allows, and name it; what is in flight does not expire.

        `wall_s` is None where the clock is not known to be right: then nothing expires by it.
        """
        if powered_s <= self._expires_powered_s and (wall_s or 0) <= self._expires_wall_s:
            return ()
        gone: list[EnvelopeKey] = []
        self._expires_powered_s = self._expires_wall_s = NEVER_S
        for segment in self._streams.segments():
            gone += self._give_up(segment, segment.expired(powered_s, wall_s or 0))
            self._expect(segment)
        return self.owed.add(gone, "expired")

    @property
    def next_expiry(self) -> tuple[int | None, int | None]:
        """Powered-on and wall seconds after which something may expire that is not in flight; None is never."""
        powered_s, wall_s = self._expires_powered_s, self._expires_wall_s
        return (None if powered_s == NEVER_S else powered_s), (None if wall_s == NEVER_S else wall_s)

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

    def lock(self, segment: Segment) -> tuple[LostRange, ...]:
        """The key of a segment is not here: none of it will arrive in this boot, and all of it is owed as `no_key`.

        The file stays, for a key may come back at another start, until its room is needed: it goes before others.
        """
        indexes = segment.lock()
        keys = [segment.key(index) for index in indexes]
        self._pending -= len(indexes)
        self._pending_bytes -= sum(map(segment.length, indexes))
        for key in keys:
            self._leased.pop(key, None)
            self.owed.carrier_lost(key)
        return self.owed.add(keys, "no_key")

    def withdraw(self, purposes: Purpose) -> tuple[tuple[LostRange, ...], frozenset[EnvelopeKey]]:
        """Doom every segment whose records need consent to one of these, or may, also what is in flight.

        What was to arrive of them is owed as `consent`. Returned are those, and what was in flight: no lease any more.
        """
        gone: list[EnvelopeKey] = []
        for segment in [segment for segment in self._streams.segments() if segment.name.stream.concerns(purposes)]:
            segment.closed = True
            gone += self._give_up(segment, segment.unsettled())
            self._doom(segment)
        in_flight = frozenset(key for key in gone if self._leased.pop(key, None))
        return self.owed.add(gone, "consent"), in_flight

    def give_back(self, key: EnvelopeKey) -> None:
        """A leased record is to be offered again."""
        lease = self.in_flight(key)
        del self._leased[key]
        self._streams[lease.segment.name.stream].give_back(lease.segment, lease.index)
        self._expect(lease.segment)

    def sweep(self) -> tuple[Segment, ...]:
        """Every segment whose file may go once the state that `marks` and `owed` give now is durable."""
        for segment in tuple(self._streams.segments()):
            if segment.dead:
                self._doom(segment)
        return tuple(self._doomed)

    @property
    def shrunk(self) -> tuple[Segment, ...]:
        """Thinned segments whose file is to hold what is not settled of them, and nothing else, on the same terms."""
        return tuple(self._shrunk)

    def rewritten(self, segment: Segment) -> None:
        """The file of a shrunk segment holds its unsettled records alone."""
        del self._shrunk[segment]
        segment.rewritten(segment.unsettled())

    @property
    def doomed(self) -> bool:
        """Whether evicted, dead or thinned segments wait for their file to go, or to get shorter."""
        return bool(self._doomed or self._shrunk)

    def buried(self, segment: Segment) -> None:
        """The file of a doomed segment is gone."""
        self._doomed.remove(segment)

    def _add(self, segment: Segment, seq: int, start: int, end: int, lifetime: Lifetime) -> None:
        segment.add(seq, start, end, lifetime)
        self._expect(segment)
        self._pending += 1
        self._pending_bytes += end - start

    def _expect(self, segment: Segment) -> None:
        self._expires_powered_s = min(self._expires_powered_s, segment.expires_powered_s)
        self._expires_wall_s = min(self._expires_wall_s, segment.expires_wall_s)

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
        theirs = self.total_bytes + sum(segment.size for segment in self._doomed) + sum(self._shrunk.values())
        return min(self._budget_bytes, theirs + spare_bytes)

    def _has_room(self, priority: int, need: int, budget_bytes: int) -> bool:
        """Whether `need` more bytes fit, or can be made to."""
        short = self.total_bytes + need - budget_bytes
        return short <= 0 or short <= sum(
            segment.size for segment in self._streams.segments() if _may_go(segment, priority)
        )

    def _make_room(self, priority: int, need: int, budget_bytes: int, rules_of: RulesOf | None) -> list[LostRange]:
        """Let `need` more bytes in, for which there is room; what is lost by it."""
        lost: list[LostRange] = []
        going = self._going(priority, rules_of)
        while self.total_bytes + need > budget_bytes:
            lost += next(going)
        return lost

    def _going(self, priority: int, rules_of: RulesOf | None) -> Iterator[tuple[LostRange, ...]]:
        """Give up one segment after another, or a part of it; what is lost by each."""
        for segment in [segment for segment in self._streams.segments() if not segment.needed]:
            yield self._evict(segment)
        for streams in self._streams.last_first(priority):
            if rules_of is not None:
                for segment in [segment for segment in by_age(streams) if self._can_thin(segment)]:
                    stream = self._streams[segment.name.stream]
                    yield self._thin(segment, stream.thin(segment, rules_of(segment)))
            for segment in [segment for segment in by_age(streams) if not segment.leased]:
                yield self._evict(segment)

    def _can_thin(self, segment: Segment) -> bool:
        # One that is larger was not begun by this cap; there would be no room for it beside itself.
        fits = segment.size <= self._segment_bytes
        return segment.closed and segment.can_thin and fits and not segment.leased

    def _thin(self, segment: Segment, given_up: Iterable[int]) -> tuple[LostRange, ...]:
        gone = self._give_up(segment, given_up)
        if not segment.needed:
            self._doom(segment)
        elif gone:
            size = FILE_HEADER_SIZE + sum(segment.length(index) for index in segment.unsettled())
            self._shrunk[segment], segment.size = segment.size - size, size
        return self.owed.add(gone, "thinned")

    def _evict(self, segment: Segment) -> tuple[LostRange, ...]:
        segment.closed = True
        gone = self._give_up(segment, segment.unsettled())
        self._doom(segment)
        return self.owed.add(gone, "cap")

    def _give_up(self, segment: Segment, indexes: Iterable[int]) -> list[EnvelopeKey]:
        """Records that will not arrive; they are to be owed, and what they were to tell is owed again."""
        gone = []
        for index in indexes:
            self._settle(segment, index)
            gone.append(segment.key(index))
            self.owed.carrier_lost(gone[-1])
        if gone:
            self._streams[segment.name.stream].advance()
        return gone

    def _doom(self, segment: Segment) -> None:
        """Its file is to go."""
        self._streams[segment.name.stream].advance()
        self._streams[segment.name.stream].segments.remove(segment)
        segment.size += self._shrunk.pop(segment, 0)
        self._doomed.append(segment)

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


def _may_go(segment: Segment, priority: int) -> bool:
    """Whether a segment may be deleted for a record of a priority."""
    return not segment.needed or (segment.name.stream.priority >= priority and not segment.leased)

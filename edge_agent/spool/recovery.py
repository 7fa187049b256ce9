"""What the bytes found at a start mean: what is kept, what is lost, where this boot's number begins. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from edge_agent.records import BootInfo, EnvelopeKey
from edge_agent.spool.framing import FILE_HEADER_SIZE, Framed, Gap
from edge_agent.spool.skimming import Run
from edge_agent.spool.state import NewerState, SpoolState, StreamMarks

_MOST_UNNOTED = 10_000
"""segments begun since the state was written, at most"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One segment, judged."""

    records: Sequence[Framed]
    damaged_bytes: int
    """that lie before a valid record"""
    tail_bytes: int
    """that follow the last valid record"""
    behind_lost: bool = False
    """what should lie before its first record does not, and no bytes are left of it"""


@dataclass(frozen=True, slots=True)
class Damage:
    """What a start found wrong on the disk, beside the batches that are owed by name."""

    segments: int = 0
    """in which something could not be read"""
    damaged_bytes: int = 0
    missing_segments: int = 0
    unreadable_segments: int = 0
    """that the disk would not open"""


class StreamRecovery:
    """Judges the segments of one stream, in order. `lost` names what is missing, as far as it can be named."""

    def __init__(self, marks: StreamMarks) -> None:
        self._marks = marks
        self._last: EnvelopeKey | None = None
        self._gaps: list[Gap] = []
        self._gaps_of_earlier_segments = 0
        self._follows = False
        self.lost: set[EnvelopeKey] = set()

    def take(self, items: Iterable[Framed | Gap], *, follows: bool = False) -> Finding:
        """The next segment's records and gaps.

        `follows`: what its first record's link names ought to be the record before, as nothing was taken out between.
        """
        if not isinstance(items, Run) or not items or (self._last is not None and items[0].key <= self._last):
            return self._take(items, follows=follows)
        # Without gaps and growing: what holds of the first holds of all.
        finding = self._take(items[:1], follows=follows)
        self._last = items[-1].key
        return replace(finding, records=items)

    def _take(self, items: Iterable[Framed | Gap], *, follows: bool) -> Finding:
        self._follows, behind_lost, lost_before = follows, False, len(self.lost)
        records: list[Framed] = []
        damaged = tail = 0
        self._gaps_of_earlier_segments = len(self._gaps)
        for item in items:
            if isinstance(item, Gap):
                tail += item.end - item.start
                self._gaps.append(item)
            elif (self._last is None or item.key > self._last) and not _of_another_boot(item, records):
                without_gaps = not self._gaps
                self._miss_ends_before(item.key)
                if self._gaps or self._follows:
                    self._blame_gaps_before(item)
                behind_lost |= without_gaps and len(self.lost) > lost_before
                records.append(item)
                damaged, tail = damaged + tail, 0
                self._last = item.key
            else:  # a repeat of an append that failed and was tried again, or a stale block of another segment
                tail += item.end - item.start
        return Finding(tuple(records), damaged, tail, behind_lost)

    def finish(self) -> bool:
        """After the last segment: True where what is unreadable at the end was committed, False for a torn tail."""
        held = self._marks.held
        known_later = held is not None and (self._last is None or held > self._last)
        if held is not None and known_later:
            self._miss_ends_before(held)
            self._lose(held)
        certain = len(self._gaps) if known_later else self._gaps_of_earlier_segments
        self._lose_named(self._gaps[:certain])
        return known_later or certain > 0

    def _miss_ends_before(self, key: EnvelopeKey) -> None:
        """Where another boot begins, what is known to have been the last of those before it should have come."""
        if self._last is None or self._last.boot != key.boot:
            for end in self._marks.ends:
                if (self._last is None or self._last < end) and end < key:
                    self._lose(end)

    def _blame_gaps_before(self, record: Framed) -> None:
        # A file header alone holds no record, so its damage says nothing about the record before.
        doubtful = self._follows or any(gap.end > FILE_HEADER_SIZE for gap in self._gaps)
        self._follows = False
        if doubtful and record.previous_seq is not None:
            before = EnvelopeKey(record.key.boot, record.previous_seq)
            if self._last is None or before > self._last:
                self._lose(before)
        self._lose_named(gap for gap in self._gaps if gap.key is None or gap.key < record.key)
        self._gaps.clear()
        self._gaps_of_earlier_segments = 0

    def _lose_named(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            if gap.key is not None and (self._last is None or gap.key > self._last):
                self._lose(gap.key)

    def _lose(self, key: EnvelopeKey) -> None:
        if not self._marks.covers(key):
            self.lost.add(key)


def missing_numbers(marks: StreamMarks, present: Collection[int]) -> tuple[set[int], set[int]]:
    """Numbers of segments that are not there: those that were needed for certain, and those that may have been."""
    needed = {number for first, last in marks.files for number in range(first, last + 1)} - set(present)
    # Bounded: a file's name is no reason to count to 9999999999.
    upper = min(max(present, default=0), (marks.next_number or 0) + _MOST_UNNOTED)
    unnoted = set() if marks.next_number is None else set(range(marks.next_number, upper)) - set(present)
    return needed, unnoted


def _of_another_boot(item: Framed, records: list[Framed]) -> bool:
    return bool(records) and item.key.boot != records[0].key.boot


def next_boot(states: Iterable[SpoolState | NewerState], newest: Iterable[EnvelopeKey]) -> BootInfo:
    """This boot's number: one more than any that a state or the newest record of a segment names."""
    states, newest = list(states), list(newest)
    boots = [state.boot for state in states] + [key.boot for key in newest]
    if not boots:
        return BootInfo(1, None, None)
    previous = max(boots)
    seqs = [state.last_seq for state in states if state.boot == previous and state.last_seq is not None]
    seqs += [key.seq for key in newest if key.boot == previous]
    return BootInfo(previous + 1, previous, max(seqs, default=None))

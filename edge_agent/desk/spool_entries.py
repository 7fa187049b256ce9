"""What lies in the segments of a spool: bytes in, entries out, judged as the agent would at its next start. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from edge_agent.records import Envelope, EnvelopeKey, LostRange
from edge_agent.spool.framing import ENCRYPTED, READABLE, Framed, Lifetime, decode_record, file_version, scan
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.recovery import StreamRecovery, missing_numbers
from edge_agent.spool.state import SpoolState, StreamMarks


class Standing(Enum):
    """What becomes of a batch on disk."""

    WAITING = "waiting"
    SETTLED = "settled"
    """delivered or set aside; its file goes when nothing else in it waits"""
    GIVEN_UP = "given up"
    """not to be sent: it is among the ranges that are told as lost"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One whole record."""

    envelope: Envelope
    lifetime: Lifetime
    encrypted: bool
    standing: Standing
    record_bytes: int
    segment: SegmentName


@dataclass(frozen=True, slots=True)
class SegmentFound:
    """One segment, read."""

    name: SegmentName
    size: int
    version: int | None
    """of its format; None where its header is damaged"""
    entries: tuple[Entry, ...] = ()
    records: Sequence[Framed] = ()
    """where those lie in the file"""

    @property
    def is_known(self) -> bool:
        """False for a segment of a later release's format, which is never read."""
        return self.version is None or self.version in READABLE


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """What is known of a stream only after its last segment."""

    damaged: Mapping[SegmentName, int]
    """bytes that are no whole record, without those of an append that goes on or was cut short"""
    lost: tuple[EnvelopeKey, ...]
    """batches that cannot be read any more, as far as they can be named; the agent's next start tells them"""
    missing: tuple[SegmentName, ...] = ()
    """segments that are noted as needed and are not there"""


class StreamReader:
    """Reads the segments of one stream, in order of their numbers."""

    def __init__(self, stream: StreamName, state: SpoolState, given_up: "GivenUp") -> None:
        self._stream = stream
        self._marks = state.streams.get(stream, StreamMarks(None, None))
        self._recovery = StreamRecovery(self._marks)
        self._given_up = given_up
        self._damaged: Counter[SegmentName] = Counter()
        self._tail: tuple[SegmentName, int] | None = None

    def take(self, name: SegmentName, content: bytes) -> SegmentFound:
        """The next segment."""
        found = SegmentFound(name, len(content), file_version(content))
        if not found.is_known:
            return found
        if self._tail:  # of a segment that grows no more
            self.damage(*self._tail)
        finding = self._recovery.take(scan(content))
        self.damage(name, finding.damaged_bytes)
        self._tail = name, finding.tail_bytes
        entries = (self._entry(name, record, content[record.start : record.end]) for record in finding.records)
        whole = tuple(entry for entry in entries if entry)
        return replace(found, entries=whole, records=finding.records)

    def damage(self, name: SegmentName, damaged_bytes: int) -> None:
        """So much of a segment cannot be read."""
        self._damaged[name] += damaged_bytes

    def ended(self, numbers: Collection[int], *, changed: bool) -> StreamEnd:
        """After the last segment; `numbers` are those of all the stream's files, also of those set aside.

        `changed` where the state on disk is another than the one that was given.
        """
        needed: Iterable[int] = ()
        # What a state says of the newest record and of files holds for these only if neither changed meanwhile.
        if not changed:
            needed, _ = missing_numbers(self._marks, numbers)
            if self._recovery.finish() and self._tail:
                self.damage(*self._tail)
        lost = sorted(key for key in self._recovery.lost if key not in self._given_up)
        missing = (SegmentName(self._stream, number) for number in sorted(needed))
        return StreamEnd(+self._damaged, tuple(lost), tuple(missing))

    def _entry(self, name: SegmentName, record: Framed, data: bytes) -> Entry | None:
        envelope = decode_record(data, self._stream)
        if envelope is None:  # its checksum is right, and yet its fields are not ours
            return None
        encrypted = bool(record.flags & ENCRYPTED)
        return Entry(envelope, record.lifetime, encrypted, self._standing(record.key), len(data), name)

    def _standing(self, key: EnvelopeKey) -> Standing:
        if self._marks.covers(key):
            return Standing.SETTLED
        return Standing.GIVEN_UP if key in self._given_up else Standing.WAITING


class GivenUp:
    """The keys of all ranges that a state owes."""

    def __init__(self, state: SpoolState) -> None:
        told = (one for ranges in state.told.values() for one in ranges)
        self._ranges = _disjoint((one.boot, one.first_seq, one.last_seq) for one in (*state.owed, *told))

    def __contains__(self, key: EnvelopeKey) -> bool:
        at = bisect_right(self._ranges, (key.boot, key.seq + 1)) - 1
        return at >= 0 and self._ranges[at][0] == key.boot and key.seq <= self._ranges[at][2]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which batches somebody means; what is empty selects all."""

    rules: frozenset[str] = field(default_factory=frozenset)
    priorities: frozenset[int] = field(default_factory=frozenset)
    boots: frozenset[int] = field(default_factory=frozenset)

    def takes(self, envelope: Envelope) -> bool:
        """Whether a batch is meant."""
        return (
            (not self.rules or envelope.rule in self.rules)
            and (not self.priorities or envelope.priority in self.priorities)
            and (not self.boots or envelope.key.boot in self.boots)
        )


def ranges_of(keys: Iterable[EnvelopeKey], why: str) -> tuple[LostRange, ...]:
    """Keys as ranges that name nothing else."""
    singles = ((key.boot, key.seq, key.seq) for key in keys)
    return tuple(LostRange(boot, first, last, why) for boot, first, last in _disjoint(singles))


def _disjoint(ranges: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """(boot, first, last) in order, with those that touch made one."""
    joined: list[tuple[int, int, int]] = []
    for boot, first, last in sorted(ranges):
        if joined and joined[-1][0] == boot and first <= joined[-1][2] + 1:
            joined[-1] = boot, joined[-1][1], max(joined[-1][2], last)
        else:
            joined.append((boot, first, last))
    return joined

"""What must outlive the segments: `state.json`, one line, `CRC-32 in hex, a space, JSON`. Pure.

{"version": 1, "boot": 7, "last_seq": 41 or null, "powered_s": 86400,
 "owed": [[boot, first, last, why], ...],
 "told": [[boot, seq, [[boot, first, last, why], ...]], ...],
 "streams": {"3": {"settled": [boot, seq] or null, "held": [boot, seq] or null,
                   "also": [[boot, first, last], ...],
                   "files": [[first number, last number], ...], "next": number,
                   "ends": [[boot, seq], ...]}, ...},
 "unmetered": {"3": as in streams, ...}, "purposes": {"3p8": as in streams, ...},
 "coarse": [[boot, first, last, why], ...]}

The ranges among them that may name batches which are not lost are in `coarse` too.
`owed` are the ranges that no batch on disk names; `told` are batches that are not settled, and the ranges each names.
`unmetered` are the streams whose batches wait for an unmetered link, `purposes` those whose purposes are noted. A file
of an earlier release may lack `told`, `powered_s`, `unmetered`, `purposes`, `coarse`, `files`, `next` and `ends`; an
earlier release passes over those it does not know, which is why these streams are not among the others.

Every version that will ever be is to keep the line, its CRC, and the keys `version`, `boot` and `last_seq`: then a
release that meets a newer one's state can still begin a boot beyond it.
"""

import json
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from edge_agent.records import EnvelopeKey, LostRange, Upload
from edge_agent.spool.naming import StreamName, stream_named

STATE_VERSION = 1


class _Marks(TypedDict):
    settled: list[int] | None
    held: list[int] | None
    also: list[tuple[int, int, int]]
    files: NotRequired[list[tuple[int, int]]]
    next: NotRequired[int | None]
    ends: NotRequired[list[list[int]]]


@dataclass(frozen=True, slots=True)
class StreamMarks:
    """How far one stream has come."""

    settled: EnvelopeKey | None
    """every record up to and including this one is settled"""
    held: EnvelopeKey | None
    """the last record that is not"""
    also: tuple[tuple[int, int, int], ...] = ()
    """(boot, first seq, last seq): records of this stream beyond `settled` that are settled too"""
    files: tuple[tuple[int, int], ...] = ()
    """(first, last) numbers of the segments that are needed, so that one which vanishes is missed"""
    next_number: int | None = None
    """of the next segment; None where an earlier release noted neither"""
    ends: tuple[EnvelopeKey, ...] = ()
    """the last record that is not settled of each boot before that of `held`: no link leads from one boot to another"""

    def covers(self, key: EnvelopeKey) -> bool:
        """Whether a record of this stream is settled."""
        return bool(self.covered(key.boot, np.array([key.seq], np.uint64))[0])

    def covered(self, boot: int, seqs: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which records of this stream and one boot are settled."""
        covered = np.full(len(seqs), self.settled is not None and boot < self.settled.boot)
        if self.settled is not None and boot == self.settled.boot:
            covered |= seqs <= self.settled.seq
        for also_boot, first, last in self.also:
            if also_boot == boot:
                covered |= (first <= seqs) & (seqs <= last)
        return covered

    def needs(self, number: int) -> bool:
        """Whether the segment of this number held records that were needed."""
        return any(first <= number <= last for first, last in self.files)

    def forgot(self, number: int) -> bool:
        """Whether nothing in a segment was needed any more: it was about to be removed."""
        noted = self.next_number is not None and number < self.next_number
        return noted and not any(first <= number <= last for first, last in self.files)


@dataclass(frozen=True, slots=True)
class SpoolState:
    """The state file's content."""

    boot: int
    last_seq: int | None
    """highest sequence this boot had committed when the file was written; segments may know a higher one"""
    owed: tuple[LostRange, ...] = ()
    """named by no batch on disk"""
    told: Mapping[EnvelopeKey, tuple[LostRange, ...]] = field(default_factory=dict)
    """batches that are not settled, and the ranges each names"""
    streams: Mapping[StreamName, StreamMarks] = field(default_factory=dict)
    powered_s: int = 0
    """seconds for which the agent has run on this vehicle, over all boots, when the file was written"""


@dataclass(frozen=True, slots=True)
class NewerState:
    """What can be read of the state that a newer release wrote."""

    version: int
    boot: int
    last_seq: int | None


def encode_state(state: SpoolState) -> bytes:
    """The file's bytes."""
    text = json.dumps(
        {
            "version": STATE_VERSION,
            "boot": state.boot,
            "last_seq": state.last_seq,
            "powered_s": state.powered_s,
            "owed": _lists(state.owed),
            "told": [[carrier.boot, carrier.seq, _lists(ranges)] for carrier, ranges in state.told.items()],
            "coarse": _lists(one for one in _all_ranges(state) if not one.exact),
            "streams": _streams_as_json(state, Upload.ANY),
            "unmetered": _streams_as_json(state, Upload.UNMETERED),
            "purposes": {str(name): _marks_as_json(marks) for name, marks in state.streams.items() if _noted(name)},
        },
        separators=(",", ":"),
    ).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_state(data: bytes) -> SpoolState | NewerState | None:
    """The state, or None where the bytes are damaged."""
    crc, _, text = data.removesuffix(b"\n").partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    document = json.loads(text)
    if document["version"] != STATE_VERSION:
        return NewerState(document["version"], document["boot"], document["last_seq"])
    coarse = {tuple(fields) for fields in document.get("coarse", ())}
    return SpoolState(
        boot=document["boot"],
        last_seq=document["last_seq"],
        owed=_ranges(document["owed"], coarse),
        told={EnvelopeKey(boot, seq): _ranges(lists, coarse) for boot, seq, lists in document.get("told", ())},
        streams={
            **_streams(document["streams"], Upload.ANY),
            **_streams(document.get("unmetered", {}), Upload.UNMETERED),
            **{
                name: _marks(marks)
                for text, marks in document.get("purposes", {}).items()
                if (name := stream_named(text))
            },
        },
        powered_s=document.get("powered_s", 0),
    )


def _streams_as_json(state: SpoolState, upload: Upload) -> dict[str, _Marks]:
    return {
        str(stream.priority): _marks_as_json(marks)
        for stream, marks in state.streams.items()
        if stream.upload is upload and not _noted(stream)
    }


def _noted(stream: StreamName) -> bool:
    return stream.purposes is not None


def _marks_as_json(marks: StreamMarks) -> _Marks:
    return {
        "settled": _pair(marks.settled),
        "held": _pair(marks.held),
        "also": list(marks.also),
        "files": list(marks.files),
        "next": marks.next_number,
        "ends": [[end.boot, end.seq] for end in marks.ends],
    }


def _streams(streams: Mapping[str, _Marks], upload: Upload) -> dict[StreamName, StreamMarks]:
    return {StreamName(int(priority), upload): _marks(marks) for priority, marks in streams.items()}


def _marks(marks: _Marks) -> StreamMarks:
    return StreamMarks(
        _key(marks["settled"]),
        _key(marks["held"]),
        tuple((boot, first, last) for boot, first, last in marks["also"]),
        tuple((first, last) for first, last in marks.get("files", ())),
        marks.get("next"),
        tuple(EnvelopeKey(boot, seq) for boot, seq in marks.get("ends", ())),
    )


def _lists(ranges: Iterable[LostRange]) -> list[list[int | str]]:
    return [[lost.boot, lost.first_seq, lost.last_seq, lost.why] for lost in ranges]


def _ranges(lists: Iterable[tuple[int, int, int, str]], coarse: Container[tuple[object, ...]]) -> tuple[LostRange, ...]:
    return tuple(LostRange(*fields, exact=tuple(fields) not in coarse) for fields in lists)


def _all_ranges(state: SpoolState) -> Iterator[LostRange]:
    yield from state.owed
    for ranges in state.told.values():
        yield from ranges


def _pair(key: EnvelopeKey | None) -> list[int] | None:
    return None if key is None else [key.boot, key.seq]


def _key(pair: list[int] | None) -> EnvelopeKey | None:
    return None if pair is None else EnvelopeKey(*pair)

"""What must outlive the segments: `state.json`, one line, `CRC-32 in hex, a space, JSON`. Pure.

{"version": 1, "boot": 7, "last_seq": 41 or null, "owed": [[boot, first, last, why], ...],
 "told": [[boot, seq, [[boot, first, last, why], ...]], ...],
 "streams": {"3": {"settled": [boot, seq] or null, "held": [boot, seq] or null}, ...}}

`owed` are the ranges that no batch on disk names; `told` are batches that are not settled, and the ranges each names.
A file from before `told` was kept has none.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge_agent.records import EnvelopeKey, LostRange

STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class StreamMarks:
    """How far one priority has come."""

    settled: EnvelopeKey | None
    """every record up to and including this one is settled"""
    held: EnvelopeKey | None
    """the last record that is not"""
    also: tuple[tuple[int, int, int], ...] = ()
    """(boot, first seq, last seq): records of this priority beyond `settled` that are settled too"""

    def covers(self, key: EnvelopeKey) -> bool:
        """Whether a record of this priority is settled."""
        up_to = self.settled is not None and key <= self.settled
        return up_to or any(boot == key.boot and first <= key.seq <= last for boot, first, last in self.also)


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
    streams: Mapping[int, StreamMarks] = field(default_factory=dict)


def encode_state(state: SpoolState) -> bytes:
    """The file's bytes."""
    text = json.dumps(
        {
            "version": STATE_VERSION,
            "boot": state.boot,
            "last_seq": state.last_seq,
            "owed": _lists(state.owed),
            "told": [[carrier.boot, carrier.seq, _lists(ranges)] for carrier, ranges in state.told.items()],
            "streams": {
                str(priority): {
                    "settled": _pair(marks.settled),
                    "held": _pair(marks.held),
                    "also": marks.also,
                }
                for priority, marks in state.streams.items()
            },
        },
        separators=(",", ":"),
    ).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_state(data: bytes) -> SpoolState | None:
    """The state, or None where the bytes are damaged or of another version."""
    crc, _, text = data.removesuffix(b"\n").partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    document = json.loads(text)
    if document["version"] != STATE_VERSION:
        return None
    return SpoolState(
        boot=document["boot"],
        last_seq=document["last_seq"],
        owed=_ranges(document["owed"]),
        told={EnvelopeKey(boot, seq): _ranges(lists) for boot, seq, lists in document.get("told", ())},
        streams={
            int(priority): StreamMarks(
                _key(marks["settled"]),
                _key(marks["held"]),
                tuple((boot, first, last) for boot, first, last in marks["also"]),
            )
            for priority, marks in document["streams"].items()
        },
    )


def _lists(ranges: Iterable[LostRange]) -> list[list[int | str]]:
    return [[lost.boot, lost.first_seq, lost.last_seq, lost.why] for lost in ranges]


def _ranges(lists: Iterable[tuple[int, int, int, str]]) -> tuple[LostRange, ...]:
    return tuple(LostRange(*fields) for fields in lists)


def _pair(key: EnvelopeKey | None) -> list[int] | None:
    return None if key is None else [key.boot, key.seq]


def _key(pair: list[int] | None) -> EnvelopeKey | None:
    return None if pair is None else EnvelopeKey(*pair)

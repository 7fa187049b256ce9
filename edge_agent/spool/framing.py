r"""How envelopes lie on disk, byte by byte. Pure: bytes in, bytes out.

The folder (mode 0700; every file in it 0600):

    lock                     held with flock(2) by the one process that owns the folder
    state.json               what must outlive the segments, see `state.py`
    opened.json              a copy of state.json as it was at the last open, should that one be damaged
    reserve                  64 KiB given up when the disk is full, so that state.json can still be written
    S-NNNNNNNNNN.seg         a segment: records of one stream S and one boot, NNNNNNNNNN counts up. S is the priority
                             (0..9), with a `u` behind it where the records wait for an unmetered link: `3`, `3u`;
                             and on a vehicle whose driver is asked with a `p` and a hexadecimal digit behind that,
                             the purposes to which the records need consent: 1 calendar, 2 trips, 4 location,
                             8 cloud_telemetry, their sum, or 0: `3p0`, `3up8`
    S-NNNNNNNNNN.seg.vV      a segment of a newer format V: set aside, never read, deleted by a withdrawal alone
    S-NNNNNNNNNN.seg.unreadable   a segment the disk would not read: set aside
    refused/BOOT-SEQ.seg     one envelope that the far end will never take, laid out as a segment
    damaged/BOOT-S-NNNNNNNNNN.seg   a copy of a segment as it was found damaged; bounded, the oldest go
    state.json.vV.bootB      what a newer release noted, of version V and boot B: never read again, never deleted

A segment is a file header and records, nothing between them. Integers are little-endian, CRCs are CRC-32 (zlib).

    file header, 16 bytes                         record header, 56 bytes
     0  8  magic "EdgSpool"                        0  4  mark A9 52 65 32
     8  2  format version, 2                       4  4  CRC of bytes 8..55
    10  1  priority                                8  4  boot
    11  1  bit 0: the records wait for an         12  4  m, length of meta
           unmetered link; bit 1: it was          16  4  p, length of payload
           rewritten without some of them;        20  4  CRC of meta and payload
           bit 2: the purposes are noted,
           in bits 3..6 as in its name
    12  4  CRC of bytes 0..11                     24  8  seq
                                                  32  8  seq + 1 of the record before it in this stream and
                                                         boot, 0 where there is none
                                                  40  4  powered-on seconds when it was appended
                                                  44  4  powered-on seconds after which it expires, 0 is never
                                                  48  4  wall time, seconds since 1970, after which it expires,
                                                         0 is never
                                                  52  2  before its stream is evicted every so many-th stays, once
                                                  54  2  flags: bit 0, the payload is encrypted
    then m bytes of meta: a JSON array [lane, rule, schema, content type, content encoding], UTF-8
    then p bytes of payload

Powered-on seconds count the time this vehicle's agent has run, over all boots (`powered_s` of state.json).

Version 1 is read as it is, never written: its records have the mark A9 52 65 63, a header of bytes 0..39 alone
(the CRC is of 8..39), never expire and are not thinned; byte 11 of its file header is zero. The mark tells a record's
version, so records of both may follow each other, as they do in a segment that was begun by version 1 and mended since.

Where bit 2 is not set nobody noted the purposes: such a segment was begun while nobody was asked, or by an earlier
release, and a withdrawal of any purpose wipes it. An earlier release passes over the files with a `p`: they lie there,
and count neither as pending nor against the cap, until a release that knows them is back.

Invariants
    1. Within a stream, keys (boot, seq) grow from record to record and from segment to segment.
    2. Only the last segment of a stream grows; every start of the agent begins new ones. Bytes once committed
       (fdatasync of the segment, and fsync of the folder after it was created) are never written again.
    3. A segment is unlinked only after a state.json that no longer needs it is durable: all of it settled, or what
       was not is in the owed ranges.
    4. What is withdrawn goes by rule 3 too, as whole streams: no segment, no file in refused/ or damaged/, and none
       that was set aside holds it from then on. Nothing is overwritten in place, which proves nothing on flash: a
       controller writes to other cells and keeps the old ones until it erases them. Against whoever takes the chip
       out, payloads can be encrypted (`at_rest.py`).

Recovery goes through the segments of each stream, in order (`inspection.py`, `recovery.py`). It reads the headers of
records alone, and wholly, with every CRC, the last segment, one whose headers do not lead to its end, and one that an
append failed in. A body that was not read is checked when it is leased.
    - Bytes at the end of a stream's last segment that are no whole record are what a power cut leaves of an append
      that had not returned: they are cut off. Not so where state.json knows of a later record: that is damage.
    - Anywhere else they are damage. The header's own CRC lets a record with a broken body be named and stepped over;
      from a broken header on the next mark with a valid header is looked for, and its link backwards names the record
      before it. The names go into the owed ranges, a copy of the segment as it was found into damaged/, and the
      segment is rewritten without the damage.
    - A segment that state.json says was needed and that is gone or empty, or whose end is missing by the link of the
      next one, or by what state.json knows of the last record of its boot, is damage likewise: what can be named is
      owed, the rest is told in an event. Not noticed, where state.json is lost too, is the loss of whole records at
      the end of an earlier boot's last segment: its next has no link to it.
    - A valid record behind a hole is kept even if its append had not returned: keeping more than was promised is
      allowed, a repeat of a key is not and is skipped.
    - What a newer release left stays: its segments with the suffix .vV, its state as state.json.vV.bootB. What of it
      can be read is delivered, maybe for the second time, and the boot goes beyond all that can be made out.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from edge_agent.records import Envelope, EnvelopeKey, Lane, Purpose, Upload
from edge_agent.spool.naming import StreamName

FORMAT_VERSION = 2
READABLE = (1, FORMAT_VERSION)
MAGIC = b"EdgSpool"
MARK = b"\xa9Re2"
MARK_1 = b"\xa9Rec"

ENCRYPTED = 1
"""bit of a record's flags"""

_REWRITTEN, _PURPOSES_NOTED, _PURPOSES_AT = 2, 4, 3
_FILE_HEADER = struct.Struct("<8sHBB")
_RECORD_HEADER_1 = struct.Struct("<IIIIQQ")
_RECORD_HEADER = struct.Struct("<IIIIQQIIIHH")
_LAYOUTS = {MARK: _RECORD_HEADER, MARK_1: _RECORD_HEADER_1}
_CRC = struct.Struct("<I")
_FIELDS_AT = len(MARK) + _CRC.size
_MARK_BEGINS = MARK[:3]
FILE_HEADER_SIZE = _FILE_HEADER.size + _CRC.size
RECORD_HEADER_1_SIZE = _FIELDS_AT + _RECORD_HEADER_1.size
RECORD_HEADER_SIZE = _FIELDS_AT + _RECORD_HEADER.size
_U16, _U32 = 0xFFFF, 0xFFFF_FFFF
_AT_ONCE_BYTES = 16 * 1024
"""For less than this a copy costs less than another system call."""


class Lifetime(NamedTuple):
    """Since when a record is kept, and what may become of it while it cannot be delivered."""

    powered_s: int = 0
    """powered-on seconds when it was appended"""
    expires_powered_s: int = 0
    """powered-on seconds after which it is given up; 0 is never"""
    expires_wall_s: int = 0
    """wall time in seconds since 1970 after which it is given up; 0 is never"""
    thin: int = 1
    """before its stream is evicted every `thin`-th stays, once; 1 is all"""


FOREVER = Lifetime()
"""Of a record of version 1."""


class Framed(NamedTuple):
    """A valid record, and where it lies."""

    key: EnvelopeKey
    previous_seq: int | None
    """of the record before it in the same stream and boot"""
    start: int
    end: int
    lifetime: Lifetime = FOREVER
    flags: int = 0


class Halves(NamedTuple):
    """One record as it is read to be sent: cut out of the whole, a payload of 200 KB would be copied."""

    head: bytes
    """header and meta"""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are no valid record; `key` where the header could still be read."""

    start: int
    end: int
    key: EnvelopeKey | None = None


def file_header(stream: StreamName, *, rewritten: bool = False) -> bytes:
    """The first bytes of a segment; `rewritten` where records were taken out of it, and told where that was a loss."""
    flags = (stream.upload is Upload.UNMETERED) | (_REWRITTEN if rewritten else 0)
    if stream.purposes is not None:
        flags |= _PURPOSES_NOTED | stream.purposes << _PURPOSES_AT
    fields = _FILE_HEADER.pack(MAGIC, FORMAT_VERSION, stream.priority, flags)
    return fields + _CRC.pack(zlib.crc32(fields))


def file_version(data: bytes) -> int | None:
    """Format version of a segment, or None where its header is damaged or missing."""
    if len(data) < FILE_HEADER_SIZE:
        return None
    fields = data[: _FILE_HEADER.size]
    magic, version, _priority, _unmetered = _FILE_HEADER.unpack(fields)
    (crc,) = _CRC.unpack_from(data, _FILE_HEADER.size)
    return int(version) if magic == MAGIC and crc == zlib.crc32(fields) else None


def is_rewritten(data: bytes) -> bool:
    """Whether records were taken out of a segment, so that the next one's link backwards may lead nowhere."""
    return file_version(data) is not None and bool(data[_FILE_HEADER.size - 1] & _REWRITTEN)


def stream_in(data: bytes) -> StreamName | None:
    """The stream that a segment's header names; None where that is damaged or missing."""
    if file_version(data) is None:
        return None
    priority, flags = data[_FILE_HEADER.size - 2 : _FILE_HEADER.size]
    purposes = Purpose(flags >> _PURPOSES_AT & 0xF) if flags & _PURPOSES_NOTED else None
    return StreamName(priority, Upload.UNMETERED if flags & 1 else Upload.ANY, purposes)


def lifetime_of(envelope: Envelope, powered_s: int) -> Lifetime:
    """What the envelope's retention means for a record that is appended now."""
    keep, closed_s = envelope.retention, envelope.closed_ns // 1_000_000_000
    return Lifetime(
        powered_s=min(powered_s, _U32),
        expires_powered_s=min(powered_s + keep.powered_s, _U32) if keep.powered_s else 0,
        expires_wall_s=min(closed_s + keep.wall_s, _U32) if keep.wall_s and envelope.closed_ns else 0,
        thin=min(keep.thin, _U16),
    )


def record_length(envelope: Envelope) -> int:
    """Bytes that `encode_record` will return."""
    return RECORD_HEADER_SIZE + len(_meta(envelope)) + len(envelope.payload)


def encode_record(envelope: Envelope, previous_seq: int | None, lifetime: Lifetime = FOREVER, flags: int = 0) -> bytes:
    """One record, header and body."""
    meta = _meta(envelope)
    fields = _RECORD_HEADER.pack(
        envelope.key.boot,
        len(meta),
        len(envelope.payload),
        zlib.crc32(envelope.payload, zlib.crc32(meta)),
        envelope.key.seq,
        0 if previous_seq is None else previous_seq + 1,
        lifetime.powered_s,
        lifetime.expires_powered_s,
        lifetime.expires_wall_s,
        lifetime.thin,
        flags,
    )
    return b"".join((MARK, _CRC.pack(zlib.crc32(fields)), fields, meta, envelope.payload))


def read_record(read: Callable[[int, int], bytes], start: int, end: int) -> Halves:
    """What lies between, in two reads where the payload is large; shorter where `read(start, end)` gives less.

    Whatever that is: the halves behind each other are the bytes as they lie there.
    """
    first = read(start, min(end, start + _AT_ONCE_BYTES))
    at = min(_payload_at(first), end - start)
    if len(first) == end - start:
        return Halves(first[:at], first[at:])
    return Halves(first[:at] if at <= len(first) else read(start, start + at), read(start + at, end))


def decode_record(data: bytes, stream: StreamName) -> Envelope | None:
    """`decode_halves` of one whole record."""
    at = _payload_at(data)
    return decode_halves(Halves(data[:at], data[at:]), stream)


def decode_halves(record: Halves, stream: StreamName) -> Envelope | None:
    """The envelope of a record, or None where it is damaged. Retention and times stay with the record."""
    head, payload = record
    header = _header_at(head, 0)
    if header is None or (len(head), len(payload)) != (header.size + header.meta_length, header.payload_length):
        return None
    meta = head[header.size :]
    if header.body_crc != zlib.crc32(payload, zlib.crc32(meta)):
        return None
    lane, rule, schema, content_type, content_encoding = json.loads(meta)
    return Envelope(
        EnvelopeKey(header.boot, header.seq),
        stream.priority,
        Lane(lane),
        rule,
        schema,
        content_type,
        content_encoding,
        payload,
        upload=stream.upload,
        purposes=stream.purposes,
    )


def is_encrypted(data: bytes) -> bool:
    """Whether the payload of a record that could be decoded is encrypted, see `at_rest.py`; its head will do."""
    header = _header_at(data, 0)
    return header is not None and bool(header.flags & ENCRYPTED)


def scan(data: bytes) -> Iterator[Framed | Gap]:
    """Every record of a segment, and every gap between them, in order and without overlap."""
    at = 0 if file_version(data) is None else FILE_HEADER_SIZE
    while at < len(data):
        item = _item_at(data, at) or Gap(at, _next_header(data, at + 1))
        yield item
        at = item.end


class _Header(NamedTuple):
    """A record's header, whose own CRC is right."""

    size: int
    boot: int
    meta_length: int
    payload_length: int
    body_crc: int
    seq: int
    link: int
    lifetime: Lifetime
    flags: int


def _meta(envelope: Envelope) -> bytes:
    fields = [envelope.lane.value, envelope.rule, envelope.schema, envelope.content_type, envelope.content_encoding]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _header_at(data: bytes, at: int) -> _Header | None:
    layout = _LAYOUTS.get(data[at : at + len(MARK)])
    if layout is None or at + _FIELDS_AT + layout.size > len(data):
        return None
    size = _FIELDS_AT + layout.size
    (crc,) = _CRC.unpack_from(data, at + len(MARK))
    if crc != zlib.crc32(data[at + _FIELDS_AT : at + size]):
        return None
    boot, meta_length, payload_length, body_crc, seq, link, *rest = layout.unpack_from(data, at + _FIELDS_AT)
    lifetime, flags = (Lifetime(*rest[:4]), rest[4]) if rest else (FOREVER, 0)
    return _Header(size, boot, meta_length, payload_length, body_crc, seq, link, lifetime, flags)


def _payload_at(record: bytes) -> int:
    """Where the payload begins; the end of what there is where the header cannot tell."""
    header = _header_at(record, 0)
    return len(record) if header is None else header.size + header.meta_length


def _framed(header: _Header, at: int) -> Framed:
    end = at + header.size + header.meta_length + header.payload_length
    key, previous_seq = EnvelopeKey(header.boot, header.seq), header.link - 1 if header.link else None
    return Framed(key, previous_seq, at, end, header.lifetime, header.flags)


def _item_at(data: bytes, at: int) -> Framed | Gap | None:
    header = _header_at(data, at)
    if header is None:
        return None
    record = _framed(header, at)
    if record.end > len(data) or header.body_crc != zlib.crc32(memoryview(data)[at + header.size : record.end]):
        return Gap(at, min(record.end, len(data)), record.key)
    return record


def _next_header(data: bytes, at: int) -> int:
    while (at := data.find(_MARK_BEGINS, at)) >= 0:
        if _header_at(data, at) is not None:
            return at
        at += 1
    return len(data)

r"""How envelopes lie on disk, byte by byte. Pure: bytes in, bytes out.

The folder (mode 0700; every file in it 0600):

    lock                     held with flock(2) by the one process that owns the folder
    state.json               what must outlive the segments, see `state.py`
    opened.json              a copy of state.json as it was at the last open, should that one be damaged
    reserve                  64 KiB given up when the disk is full, so that state.json can still be written
    P-NNNNNNNNNN.seg         a segment: records of one priority P (0..9) and one boot, NNNNNNNNNN counts up
    P-NNNNNNNNNN.seg.vV      a segment of a newer format V: set aside, never read, never deleted
    P-NNNNNNNNNN.seg.unreadable   a segment the disk would not read: set aside
    refused/BOOT-SEQ.seg     one envelope that the far end will never take, laid out as a segment

A segment is a file header and records, nothing between them. Integers are little-endian, CRCs are CRC-32 (zlib).

    file header, 16 bytes                         record header, 40 bytes
     0  8  magic "EdgSpool"                        0  4  mark A9 52 65 63
     8  2  format version, 1                       4  4  CRC of bytes 8..39
    10  1  priority                                8  4  boot
    11  1  zero                                   12  4  m, length of meta
    12  4  CRC of bytes 0..11                     16  4  p, length of payload
                                                  20  4  CRC of meta and payload
                                                  24  8  seq
                                                  32  8  seq + 1 of the record before it in this priority and
                                                         boot, 0 where there is none
    then m bytes of meta: a JSON array [lane, rule, schema, content type, content encoding], UTF-8
    then p bytes of payload

Invariants
    1. Within a priority, keys (boot, seq) grow from record to record and from segment to segment.
    2. Only the last segment of a priority grows; every start of the agent begins new ones. Bytes once committed
       (fdatasync of the segment, and fsync of the folder after it was created) are never written again.
    3. A segment is unlinked only after a state.json that no longer needs it is durable: all of it settled, or what
       was not is in the owed ranges.

Recovery reads every segment once, in order, and checks every CRC.
    - Bytes at the end of a priority's last segment that are no whole record are what a power cut leaves of an append
      that had not returned: they are cut off. Not so where state.json knows of a later record: that is damage.
    - Anywhere else they are damage. The header's own CRC lets a record with a broken body be named and stepped over;
      from a broken header on the next mark with a valid header is looked for, and its link backwards names the record
      before it. The names go into the owed ranges, the segment is rewritten without the damage.
    - A valid record behind a hole is kept even if its append had not returned: keeping more than was promised is
      allowed, a repeat of a key is not and is skipped.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.records import Envelope, EnvelopeKey, Lane

FORMAT_VERSION = 1
MAGIC = b"EdgSpool"
MARK = b"\xa9Rec"

_FILE_HEADER = struct.Struct("<8sHBx")
_RECORD_HEADER = struct.Struct("<IIIIQQ")
_CRC = struct.Struct("<I")
FILE_HEADER_SIZE = _FILE_HEADER.size + _CRC.size
RECORD_HEADER_SIZE = len(MARK) + _CRC.size + _RECORD_HEADER.size


@dataclass(frozen=True, slots=True)
class Framed:
    """A valid record, and where it lies."""

    key: EnvelopeKey
    previous_seq: int | None
    """of the record before it in the same priority and boot"""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are no valid record; `key` where the header could still be read."""

    start: int
    end: int
    key: EnvelopeKey | None = None


def file_header(priority: int) -> bytes:
    """The first bytes of a segment."""
    fields = _FILE_HEADER.pack(MAGIC, FORMAT_VERSION, priority)
    return fields + _CRC.pack(zlib.crc32(fields))


def file_version(data: bytes) -> int | None:
    """Format version of a segment, or None where its header is damaged or missing."""
    if len(data) < FILE_HEADER_SIZE:
        return None
    fields = data[: _FILE_HEADER.size]
    magic, version, _priority = _FILE_HEADER.unpack(fields)
    (crc,) = _CRC.unpack_from(data, _FILE_HEADER.size)
    return int(version) if magic == MAGIC and crc == zlib.crc32(fields) else None


def record_length(envelope: Envelope) -> int:
    """Bytes that `encode_record` will return."""
    return RECORD_HEADER_SIZE + len(_meta(envelope)) + len(envelope.payload)


def encode_record(envelope: Envelope, previous_seq: int | None) -> bytes:
    """One record, header and body."""
    meta = _meta(envelope)
    fields = _RECORD_HEADER.pack(
        envelope.key.boot,
        len(meta),
        len(envelope.payload),
        zlib.crc32(envelope.payload, zlib.crc32(meta)),
        envelope.key.seq,
        0 if previous_seq is None else previous_seq + 1,
    )
    return b"".join((MARK, _CRC.pack(zlib.crc32(fields)), fields, meta, envelope.payload))


def decode_record(data: bytes, priority: int) -> Envelope | None:
    """The envelope of one whole record, or None where it is damaged."""
    item = _item_at(data, 0)
    if not isinstance(item, Framed) or item.end != len(data):
        return None
    _boot, meta_length, *_rest = _RECORD_HEADER.unpack_from(data, len(MARK) + _CRC.size)
    body = RECORD_HEADER_SIZE + meta_length
    lane, rule, schema, content_type, content_encoding = json.loads(data[RECORD_HEADER_SIZE:body])
    return Envelope(item.key, priority, Lane(lane), rule, schema, content_type, content_encoding, data[body:])


def scan(data: bytes) -> Iterator[Framed | Gap]:
    """Every record of a segment of this format, and every gap between them, in order and without overlap."""
    at = 0 if file_version(data) is None else FILE_HEADER_SIZE
    while at < len(data):
        item = _item_at(data, at) or Gap(at, _next_header(data, at + 1))
        yield item
        at = item.end


def _meta(envelope: Envelope) -> bytes:
    fields = [envelope.lane.value, envelope.rule, envelope.schema, envelope.content_type, envelope.content_encoding]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _header_at(data: bytes, at: int) -> tuple[int, int, int, int, int, int] | None:
    if data[at : at + len(MARK)] != MARK or at + RECORD_HEADER_SIZE > len(data):
        return None
    fields_at = at + len(MARK) + _CRC.size
    (crc,) = _CRC.unpack_from(data, at + len(MARK))
    if crc != zlib.crc32(data[fields_at : at + RECORD_HEADER_SIZE]):
        return None
    boot, meta_length, payload_length, body_crc, seq, link = _RECORD_HEADER.unpack_from(data, fields_at)
    return boot, meta_length, payload_length, body_crc, seq, link


def _item_at(data: bytes, at: int) -> Framed | Gap | None:
    header = _header_at(data, at)
    if header is None:
        return None
    boot, meta_length, payload_length, body_crc, seq, link = header
    key, body = EnvelopeKey(boot, seq), at + RECORD_HEADER_SIZE
    end = body + meta_length + payload_length
    if end > len(data) or body_crc != zlib.crc32(memoryview(data)[body:end]):
        return Gap(at, min(end, len(data)), key)
    return Framed(key, link - 1 if link else None, at, end)


def _next_header(data: bytes, at: int) -> int:
    while (at := data.find(MARK, at)) >= 0:
        if _header_at(data, at) is not None:
            return at
        at += 1
    return len(data)

"""The records of a whole segment by their headers alone, as columns. Pure.

A start goes through a backlog of a gigabyte, up to a million records, before the agent is ready: a step of Python for
each header is what its CRC costs, and no object is made of one.
"""

import struct
import zlib
from array import array
from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from edge_agent.records import EnvelopeKey
from edge_agent.spool.framing import (
    FILE_HEADER_SIZE,
    FOREVER,
    MARK,
    MARK_1,
    READABLE,
    RECORD_HEADER_1_SIZE,
    RECORD_HEADER_SIZE,
    Framed,
    Lifetime,
    file_version,
)

_WINDOW_BYTES = 4096
"""read at once: of small records it holds several headers, of large ones the page is read from the disk anyway"""
_SIZES = {MARK: RECORD_HEADER_SIZE, MARK_1: RECORD_HEADER_1_SIZE}
_REST_OF_VERSION_1 = bytes(RECORD_HEADER_1_SIZE) + struct.pack("<IIIHH", *FOREVER, 0)
_CRC = struct.Struct("<4xI")
_LENGTHS = struct.Struct("<12xII")

_KEPT = [
    ("boot", "<u4"),
    ("seq", "<u8"),
    ("link", "<u8"),
    ("powered_s", "<u4"),
    ("expires_powered_s", "<u4"),
    ("expires_wall_s", "<u4"),
    ("thin", "<u2"),
    ("flags", "<u2"),
]
_ROW = np.dtype([*_KEPT, ("start", "<u8"), ("end", "<u8")])
_HEADER = np.dtype([("before", "V8"), _KEPT[0], ("lengths", "V12"), *_KEPT[1:]])


class Run(Sequence[Framed]):
    """Records of one segment and one boot whose keys grow. `columns` has a row a record, as `Framed` names things.

    Its `link` is `previous_seq` + 1, or 0 where there is none.
    """

    def __init__(self, columns: NDArray[np.void]) -> None:
        self.columns = columns

    @classmethod
    def of(cls, records: Sequence[Framed]) -> "Run":
        """The same records."""
        if isinstance(records, Run):
            return records
        rows = [
            (one.key.boot, one.key.seq, _link(one), *one.lifetime, one.flags, one.start, one.end) for one in records
        ]
        return cls(np.array(rows, _ROW))

    def __len__(self) -> int:
        return len(self.columns)

    @overload
    def __getitem__(self, index: int) -> Framed: ...
    @overload
    def __getitem__(self, index: slice) -> "Run": ...
    def __getitem__(self, index: int | slice) -> "Framed | Run":
        if isinstance(index, slice):
            return Run(self.columns[index])
        boot, seq, link, *lifetime, flags, start, end = self.columns[index].item()
        return Framed(EnvelopeKey(boot, seq), link - 1 if link else None, start, end, Lifetime(*lifetime), flags)


def skim(read: Callable[[int, int], bytes], size: int) -> Run | None:
    """The records of a segment, or None where it is not whole, or its keys do not grow: then `scan` it.

    `read(at, size)` gives a piece of the segment, less at its end. Whether a body is what it was, only `decode_record`
    will tell.
    """
    if file_version(read(0, FILE_HEADER_SIZE)) not in READABLE:
        return None
    headers, starts = bytearray(), array("Q")
    window, window_at, at = b"", 0, FILE_HEADER_SIZE
    while at < size:
        if at + RECORD_HEADER_SIZE > window_at + len(window):
            window, window_at = read(at, _WINDOW_BYTES), at
        found = window[at - window_at : at - window_at + RECORD_HEADER_SIZE]
        length = _SIZES.get(found[:4], 0)
        if not length or len(found) < length or _CRC.unpack_from(found)[0] != zlib.crc32(found[8:length]):
            return None
        headers += found if length == RECORD_HEADER_SIZE else found[:length] + _REST_OF_VERSION_1[length:]
        starts.append(at)
        meta_length, payload_length = _LENGTHS.unpack_from(found)
        at += length + meta_length + payload_length
    run = _run(headers, starts, at)
    return run if at == size and _grows(run) else None


def _link(record: Framed) -> int:
    return 0 if record.previous_seq is None else record.previous_seq + 1


def _run(headers: bytearray, starts: "array[int]", end: int) -> Run:
    fields = np.frombuffer(headers, _HEADER)
    rows = np.empty(len(starts), _ROW)
    for name, _ in _KEPT:
        rows[name] = fields[name]
    rows["start"] = starts
    rows["end"] = [*starts[1:], end][: len(starts)]
    return Run(rows)


def _grows(run: Run) -> bool:
    boots, seqs = run.columns["boot"], run.columns["seq"]
    return bool((boots[1:] == boots[:-1]).all() and (seqs[1:] > seqs[:-1]).all())

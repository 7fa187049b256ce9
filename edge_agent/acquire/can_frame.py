"""Frames and id filters as the kernel lays them out (linux/can.h). Pure."""

from typing import NamedTuple

import numpy as np

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES
from edge_agent.records import I64, U8, U64, FrameFlag, Frames

CLASSIC_ROW = 16
FD_ROW = 72
"""struct can_frame and struct canfd_frame"""

FILTERS_MAX = 512
"""CAN_RAW_FILTER_MAX of linux/can/raw.h"""

_ROW_HEAD = 8
_REMOTE_MARK = 0x4000_0000
_ERROR_MARK = 0x2000_0000
"""CAN_RTR_FLAG and CAN_ERR_FLAG of an id; its bit 31, CAN_EFF_FLAG, is our EXTENDED_ID"""
_MARKS = np.uint32(_REMOTE_MARK | _ERROR_MARK)
_KEPT: U8 = np.tri(256, FD_BYTES, -1, dtype=np.uint8) * np.uint8(255)
"""[length] a mask of the bytes that count: what the kernel leaves beyond them is not said to be zero"""
_KEPT_WORD: U64 = np.ascontiguousarray(_KEPT[:, :CLASSIC_BYTES]).view(np.uint64)[:, 0]


class IdFilter(NamedTuple):
    """Passes every frame whose arbitration id has the bits of `can_id` wherever `mask` has a 1."""

    can_id: int
    """with `EXTENDED_ID` for a 29-bit one"""
    mask: int
    """with `EXTENDED_ID`, unless ids of both lengths are meant"""


Filters = tuple[IdFilter, ...]
"""A frame passes that passes one of them; () holds all back."""


def columns_of_rows(rows: U8, row_lengths: I64, t_ns: I64, bus: U8) -> Frames:
    """Columns of frames, [n, 16] or [n, 72] where some may be CAN FD, in their order; of `rows` nothing is kept.

    A buffer for CAN FD may hold classic frames, told by their row's length.
    """
    word = rows.view(np.uint32)[:, 0]
    length = rows[:, 4]
    if rows.shape[1] == FD_ROW:
        flags = (row_lengths == FD_ROW) * np.uint8(FrameFlag.FD)
        data = rows[:, _ROW_HEAD:] & _KEPT.take(length, axis=0)
    else:
        flags = np.zeros(len(rows), np.uint8)
        data = (rows.view(np.uint64)[:, 1] & _KEPT_WORD.take(length)).view(np.uint8).reshape(-1, CLASSIC_BYTES)
    if (word & _MARKS).any():
        remote = word & _REMOTE_MARK != 0
        data[remote] = 0  # it has no data, its length is what it asks for
        flags |= remote * np.uint8(FrameFlag.REMOTE)
        flags |= (word & _ERROR_MARK != 0) * np.uint8(FrameFlag.ERROR)
    return Frames(
        t_ns=t_ns,
        bus=bus,
        can_id=word & ~_MARKS,
        flags=flags,
        length=length.astype(np.uint16),
        data=data,
    )


def filter_bytes(filters: Filters | None) -> bytes:
    """An array of struct can_filter; None passes every id.

    A remote frame never passes a filter: it holds no data. So the kernel finds a filter for one whole id by a table
    (net/can/af_can.c, can_rcv_list_find) and does not compare it with every frame.
    """
    if filters is None:
        return bytes(8)
    marked = [(one.can_id, one.mask | _REMOTE_MARK) for one in filters]
    return np.array(marked, np.uint32).tobytes()

"""Frames as arrays: from single frames to columns, from several columns to one block. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edge_agent.records import I64, U8, U16, U32, ClockQuality, FrameBlock

CLASSIC_BYTES = 8
FD_BYTES = 64


class Frame(NamedTuple):
    """One frame as a reader hands it over; the fields are those of a FrameBlock's row."""

    t_ns: int
    bus: int
    can_id: int
    flags: int
    length: int
    """bytes of `data` that count; of a remote frame, which has no data, the number it asks for"""
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Frames of one tick as arrays, not yet a block: shapes and meaning as in FrameBlock, any order of time."""

    t_ns: I64
    bus: U8
    can_id: U32
    flags: U8
    length: U16
    data: U8

    def __len__(self) -> int:
        return len(self.t_ns)

    def first(self, count: int) -> "Columns":
        """The first `count` frames."""
        return Columns(
            self.t_ns[:count],
            self.bus[:count],
            self.can_id[:count],
            self.flags[:count],
            self.length[:count],
            self.data[:count],
        )


def columns_of(frames: Sequence[Frame], width: int) -> Columns:
    """Columns of frames in the order given; `width` is 8 or 64, and no frame's data may be longer."""
    t_ns, bus, can_id, flags, length, data = zip(*frames, strict=True) if frames else ((),) * 6
    padded = b"".join(one.ljust(width, b"\0") for one in data)
    return Columns(
        t_ns=np.array(t_ns, np.int64),
        bus=np.array(bus, np.uint8),
        can_id=np.array(can_id, np.uint32),
        flags=np.array(flags, np.uint8),
        length=np.array(length, np.uint16),
        data=np.frombuffer(padded, np.uint8).reshape(len(frames), width),
    )


def merge(parts: Sequence[Columns], width: int) -> Columns:
    """All frames by time, padded to `width`; frames of one time stay in the order of their parts."""
    return by_time(joined(parts, width))


def by_time(columns: Columns) -> Columns:
    """Frames by time; those of one time stay in their order."""
    if (np.diff(columns.t_ns) >= 0).all():
        return columns
    order = np.argsort(columns.t_ns, kind="stable")
    return Columns(
        t_ns=columns.t_ns.take(order),
        bus=columns.bus.take(order),
        can_id=columns.can_id.take(order),
        flags=columns.flags.take(order),
        length=columns.length.take(order),
        data=columns.data.take(order, axis=0),
    )


def joined(parts: Sequence[Columns], width: int) -> Columns:
    """All frames in the order of their parts, padded to `width`."""
    if len(parts) == 1 and parts[0].data.shape[1] == width:  # the usual case: a third of the cost of one block
        return parts[0]
    return Columns(
        t_ns=np.concatenate([_NO_TIMES, *(part.t_ns for part in parts)]),
        bus=np.concatenate([_NO_BYTES, *(part.bus for part in parts)]),
        can_id=np.concatenate([_NO_IDS, *(part.can_id for part in parts)]),
        flags=np.concatenate([_NO_BYTES, *(part.flags for part in parts)]),
        length=np.concatenate([_NO_LENGTHS, *(part.length for part in parts)]),
        data=np.concatenate([np.zeros((0, width), np.uint8), *(_widened(part.data, width) for part in parts)]),
    )


def block_of(
    columns: Columns, *, dropped: Sequence[int], until_ns: int, uptime_ns: int, clock: ClockQuality, epoch_ns: int = 0
) -> FrameBlock:
    """A block of columns that are in the order of time."""
    return FrameBlock(
        t_ns=columns.t_ns,
        bus=columns.bus,
        can_id=columns.can_id,
        flags=columns.flags,
        length=columns.length,
        data=columns.data,
        dropped=tuple(dropped),
        until_ns=until_ns,
        uptime_ns=uptime_ns,
        clock=clock,
        epoch_ns=epoch_ns,
    )


def _widened(data: U8, width: int) -> U8:
    missing = width - data.shape[1]
    return np.pad(data, ((0, 0), (0, missing))) if missing else data


_NO_TIMES = np.empty(0, np.int64)
_NO_IDS = np.empty(0, np.uint32)
_NO_BYTES = np.empty(0, np.uint8)
_NO_LENGTHS = np.empty(0, np.uint16)

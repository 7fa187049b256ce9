"""Frames as arrays: from single frames to columns (`Frames`), from several columns to one block. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge_agent.records import ClockQuality, FrameBlock, Frames

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


def columns_of(frames: Sequence[Frame], width: int) -> Frames:
    """Columns of frames in the order given; `width` is 8 or 64, and no frame's data may be longer."""
    t_ns, bus, can_id, flags, length, data = zip(*frames, strict=True) if frames else ((),) * 6
    padded = b"".join(one.ljust(width, b"\0") for one in data)
    return Frames(
        t_ns=np.array(t_ns, np.int64),
        bus=np.array(bus, np.uint8),
        can_id=np.array(can_id, np.uint32),
        flags=np.array(flags, np.uint8),
        length=np.array(length, np.uint16),
        data=np.frombuffer(padded, np.uint8).reshape(len(frames), width),
    )


def merge(parts: Sequence[Frames], width: int) -> Frames:
    """All frames by time, padded to `width`; frames of one time stay in the order of their parts."""
    return by_time(Frames.joined(parts, width))


def by_time(columns: Frames) -> Frames:
    """Frames by time; those of one time stay in their order."""
    if (np.diff(columns.t_ns) >= 0).all():
        return columns
    return columns.take(np.argsort(columns.t_ns, kind="stable"))


def block_of(
    columns: Frames, *, dropped: Sequence[int], until_ns: int, uptime_ns: int, clock: ClockQuality, epoch_ns: int = 0
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

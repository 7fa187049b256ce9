"""The payload `candump/1`: frames as `candump -L` of can-utils logs them, gzip. Pure.

    (1788264000.123456) can0 1A0#0011223344556677        a classic frame
    (1788264000.123456) can0 18FEF100#R                  a 29-bit id; a remote frame, which holds no data
    (1788264000.123456) can0 123##0001122                CAN FD: one digit of flags, which are not known, and the data
    (1788264000.123456) can0 20000080#0000000000000000   an error frame, as SocketCAN tells it

Times are seconds since 1970 with microseconds, cut off. Whoever reads candump logs reads it: can-utils' canplayer and
log2asc, python-can, SavvyCAN, asammdf.
"""

import gzip
import re
from collections.abc import Sequence

from edge_agent.records import EXTENDED_ID, ID_BITS, FrameFlag, Frames

CANDUMP = "candump/1"
ERROR_BIT = 0x2000_0000
"""of `can_id` (linux/can.h, CAN_ERR_FLAG)"""


def candump(frames: Frames, bus_names: Sequence[str]) -> bytes:
    """The log, compressed; equal frames give equal bytes."""
    # A name with a space in it would be two words of the line.
    names = [re.sub(r"\s", "_", name) for name in bus_names]
    columns = (frames.t_ns, frames.bus, frames.can_id, frames.flags, frames.length)
    rows = zip(*(column.tolist() for column in columns), frames.data, strict=True)
    lines = [
        f"({t_ns // 1_000_000_000}.{t_ns // 1000 % 1_000_000:06d}) {names[bus]} {_id(can_id, flags)}"
        f"{_content(flags, data[:length].tobytes())}\n"
        for t_ns, bus, can_id, flags, length, data in rows
    ]
    return gzip.compress("".join(lines).encode(), compresslevel=6, mtime=0)


def _id(can_id: int, flags: int) -> str:
    if flags & FrameFlag.ERROR:
        return f"{can_id & ID_BITS | ERROR_BIT:08X}"
    return f"{can_id & ID_BITS:08X}" if can_id & EXTENDED_ID else f"{can_id & ID_BITS:03X}"


def _content(flags: int, data: bytes) -> str:
    if flags & FrameFlag.REMOTE:
        return "#R"
    return f"{'##0' if flags & FrameFlag.FD else '#'}{data.hex().upper()}"

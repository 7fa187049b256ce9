"""Blocks of frames, and the slow, obvious way to read a number out of a payload."""

import struct
from collections.abc import Sequence

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Frame, block_of, columns_of
from edge_agent.decode.catalog import BitField
from edge_agent.records import ClockQuality, FrameBlock, RawKind

FLOAT_FORMATS = {16: "<e", 32: "<f", 64: "<d"}


def block(frames: Sequence[Frame], *, buses: int = 1, dropped: Sequence[int] | None = None) -> FrameBlock:
    """A block of frames in time order, as wide as its longest frame asks for."""
    width = FD_BYTES if any(len(frame.data) > CLASSIC_BYTES for frame in frames) else CLASSIC_BYTES
    until_ns = max((frame.t_ns for frame in frames), default=0)
    return block_of(
        columns_of(frames, width),
        dropped=(0,) * buses if dropped is None else dropped,
        until_ns=until_ns,
        uptime_ns=until_ns,
        clock=ClockQuality.RECORDED,
    )


def data_frame(can_id: int, data: bytes, *, t_ns: int = 0, bus: int = 0, flags: int = 0) -> Frame:
    return Frame(t_ns, bus, can_id, flags, len(data), data)


def positions(field: BitField) -> list[int]:
    """The field's bits in the DBC's numbering, least significant first."""
    if not field.big_endian:
        return list(range(field.start, field.start + field.bits))
    found = [field.start]
    while len(found) < field.bits:
        # From a byte's lowest bit a Motorola field goes on at the next byte's highest.
        found.append(found[-1] - 1 if found[-1] % 8 else found[-1] + 15)
    return found[::-1]


def read_bits(data: bytes, field: BitField) -> int:
    return sum((data[at // 8] >> at % 8 & 1) << i for i, at in enumerate(positions(field)))


def write_bits(data: bytearray, field: BitField, value: int) -> None:
    for i, at in enumerate(positions(field)):
        data[at // 8] = data[at // 8] & ~(1 << at % 8) | (value >> i & 1) << at % 8


def read_number(data: bytes, field: BitField, kind: RawKind) -> int | float:
    bits = read_bits(data, field)
    if kind is RawKind.FLOAT:
        number: float = struct.unpack(FLOAT_FORMATS[field.bits], bits.to_bytes(field.bits // 8, "little"))[0]
        return number
    return bits - (1 << field.bits) if kind is RawKind.SIGNED and bits >> field.bits - 1 else bits

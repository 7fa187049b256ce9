"""How busy each bus is: bits on the wire against the bit rate. Pure.

Bits of a frame are those of ISO 11898-1 with the three of the space behind it (as in linux/can/length.h). Stuff bits
that depend on the content are left out, since to count them takes each frame's CRC: the wire is up to a fifth busier
than told here. CAN FD's fixed stuff bits are counted. Whether a CAN FD frame switched its bit rate is not recorded:
where there is a data bit rate each is taken to. Error frames are the controller's words and no bits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge_agent.records import I64, U8, U16, U32, FrameFlag


class BitRates(NamedTuple):
    """Of one bus, in bits a second; None where it is not known."""

    nominal: int | None = None
    data: int | None = None
    """of CAN FD's data phase; None for the nominal one"""


_CLASSIC, _CLASSIC_EXTENDED = 47, 67
_FD_NOMINAL, _FD_NOMINAL_EXTENDED = 30, 49
"""to the bit rate switch, and from the CRC's delimiter to the next frame"""
_FD_DATA = 32
"""error state, length code, stuff count, a CRC of 17 bits and its fixed stuff bits"""
_LONGER_CRC = 5
"""more bits of CRC and fixed stuff bits"""
_LONGER_CRC_ABOVE = 16
"""bytes of data"""

_LENGTHS = 128
_EXTENDED_BIT = 7
_FLAGS_BIT = 8
_BUS_BIT = 11
_SHAPES = 1 << _BUS_BIT
"""A frame's shape is its flags, whether its id is extended, and its length: as many bits as it takes to number all."""


def bits_of(flags: int, length: int, *, extended: bool) -> tuple[int, int]:
    """Bits of a frame at the nominal and at the data bit rate."""
    if flags & FrameFlag.ERROR:
        return 0, 0
    if flags & FrameFlag.FD:
        data = _FD_DATA + (_LONGER_CRC if length > _LONGER_CRC_ABOVE else 0) + 8 * length
        return _FD_NOMINAL_EXTENDED if extended else _FD_NOMINAL, data
    # A remote frame's length is what it asks for: it has no data.
    data = 0 if flags & FrameFlag.REMOTE else 8 * length
    return (_CLASSIC_EXTENDED if extended else _CLASSIC) + data, 0


class BusLoad:
    """Counts the frames of each shape, and tells for how much of the time each bus was busy."""

    def __init__(self, rates: Sequence[BitRates]) -> None:
        self.watches = any(rate.nominal for rate in rates)
        """whether there is any bit rate to compare with"""
        self._rates = tuple(rates)
        self._frames = self._none()

    def add(self, bus: U8, can_id: U32, flags: U8, length: U16) -> None:
        """Count frames that were on their buses."""
        shape = can_id >> np.uint32(31) << np.uint32(_EXTENDED_BIT)
        shape |= length
        if flags.any():
            shape |= flags.astype(np.uint32) << np.uint32(_FLAGS_BIT)
        if len(self._rates) > 1:
            shape |= bus.astype(np.uint32) << np.uint32(_BUS_BIT)
        self._frames += np.bincount(shape, minlength=self._frames.size).reshape(self._frames.shape)

    def percent(self, seconds: float) -> tuple[float | None, ...]:
        """Of each bus, if what was added took so many seconds; from here on it is counted anew. 0 s forget it."""
        frames, self._frames = self._frames, self._none()
        if not seconds:
            return (None,) * len(self._rates)
        return tuple(
            _percent(rates, int(nominal), int(data), seconds)
            for rates, (nominal, data) in zip(self._rates, frames @ _BITS, strict=True)
        )

    def _none(self) -> I64:
        return np.zeros((len(self._rates), _SHAPES), np.int64)


def _percent(rates: BitRates, nominal_bits: int, data_bits: int, seconds: float) -> float | None:
    if not rates.nominal:
        return None
    busy_s = nominal_bits / rates.nominal + data_bits / (rates.data or rates.nominal)
    return round(100 * busy_s / seconds, 1)


_BITS: I64 = np.array(
    [
        bits_of(shape >> _FLAGS_BIT, shape % _LENGTHS, extended=bool(shape >> _EXTENDED_BIT & 1))
        for shape in range(_SHAPES)
    ],
    np.int64,
)
"""[shapes, 2]"""

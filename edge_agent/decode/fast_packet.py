"""NMEA 2000's fast packet: messages of up to 223 bytes in frames of their own group. Pure.

A frame's first byte is a counter of messages (3 bits) and one of frames (5 bits, from 0). Frame 0 goes on with the
message's length and 6 bytes of it, the others with 7 (IEC 61162-3; described in tidewise/drivers-nmea2000,
doc/Protocol.md). A length and 6 bytes are 7 bytes, so here the length is the first byte of what is put together.
"""

from edge_agent.decode.j1939 import without_priority
from edge_agent.decode.packets import Transfer, Transfers, Whole

LONGEST = 223
SINGLE_FRAME_BYTES = 8
PATIENCE_NS = 750_000_000
"""IEC 61162-3 is not public; AgIsoStack gives up after so long, as J1939's broadcasts do"""

_FRAME_BITS = 5
_FRAME = (1 << _FRAME_BITS) - 1

FIRST_PGN = 0x1ED00
LAST_PGN = 0x1FFFF
"""NMEA's own part of data page 1: addressed groups up to 0x1EFFF, all in fast packets, then broadcast ones in single
frames or fast packets by their length (canboat's table of PGN ranges). J1939 puts no group of its own there."""


def is_fast_packet(pgn: int, length: int, *, nmea_2000: bool | None) -> bool:
    """Whether a group of this length comes in fast packets.

    `nmea_2000` is what its database says of the network, None where it says nothing.
    """
    if length <= SINGLE_FRAME_BYTES or length > LONGEST:
        return False
    return FIRST_PGN <= pgn <= LAST_PGN if nmea_2000 is None else nmea_2000


class FastPackets:
    """The fast packets of one bus."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers

    def packet(self, can_id: int, data: bytes, now_ns: int) -> Whole | None:
        """A frame, its bytes not padded; the message if this was the last of it."""
        if not data:
            return None
        key = (without_priority(can_id), data[0] >> _FRAME_BITS)
        index = data[0] & _FRAME
        transfer = self._transfers.find(key, now_ns)
        if index == 0 and not (transfer and transfer.came == 1 and transfer.announced == data):
            transfer = self._begin(key, can_id, data, now_ns)
        if transfer is None:
            self._transfers.lose(key, index, in_order=True, patience_ns=PATIENCE_NS, now_ns=now_ns)
            return None
        done = self._transfers.take(transfer, index, data[1:], now_ns)
        return Whole(can_id, transfer.payload()[1:]) if done else None

    def _begin(self, key: tuple[int, int], can_id: int, data: bytes, now_ns: int) -> Transfer | None:
        """None for a length that no fast packet has."""
        if not 0 < int.from_bytes(data[1:2]) <= LONGEST:
            return None
        transfer = Transfer(1 + data[1], patience_ns=PATIENCE_NS, in_order=True, can_id=can_id, announced=data)
        return self._transfers.begin(key, transfer, now_ns)

"""J1939's transport protocol: messages of 9 to 1785 bytes, as a listener that sends nothing hears them. Pure.

SAE J1939-21, section 5.10; the same in ISO 11783-3. A message is announced in a frame of connection management
(PGN 0xEC00) that names its parameter group, its length and its number of packets, and comes in frames of data
transfer (PGN 0xEB00) of a sequence number from 1 and 7 bytes. To everybody (BAM) packets come in order; to one node
(RTS) the receiver allows each few of them (CTS), may ask for some again, and says when it has them all.
"""

from collections.abc import Container

from edge_agent.decode.j1939 import group_of, id_of
from edge_agent.decode.packets import PACKET_BYTES, Transfer, Transfers, Whole

CONTROL_FORMAT = 0xEC
DATA_FORMAT = 0xEB
SHORTEST = 9
LONGEST = 1785

_RTS, _CTS, _END_OF_MESSAGE, _BAM, _ABORT = 16, 17, 19, 32, 255
_EVERYBODY = 0xFF
_CONTROL_BYTES = 8
_HIGHEST_PGN = 0x3FFFF

BROADCAST_PATIENCE_NS = 750_000_000
"""T1: a receiver gives up when no packet came for so long"""
CONNECTION_PATIENCE_NS = 1_250_000_000
"""T2 and T3, between the two nodes' turns; kept between packets too, since whose turn it is only a CTS tells"""


class Transport:
    """The transport protocol of one bus. A frame's bytes are those it has, not padded."""

    def __init__(self, transfers: Transfers, groups: Container[int]) -> None:
        """`groups` are those of `j1939.group_of` that the databases of the bus have."""
        self._transfers = transfers
        self._groups = groups

    def control(self, can_id: int, data: bytes, now_ns: int) -> bool:
        """A frame of connection management; whether it is about a known group."""
        pgn = int.from_bytes(data[5:8], "little")
        if len(data) < _CONTROL_BYTES or pgn > _HIGHEST_PGN:
            return False
        carried = id_of(pgn, can_id)
        known = group_of(carried) in self._groups
        pair = can_id & 0xFFFF
        back = (pair & 0xFF) << 8 | pair >> 8
        if data[0] in (_RTS, _BAM):
            self._announce(can_id, data, carried if known else None, now_ns)
        elif data[0] == _CTS:
            self._allow(back, now_ns)
        elif data[0] == _END_OF_MESSAGE:
            self._transfers.end(back)
        elif data[0] == _ABORT:
            self._abort(data, pair, back, now_ns)
        return known

    def _announce(self, can_id: int, data: bytes, carried: int | None, now_ns: int) -> None:
        pair = can_id & 0xFFFF
        to_all = pair >> 8 == _EVERYBODY
        size = int.from_bytes(data[1:3], "little")
        possible = SHORTEST <= size <= LONGEST and data[3] == -(-size // PACKET_BYTES)
        if not possible or to_all != (data[0] == _BAM):
            self._transfers.end(pair)
            return
        before = self._transfers.find(pair, now_ns)
        if before and before.announced == data and before.pending and not before.came:
            before.wait_from(now_ns)
            return
        patience_ns = BROADCAST_PATIENCE_NS if to_all else CONNECTION_PATIENCE_NS
        transfer = Transfer(
            size,
            patience_ns=patience_ns,
            in_order=to_all,
            can_id=carried,
            announced=data,
            counted=carried is not None,
        )
        self._transfers.begin(pair, transfer, now_ns)

    def _allow(self, pair: int, now_ns: int) -> None:
        transfer = self._transfers.find(pair, now_ns)
        if transfer:
            transfer.wait_from(now_ns)

    def _abort(self, data: bytes, pair: int, back: int, now_ns: int) -> None:
        """Either node may say it, of the transfer in either direction: the group tells which."""
        for one in (pair, back):
            transfer = self._transfers.find(one, now_ns)
            if transfer and transfer.announced[5:8] in (data[5:8], b""):
                self._transfers.end(one)

    def packet(self, can_id: int, data: bytes, now_ns: int) -> tuple[bool, Whole | None]:
        """A frame of data transfer: whether its message is a known one, and the message if this was the last of it."""
        if not data or not data[0]:
            return False, None
        pair = can_id & 0xFFFF
        index = data[0] - 1
        transfer = self._transfers.find(pair, now_ns)
        if transfer is None:
            to_all = pair >> 8 == _EVERYBODY
            patience_ns = BROADCAST_PATIENCE_NS if to_all else CONNECTION_PATIENCE_NS
            self._transfers.lose(pair, index, in_order=to_all, patience_ns=patience_ns, now_ns=now_ns)
            return False, None
        done = self._transfers.take(transfer, index, data[1:], now_ns)
        if transfer.can_id is None:
            return False, None
        return True, Whole(transfer.can_id, transfer.payload()) if done else None

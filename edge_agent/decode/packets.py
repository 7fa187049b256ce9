"""Messages in several packets of 7 bytes, as far as they came: what J1939's transport and fast packet share. Pure."""

from collections.abc import Hashable
from typing import NamedTuple

PACKET_BYTES = 7
MOST_TRANSFERS = 256
"""under way on one bus at a time; beyond it the one begun first is given up. 12 kB each at most"""


class Whole(NamedTuple):
    """A message all of whose packets came."""

    can_id: int
    """the id that it would have in a single frame"""
    payload: bytes


class Transfer:
    """One message's packets. A packet that comes again says the same again, or it is another message's.

    Where packets keep their order a gap is the end of the message. Where they need not (a receiver asks for some
    again) each is taken once. After its end, good or bad, a transfer still takes what belongs to it, so that a
    late repetition is no message of its own.
    """

    def __init__(
        self,
        size: int,
        *,
        patience_ns: int,
        in_order: bool,
        can_id: int | None,
        announced: bytes = b"",
        counted: bool = True,
    ) -> None:
        self.can_id = can_id
        """None where no database has the message, or nothing said which it is"""
        self.announced = announced
        self.counted = counted
        self.came = 0
        self.lost = False
        self.deadline_ns = 0
        self._size = size
        self._patience_ns = patience_ns
        self._in_order = in_order
        self._packets: list[bytes | None] = [None] * -(-size // PACKET_BYTES)
        self._last = -1

    @property
    def whole(self) -> bool:
        """Whether every packet came."""
        return not self.lost and self.came == len(self._packets)

    @property
    def pending(self) -> bool:
        """Whether packets may make it whole still."""
        return not self.lost and self.came < len(self._packets)

    def payload(self) -> bytes:
        """Of a whole message."""
        return b"".join(packet for packet in self._packets if packet is not None)[: self._size]

    def wait_from(self, now_ns: int) -> None:
        """Something was heard of it."""
        self.deadline_ns = now_ns + self._patience_ns

    def take(self, index: int, packet: bytes) -> int:
        """One packet, from 0; returns how many messages it shows to be incomplete: this one, one never announced."""
        if self.lost:
            another = self._in_order and index < self._last
            return self._lose(index, another=another)
        before = self._packets[index] if index < len(self._packets) else None
        if before == packet and (index == self.came - 1 or not self._in_order):
            return 0
        if before is None and self._fits(index, packet):
            self._packets[index] = packet
            self.came += 1
            return 0
        return self._lose(index, another=before is not None or self.whole)

    def _fits(self, index: int, packet: bytes) -> bool:
        if index >= len(self._packets) or (self._in_order and index != self.came):
            return False
        return len(packet) >= min(PACKET_BYTES, self._size - PACKET_BYTES * index)

    def _lose(self, index: int, *, another: bool) -> int:
        incomplete = int(self.pending and self.counted) + int(another)
        self.lost, self._last = True, index
        if another:
            self.can_id, self.counted = None, True
        return incomplete


class Transfers:
    """The transfers of one bus. Times are the stream's own, in nanoseconds."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Transfer] = {}
        self._incomplete = 0

    def find(self, key: Hashable, now_ns: int) -> Transfer | None:
        """The transfer of this key, if it has not been silent for too long."""
        transfer = self._under_way.get(key)
        if transfer and transfer.deadline_ns < now_ns:
            self.end(key)
            return None
        return transfer

    def begin(self, key: Hashable, transfer: Transfer, now_ns: int) -> Transfer:
        """In place of one that was there."""
        self.end(key)
        if len(self._under_way) >= MOST_TRANSFERS:
            self.end(next(iter(self._under_way)))
        self._under_way[key] = transfer
        transfer.wait_from(now_ns)
        return transfer

    def take(self, transfer: Transfer, index: int, packet: bytes, now_ns: int) -> bool:
        """Give a transfer a packet; whether it made the message whole."""
        was_pending = transfer.pending
        self._incomplete += transfer.take(index, packet)
        transfer.wait_from(now_ns)
        return was_pending and transfer.whole

    def lose(self, key: Hashable, index: int, *, in_order: bool, patience_ns: int, now_ns: int) -> None:
        """Give a packet of a message that nothing announced to a transfer that has room for none."""
        unheard = Transfer(0, patience_ns=patience_ns, in_order=in_order, can_id=None)
        self.take(self.begin(key, unheard, now_ns), index, b"", now_ns)

    def end(self, key: Hashable) -> None:
        """Forget it, incomplete if it was not whole."""
        transfer = self._under_way.pop(key, None)
        if transfer and transfer.pending and transfer.counted:
            self._incomplete += 1

    def expire(self, now_ns: int) -> None:
        """End every one that has been silent for too long."""
        for key in [key for key, transfer in self._under_way.items() if transfer.deadline_ns < now_ns]:
            self.end(key)

    def incomplete(self) -> int:
        """Messages that turned out incomplete since it was last asked."""
        found, self._incomplete = self._incomplete, 0
        return found

"""NMEA 2000's fast packet, frame by frame, and which groups come so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.fast_packet import LONGEST, PATIENCE_NS, FastPackets, is_fast_packet
from edge_agent.decode.packets import Transfers, Whole
from edge_agent.records import EXTENDED_ID
from tests.decode.packer import fast_packet

CAN_ID = 0x0DF80523 | EXTENDED_ID


class Listener:
    def __init__(self) -> None:
        self.transfers = Transfers()
        self.packets = FastPackets(self.transfers)

    def hear(self, *frames: bytes, can_id: int = CAN_ID, now_ns: int = 0) -> list[Whole]:
        heard = [self.packets.packet(can_id, data, now_ns) for data in frames]
        return [one for one in heard if one]

    def incomplete(self, now_ns: int = PATIENCE_NS + 1) -> int:
        self.transfers.expire(now_ns)
        return self.transfers.incomplete()


def frames(payload: bytes, counter: int = 0) -> list[bytes]:
    return [one.frame.data for one in fast_packet(CAN_ID, payload, counter)]


@given(st.binary(min_size=1, max_size=LONGEST), st.integers(0, 7))
def test_a_message_of_any_length_comes_whole(payload: bytes, counter: int) -> None:
    listener = Listener()

    assert listener.hear(*frames(payload, counter)) == [Whole(CAN_ID, payload)]
    assert listener.incomplete() == 0


def test_the_last_frame_may_be_as_short_as_the_message() -> None:
    payload = bytes(range(9))
    first, last = frames(payload)

    assert Listener().hear(first, last[:4]) == [Whole(CAN_ID, payload)]
    assert not Listener().hear(first, last[:3])


def test_messages_of_several_counters_and_sources_come_side_by_side() -> None:
    listener = Listener()
    streams = [
        (CAN_ID, frames(bytes(30), 0)),
        (CAN_ID, frames(b"\1" * 30, 1)),
        (CAN_ID ^ 1, frames(b"\2" * 30, 0)),
    ]
    found = []
    for i in range(5):
        for can_id, stream in streams:
            found += listener.hear(stream[i], can_id=can_id)

    assert [one.payload[0] for one in found] == [0, 1, 2]


def test_the_priority_of_a_frame_is_nobody_s_name() -> None:
    first, *rest = frames(bytes(20))
    listener = Listener()
    listener.hear(first, can_id=CAN_ID ^ 1 << 26)

    assert listener.hear(*rest) == [Whole(CAN_ID, bytes(20))]


def test_a_message_that_was_not_whole_is_counted_once_when_its_counter_comes_again() -> None:
    listener = Listener()
    listener.hear(*frames(bytes(30))[:3])

    assert [one.payload for one in listener.hear(*frames(b"\1" * 30))] == [b"\1" * 30]
    assert listener.incomplete() == 1


def test_a_first_frame_that_comes_twice_in_a_row_is_one_and_later_a_new_message_s() -> None:
    listener = Listener()
    first, second, third = frames(bytes(20))

    assert listener.hear(first, first, second, third) == [Whole(CAN_ID, bytes(20))]
    assert listener.hear(first, second, first, second, third) == [Whole(CAN_ID, bytes(20))]
    assert listener.incomplete() == 1


def test_a_length_no_fast_packet_has_ends_the_message_before_it() -> None:
    listener = Listener()
    first, second, third = frames(bytes(20))

    assert not listener.hear(first, b"\0\xff" + bytes(6), second, third)
    assert listener.incomplete() == 2


def test_frames_whose_first_was_missed_are_one_message_that_is_incomplete() -> None:
    listener = Listener()

    assert not listener.hear(*frames(bytes(30))[1:])
    assert listener.incomplete() == 1


def test_silence_ends_a_message() -> None:
    for now_ns, whole in ((PATIENCE_NS, 1), (PATIENCE_NS + 1, 0)):
        listener = Listener()
        first, last = frames(bytes(9))
        listener.hear(first)

        assert len(listener.hear(last, now_ns=now_ns)) == whole


@pytest.mark.parametrize("first", [b"\0", b"\0\0\0\0\0\0\0\0", b"\0\xe0\0\0\0\0\0\0"])
def test_a_length_no_fast_packet_has_begins_nothing(first: bytes) -> None:
    listener = Listener()

    assert not listener.hear(first, *(bytes([number]) + bytes(7) for number in range(1, 32)))
    assert listener.incomplete() == 1


def test_a_frame_without_a_byte_is_nothing() -> None:
    listener = Listener()

    assert not listener.hear(b"")
    assert listener.incomplete() == 0


@pytest.mark.parametrize(
    ("pgn", "length", "nmea_2000", "fast"),
    [
        (0x1F805, 51, None, True),
        (0x1F805, 8, None, False),
        (0x1F805, 224, None, False),
        (0x1ED00, 9, None, True),
        (0x1ECFF, 9, None, False),
        (0x1FFFF, 9, None, True),
        (0xFEE3, 39, None, False),
        (0xFEE3, 39, True, True),
        (0xFEE3, 8, True, False),
        (0x1F805, 51, False, False),
    ],
)
def test_a_long_group_comes_so_where_its_database_or_its_number_says_so(
    pgn: int, length: int, *, nmea_2000: bool | None, fast: bool
) -> None:
    assert is_fast_packet(pgn, length, nmea_2000=nmea_2000) is fast

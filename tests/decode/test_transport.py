"""What a listener makes of each frame of J1939's transport protocol."""

import pytest

from edge_agent.acquire.block import Frame
from edge_agent.decode.j1939 import group_of
from edge_agent.decode.packets import Transfers, Whole
from edge_agent.decode.transport import BROADCAST_PATIENCE_NS, CONNECTION_PATIENCE_NS, LONGEST, Transport
from edge_agent.records import EXTENDED_ID
from tests.decode.packer import (
    Sent,
    announcement,
    broadcast,
    connection,
    control_id,
    data_id,
    group_bytes,
    packets,
)

PGN = 0xFEE3
GROUPS = {group_of(0x18FEE300 | EXTENDED_ID), group_of(0x18EF0000 | EXTENDED_ID)}
HERE, THERE = 0x27, 0x03
PAYLOAD = bytes(range(30))


class Listener:
    def __init__(self) -> None:
        self.transfers = Transfers()
        self.transport = Transport(self.transfers, GROUPS)
        self.now_ns = 0
        self.carried: list[bool] = []
        self.whole: list[Whole] = []

    def hear(self, *sent: Sent, after_ns: int = 1) -> None:
        for one in sent:
            self.now_ns += after_ns
            self._hear(one.frame)

    def _hear(self, frame: Frame) -> None:
        if frame.can_id >> 16 & 0xFF == 0xEC:
            self.carried.append(self.transport.control(frame.can_id, frame.data, self.now_ns))
            return
        carried, message = self.transport.packet(frame.can_id, frame.data, self.now_ns)
        self.carried.append(carried)
        if message:
            self.whole.append(message)

    def incomplete(self) -> int:
        self.transfers.expire(self.now_ns + CONNECTION_PATIENCE_NS + 1)
        return self.transfers.incomplete()


def control(data: bytes, source: int = HERE, destination: int = THERE) -> Sent:
    return Sent(Frame(0, 0, control_id(source, destination), 0, len(data), data))


def test_a_broadcast_is_whole_under_the_id_of_a_single_frame_of_its_source() -> None:
    listener = Listener()

    listener.hear(*broadcast(PGN, PAYLOAD, HERE))

    assert listener.whole == [Whole(0x1CFEE327 | EXTENDED_ID, PAYLOAD)]
    assert listener.carried == [True] * 6


def test_a_message_to_one_node_is_whole_under_the_id_that_names_both() -> None:
    listener = Listener()

    listener.hear(*connection(0xEF00, PAYLOAD, HERE, THERE))

    assert listener.whole == [Whole(0x1CEF0327 | EXTENDED_ID, PAYLOAD)]
    assert all(listener.carried)


def test_both_nodes_may_send_to_each_other_and_to_all_at_once() -> None:
    listener = Listener()
    streams = [
        connection(0xEF00, PAYLOAD, HERE, THERE),
        connection(0xEF00, PAYLOAD[::-1], THERE, HERE),
        broadcast(PGN, PAYLOAD * 2, HERE),
    ]

    while any(streams):
        listener.hear(*(stream.pop(0) for stream in streams if stream))

    assert sorted(one.payload for one in listener.whole) == sorted([PAYLOAD, PAYLOAD[::-1], PAYLOAD * 2])
    assert listener.incomplete() == 0


def test_the_longest_message_there_is_comes_whole() -> None:
    listener = Listener()

    listener.hear(*broadcast(PGN, bytes(range(255)) * 7, HERE))

    assert [len(one.payload) for one in listener.whole] == [LONGEST]


@pytest.mark.parametrize("kind", [16, 32])
@pytest.mark.parametrize(
    "data",
    [
        b"\x08\x00\x02\xff",
        b"\xfa\x06\xff\xff",
        b"\x1e\x00\x04\xff",
        b"\x1e\x00\x06\xff",
    ],
)
def test_an_announcement_that_cannot_be_begins_nothing(kind: int, data: bytes) -> None:
    """Too short, too long, and packets that do not fit the length."""
    listener = Listener()
    destination = THERE if kind == 16 else 0xFF

    listener.hear(control(bytes([kind]) + data + group_bytes(PGN), destination=destination))
    listener.hear(*(Sent(Frame(0, 0, data_id(HERE, destination), 0, 8, packet)) for packet in packets(PAYLOAD)))

    assert not listener.whole
    assert listener.carried == [True, *[False] * 5]
    assert listener.incomplete() == 1


@pytest.mark.parametrize(("kind", "destination"), [(16, 0xFF), (32, THERE)])
def test_an_announcement_to_the_wrong_kind_of_receiver_begins_nothing(kind: int, destination: int) -> None:
    listener = Listener()

    listener.hear(control(announcement(kind, PGN, PAYLOAD), destination=destination))
    listener.hear(*(Sent(Frame(0, 0, data_id(HERE, destination), 0, 8, packet)) for packet in packets(PAYLOAD)))

    assert not listener.whole
    assert listener.incomplete() == 1


def test_an_announcement_that_cannot_be_ends_the_transfer_before_it() -> None:
    listener = Listener()
    sent = broadcast(PGN, PAYLOAD, HERE)

    listener.hear(*sent[:3])
    listener.hear(control(announcement(32, PGN, b""), destination=0xFF))
    listener.hear(*sent[3:])

    assert not listener.whole
    assert listener.incomplete() == 2


def test_a_broadcast_out_of_order_is_incomplete() -> None:
    listener = Listener()
    sent = broadcast(PGN, PAYLOAD, HERE)

    listener.hear(*sent[:2], sent[3], sent[2], *sent[4:])

    assert not listener.whole
    assert listener.incomplete() >= 1


def test_a_control_frame_cut_short_or_of_no_group_is_nothing() -> None:
    listener = Listener()

    listener.hear(control(announcement(32, PGN, PAYLOAD)[:7], destination=0xFF))
    listener.hear(control(announcement(32, PGN, PAYLOAD)[:5] + b"\xff\xff\xff", destination=0xFF))
    listener.hear(control(b""))

    assert listener.carried == [False] * 3
    assert listener.incomplete() == 0


def test_a_packet_without_a_number_is_nothing() -> None:
    listener = Listener()

    listener.hear(*(Sent(Frame(0, 0, data_id(HERE, 0xFF), 0, len(data), data)) for data in (b"", bytes(8))))

    assert listener.carried == [False, False]
    assert listener.incomplete() == 0


def test_a_new_announcement_ends_the_transfer_before_it() -> None:
    listener = Listener()

    listener.hear(*broadcast(PGN, PAYLOAD, HERE)[:3])
    listener.hear(*broadcast(PGN, PAYLOAD[::-1], HERE))

    assert [one.payload for one in listener.whole] == [PAYLOAD[::-1]]
    assert listener.incomplete() == 1


def test_a_broadcast_ends_after_three_quarters_of_a_second_of_silence() -> None:
    for late, whole in ((0, 1), (1, 0)):
        listener = Listener()
        first, *rest = broadcast(PGN, PAYLOAD, HERE)
        listener.hear(first)
        listener.hear(*rest, after_ns=BROADCAST_PATIENCE_NS + late)

        assert len(listener.whole) == whole


def test_a_receiver_that_says_wait_keeps_the_transfer() -> None:
    listener = Listener()
    sent = [one for one in connection(PGN, PAYLOAD, HERE, THERE) if one.needed]
    wait = control(bytes([17, 0, 0xFF, 0xFF, 0xFF]) + group_bytes(PGN), THERE, HERE)

    listener.hear(*sent[:3])
    listener.hear(wait, wait, sent[3], after_ns=CONNECTION_PATIENCE_NS)
    listener.hear(*sent[4:])

    assert [one.payload for one in listener.whole] == [PAYLOAD]


def test_a_transfer_without_a_word_from_its_receiver_comes_whole() -> None:
    listener = Listener()

    listener.hear(*(one for one in connection(PGN, PAYLOAD, HERE, THERE) if one.needed))

    assert [one.payload for one in listener.whole] == [PAYLOAD]
    assert listener.incomplete() == 0


def test_an_end_that_the_receiver_tells_is_the_end_of_what_we_missed_a_packet_of() -> None:
    listener = Listener()
    sent = connection(PGN, PAYLOAD, HERE, THERE)

    listener.hear(*sent[:3], *sent[4:])
    # Were the first transfer not over, this packet of one that nothing announced would make it whole.
    listener.hear(sent[3])

    assert not listener.whole
    assert listener.incomplete() == 2


@pytest.mark.parametrize(("source", "destination"), [(HERE, THERE), (THERE, HERE)])
def test_either_node_may_abort_the_transfer_of_a_group(source: int, destination: int) -> None:
    for pgn, lost in ((PGN, True), (0xFECA, False)):
        listener = Listener()
        sent = [one for one in connection(PGN, PAYLOAD, HERE, THERE) if one.needed]
        listener.hear(*sent[:3])
        listener.hear(control(bytes([255, 3, 0xFF, 0xFF, 0xFF]) + group_bytes(pgn), source, destination))
        listener.hear(*sent[3:])

        assert not listener.whole if lost else listener.whole
        assert listener.incomplete() == (2 if lost else 0)


def test_an_announcement_repeated_before_any_packet_is_the_same_message() -> None:
    listener = Listener()
    first, *rest = connection(PGN, PAYLOAD, HERE, THERE)

    listener.hear(first, first, *rest)

    assert len(listener.whole) == 1
    assert listener.incomplete() == 0

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import PacketRefused
from edge_agent.localhub.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketReader,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    encode,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\0#+"), min_size=1, max_size=20)
IDS = st.integers(1, 0xFFFF)
CREDENTIALS = st.one_of(
    st.tuples(st.none(), st.none()), st.tuples(TEXTS, st.none()), st.tuples(TEXTS, st.binary(max_size=20))
)
CONNECTS = st.builds(
    lambda names, client, clean, keepalive_s, protocol: Connect(
        client, names[0], names[1], clean, keepalive_s, protocol[0], protocol[1]
    ),
    CREDENTIALS,
    TEXTS,
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.sampled_from([("MQTT", 4), ("MQIsdp", 3), ("MQTT", 5)]),
)
PUBLISHES = st.one_of(
    st.builds(Publish, TOPICS, st.binary(max_size=300)),
    st.builds(Publish, TOPICS, st.binary(max_size=300), st.just(1), IDS, st.booleans(), st.booleans()),
)
PACKETS: st.SearchStrategy[Packet] = st.one_of(
    CONNECTS,
    PUBLISHES,
    st.builds(Connack, st.booleans(), st.integers(0, 255)),
    st.builds(Puback, IDS),
    st.builds(Subscribe, IDS, st.lists(st.tuples(TEXTS, st.integers(0, 2)), min_size=1, max_size=4).map(tuple)),
    st.builds(Suback, IDS, st.lists(st.integers(0, 255), max_size=4).map(tuple)),
    st.builds(Unsubscribe, IDS, st.lists(TEXTS, min_size=1, max_size=4).map(tuple)),
    st.builds(Unsuback, IDS),
    st.sampled_from([Pingreq(), Pingresp(), Disconnect()]),
)


def read_all(reader: PacketReader) -> list[Packet]:
    packets = []
    while (packet := reader.next_packet()) is not None:
        packets.append(packet)
    return packets


@given(st.lists(PACKETS, max_size=8), st.data())
def test_a_stream_split_anywhere_gives_the_packets_that_were_encoded(
    packets: list[Packet], data: st.DataObject
) -> None:
    stream = b"".join(map(encode, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader, read = PacketReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        read += read_all(reader)
    assert read == packets


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_is_read_or_refused_and_raises_nothing_else(pieces: list[bytes]) -> None:
    reader = PacketReader(longest_bytes=1000)
    try:
        for piece in pieces:
            reader.feed(piece)
            read_all(reader)
    except PacketRefused:
        pass


@given(PACKETS, st.data())
def test_a_packet_with_one_bit_turned_is_read_or_refused(packet: Packet, data: st.DataObject) -> None:
    stream = bytearray(encode(packet))
    bit = data.draw(st.integers(0, 8 * len(stream) - 1))
    stream[bit // 8] ^= 1 << bit % 8
    reader = PacketReader()
    reader.feed(bytes(stream))
    with contextlib.suppress(PacketRefused):
        read_all(reader)


def test_a_packet_as_the_standard_prints_it_is_read() -> None:
    # MQTT 3.1.1, figure 3.6 with the example values of its text, client id "c".
    reader = PacketReader()
    reader.feed(bytes.fromhex("10 0d 0004 4d515454 04 02 000a 0001 63"))
    assert reader.next_packet() == Connect("c", clean_session=True, keepalive_s=10)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("30 ff ff ff ff 01", "remaining length"),
        ("00 00", "packet type 0"),
        ("50 02 0001", "packet type 5"),
        ("80 02 0001", "flags 0x0"),
        ("c0 01 00", "after the end"),
        ("40 02 0000", "identifier of 0"),
        ("40 01 00", "middle of a field"),
        ("34 05 0001 61 0001", "QoS 2"),
        ("30 03 0001 23", "cannot be published to"),
        ("30 02 0000", "cannot be published to"),
        ("30 03 0001 00", "null character"),
        ("30 03 0001 ff", "not UTF-8"),
        ("82 02 0001", "middle of a field"),
        ("82 06 0001 0001 61 03", "QoS 3"),
        ("20 02 02 00", "reserved bits"),
        ("10 0c 0004 4d515454 04 04 000a 0000", "a will"),
        ("10 0c 0004 4d515454 04 40 000a 0000", "without a user name"),
    ],
)
def test_what_the_standard_forbids_is_refused_with_the_reason(wire: str, reason: str) -> None:
    reader = PacketReader()
    reader.feed(bytes.fromhex(wire))
    with pytest.raises(PacketRefused, match=reason):
        reader.next_packet()


def test_a_packet_over_the_limit_is_refused_from_its_head_alone() -> None:
    packet = encode(Publish("t", bytes(1000)))
    exact, short = PacketReader(longest_bytes=len(packet)), PacketReader(longest_bytes=len(packet) - 1)
    exact.feed(packet)
    assert exact.next_packet() == Publish("t", bytes(1000))
    short.feed(packet[:3])
    with pytest.raises(PacketRefused, match=f"{len(packet)} bytes"):
        short.next_packet()

"""A connection that TLS ended looks like a reset to paho; everything else is as it was."""

import socket
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTv5, MQTTv311  # type: ignore[import-untyped]  # paho 1 ships no types

from edge_agent.uplink.paho_shim import send_ends_at_once, spare_paho_copies, tell_paho_of_tls_ends

Sent = bytes | bytearray | memoryview


class Socket:
    def __init__(self, error: OSError | None, most: int = 1 << 20) -> None:
        self._error, self._most = error, most
        self.sent = list[Sent]()

    def send(self, data: Sent) -> int:
        if self._error is not None:
            raise self._error
        self.sent.append(data[: self._most])
        return len(data[: self._most])

    def recv(self, size: int) -> bytes:
        return bytes(self.send(bytes(size)))

    def close(self) -> None:
        pass


def client(error: OSError | None) -> Client:
    tell_paho_of_tls_ends()
    made = Client()
    made._sock = Socket(error)
    return made


@pytest.mark.parametrize("error", [ssl.SSLEOFError("EOF occurred"), ssl.SSLZeroReturnError(), OSError(113, "no route")])
def test_the_end_of_tls_is_a_reset(error: OSError) -> None:
    with pytest.raises(ConnectionResetError):
        client(error)._sock_send(b"x")
    with pytest.raises(ConnectionResetError):
        client(error)._sock_recv(1)


@pytest.mark.parametrize(
    ("error", "raised"),
    [(BrokenPipeError(), BrokenPipeError), (BlockingIOError(), BlockingIOError)],
)
def test_what_paho_knows_it_gets_as_it_was(error: OSError, raised: type[OSError]) -> None:
    with pytest.raises(raised):
        client(error)._sock_send(b"x")


def test_bytes_pass() -> None:
    assert client(None)._sock_send(b"abc") == 3


def test_it_is_done_once() -> None:
    shims = tell_paho_of_tls_ends, spare_paho_copies, send_ends_at_once
    for shim in shims:
        shim()
    once = Client._sock_send, Client._send_publish, Client._create_socket_connection
    for shim in shims:
        shim()
    assert (Client._sock_send, Client._send_publish, Client._create_socket_connection) == once


def test_the_end_of_a_message_does_not_wait_for_the_far_end() -> None:
    send_ends_at_once()
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Client()
        made.connect(*server.getsockname())
        with made.socket() as opened:
            assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def published(payload: bytes, transport: str = "tcp", protocol: int = MQTTv311) -> list[Sent]:
    """What the socket, which takes 16 KB at a time, is given of one message."""
    spare_paho_copies()
    made = Client(transport=transport, protocol=protocol)
    made._sock = Socket(None, 16 << 10)
    made.publish("t/ö", payload, qos=1)
    assert isinstance(made._sock, Socket)
    return made._sock.sent


HEAD = b"\x32\x88\xc0\x0c\x00\x04t/\xc3\xb6\x00\x01"


def test_a_large_packet_goes_out_whole_and_without_a_copy_of_its_payload() -> None:
    payload = bytes(range(256)) * 800
    pieces = published(payload)

    assert b"".join(pieces) == HEAD + payload
    assert [len(each) for each in pieces] == [16 << 10] * 12 + [len(HEAD) + len(payload) - (12 * 16 << 10)]
    assert {type(each) for each in pieces} == {memoryview}
    assert {each.obj is payload for each in pieces[1:] if isinstance(each, memoryview)} == {True}


@given(st.integers(16_384, 60_000), st.lists(st.integers(1, 20_000), max_size=5), st.booleans(), st.booleans())
def test_a_large_packet_is_the_same_bytes_in_whatever_pieces_it_goes(
    size: int, most: list[int], retain: bool, dup: bool
) -> None:
    payload, sent = bytes(size), list[list[bytes]]()
    spare_paho_copies()
    for send in (Client._send_publish, Client._send_publish.__wrapped__):
        made = Client()
        made._sock = socket = Socket(None)
        lengths = iter(most)

        def take(data: Sent, socket: Socket = socket, lengths: Iterator[int] = lengths) -> int:
            socket.sent.append(data[: next(lengths, 16 << 10)])
            return len(socket.sent[-1])

        made._sock_send = take
        send(made, 7, b"topic", payload, 1, retain, dup)
        sent.append([bytes(each) for each in socket.sent])

    assert b"".join(sent[0]) == b"".join(sent[1])


@pytest.mark.parametrize(
    ("transport", "protocol", "size"),
    [("websockets", MQTTv311, 20_000), ("tcp", MQTTv5, 20_000), ("tcp", MQTTv311, 100)],
)
def test_what_a_websocket_masks_has_properties_or_is_small_is_paho_s_own_copy(
    transport: str, protocol: int, size: int
) -> None:
    assert {type(each) for each in published(bytes(size), transport, protocol)} == {bytearray}

"""A connection that TLS ended looks like a reset to paho; everything else is as it was."""

import ssl

import pytest
from paho.mqtt.client import Client  # type: ignore[import-untyped]  # paho 1 ships no types

from edge_agent.uplink.paho_shim import spare_paho_copies, tell_paho_of_tls_ends


class Socket:
    def __init__(self, error: OSError | None, most: int = 1 << 20) -> None:
        self._error, self._most = error, most
        self.sent = list[bytes | bytearray | memoryview]()

    def send(self, data: bytes | bytearray | memoryview) -> int:
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
    tell_paho_of_tls_ends()
    spare_paho_copies()
    once = Client._sock_send, Client._packet_queue
    tell_paho_of_tls_ends()
    spare_paho_copies()
    assert (Client._sock_send, Client._packet_queue) == once


def published(payload: bytes, transport: str) -> list[bytes | bytearray | memoryview]:
    """What the socket, which takes 16 KB at a time, is given of one message."""
    spare_paho_copies()
    made = Client(transport=transport)
    made._sock = Socket(None, 16 << 10)
    made.publish("t", payload, qos=1)
    assert isinstance(made._sock, Socket)
    return made._sock.sent


def test_a_large_packet_goes_out_whole_and_without_a_copy_of_its_rest_for_each_piece() -> None:
    payload = bytes(range(256)) * 800
    pieces = published(payload, "tcp")

    assert len(pieces) == 13
    assert {type(each) for each in pieces} == {memoryview}
    assert b"".join(pieces).endswith(payload)
    assert len(b"".join(pieces)) == len(payload) + len(b"\x32\x85\xc0\x0c\x00\x01t\x00\x01")


def test_a_websocket_which_masks_what_it_is_given_is_given_a_copy() -> None:
    assert {type(each) for each in published(b"x" * 100, "websockets")} == {bytearray}

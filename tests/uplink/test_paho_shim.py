"""A connection that TLS ended looks like a reset to paho; everything else is as it was."""

import ssl

import pytest
from paho.mqtt.client import Client  # type: ignore[import-untyped]  # paho 1 ships no types

from edge_agent.uplink.paho_shim import tell_paho_of_tls_ends


class Socket:
    def __init__(self, error: OSError | None) -> None:
        self._error = error

    def send(self, data: bytes) -> int:
        if self._error is not None:
            raise self._error
        return len(data)

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
    once = Client._sock_send
    tell_paho_of_tls_ends()
    assert Client._sock_send is once

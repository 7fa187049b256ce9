"""What paho-mqtt 1.6 leaves out: that TLS ended a connection, why a broker refused a message, how many it takes.

What it does too often is here too, copying, and what it leaves to the system: when the end of a message goes.

`paho.mqtt.client.Client._packet_write` catches ConnectionError only; `ssl.SSLEOFError` is an OSError, so it ends
paho's network thread without a word: the SDK says "connected" for ever, every send hangs and so does shutdown
(azure-iot-sdk-python #989, paho.mqtt.python #637 and #750). Measured with azure-iot-device 2.14.0 and paho 1.6.1,
links dropped under load: 9 of 30 such zombies without this, 0 of 30 with it. paho 2 handles it itself.
"""

import socket
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import paho.mqtt  # type: ignore[import-untyped]  # paho 1 ships no types
from paho.mqtt.client import PUBLISH, Client, MQTTv5  # type: ignore[import-untyped]

from edge_agent.uplink.mqtt_door import FAILED

_FIRST_FIXED = 2
_TLS_RECORD_BYTES = 1 << 14
"""the most that one holds (RFC 8446, section 5.1), and that Python's `ssl` takes at once"""


def tell_paho_of_tls_ends() -> None:
    """Turn every other OSError of paho 1's socket calls into the ConnectionResetError it expects; once a process."""
    if _is_done("_sock_send"):
        return
    for name in ("_sock_send", "_sock_recv"):
        setattr(Client, name, _resetting(getattr(Client, name)))


def _is_done(name: str) -> bool:
    """By us, in a method of paho's client, or it is a paho that we know nothing of."""
    return int(paho.mqtt.__version__.split(".")[0]) >= _FIRST_FIXED or hasattr(getattr(Client, name), "__wrapped__")


def _resetting(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def wrapped(self: Client, argument: Any) -> Any:  # whatever paho passes goes through untouched
        try:
            return call(self, argument)
        except (BlockingIOError, ConnectionError):
            raise
        except OSError as error:
            raise ConnectionResetError(str(error)) from error

    return wrapped


def spare_paho_copies() -> None:
    """Have paho 1 send a large payload from where it lies; once a process.

    `Client._send_publish` copies it behind a header, and `_packet_write` cuts the rest out of that before each write,
    of which TLS takes 16 KB: a message of 200 KB was copied eight times over. A WebSocket masks what it is given in
    place (`_WebsocketWrapper`), and MQTT 5 has properties before the payload: those keep paho's own way.
    """
    if _is_done("_send_publish"):
        return
    send = Client._send_publish  # noqa: SLF001  only here are header and payload still apart

    @wraps(send)
    def send_uncopied(  # noqa: PLR0917  as paho has it
        self: Client,
        mid: int,
        topic: bytes,
        payload: bytes = b"",
        qos: int = 0,
        retain: bool = False,
        dup: bool = False,
        info: Any = None,
        properties: Any = None,
    ) -> Any:
        is_plain = self._transport == "tcp" and self._protocol != MQTTv5 and qos
        if self._sock is None or not is_plain or len(payload) < _TLS_RECORD_BYTES:
            return send(self, mid, topic, payload, qos, retain, dup, info, properties)
        # OASIS MQTT 3.1.1, section 3.3: the kind and its flags, the length of what follows, topic, packet id, payload.
        head = bytearray((PUBLISH | dup << 3 | qos << 1 | retain,))
        self._pack_remaining_length(head, 2 + len(topic) + _PACKET_ID_BYTES + len(payload))
        self._pack_str16(head, topic)
        head += mid.to_bytes(_PACKET_ID_BYTES, "big")
        return self._packet_queue(PUBLISH, _Packet(head, payload), mid, qos, info)

    Client._send_publish = send_uncopied  # noqa: SLF001  likewise


class _Packet:
    """As much of a `bytearray` as paho's queue asks of it: how long it is, and what is left of it to be written."""

    def __init__(self, head: bytearray, payload: bytes) -> None:
        self._head_bytes = len(head)
        self._payload = memoryview(payload)
        # Fills the first record: a write of the head alone would be a record, and a segment, of its own.
        self._first = bytes(head) + self._payload[: _TLS_RECORD_BYTES - len(head)]

    def __len__(self) -> int:
        return self._head_bytes + len(self._payload)

    def __getitem__(self, rest: slice) -> memoryview:
        at = rest.start
        return memoryview(self._first)[at:] if at < len(self._first) else self._payload[at - self._head_bytes :]


def send_ends_at_once() -> None:
    """Have paho 1 turn off Nagle's algorithm (RFC 896) on the sockets it opens; once a process.

    A message goes in several writes, and the last is held back until the far end has acknowledged those before, which
    that puts off by 40 ms where it has nothing to say (Linux). A connection's first message of 200 KB to the local hub
    took 50 ms in three of five tries, and in none of five since: 6 ms.
    """
    if _is_done("_create_socket_connection"):
        return
    connect = Client._create_socket_connection  # noqa: SLF001  only here is there a socket that sent nothing yet

    @wraps(connect)
    def connect_without_delay(self: Client) -> socket.socket:
        made: socket.socket = connect(self)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    Client._create_socket_connection = connect_without_delay  # noqa: SLF001  likewise


def close_socket(client: Client) -> None:
    """Where the broker's CONNACK did not come, or an error was met, aiomqtt leaves its client's open."""
    client._sock_close()  # noqa: SLF001  there is no public way


def keep_to_receive_maximum(client: Client) -> None:
    """Have no more messages on their way than the broker's CONNACK allows; the others wait in paho.

    A broker may end a connection on which there are more (OASIS MQTT 5.0, section 4.9); HiveMQ allows 10 by default.
    Called after the client's `on_connect` was set.
    """
    told = client.on_connect

    def connected(this: Client, userdata: Any, flags: Any, code: Any, properties: Any = None) -> None:
        if most := getattr(properties, "ReceiveMaximum", None):
            this.max_inflight_messages_set(min(most, _PAHO_INFLIGHT))
        told(this, userdata, flags, code, properties)

    client.on_connect = connected


class Refusals:
    """Why the broker did not take a message, of one MQTT 5 client.

    paho 1.6 reads the reason code of a PUBACK and drops it: a message that an access list forbids looks as if it had
    arrived (paho.mqtt.client.Client._handle_pubackcomp). The client is served by one thread.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._refused: dict[int, int] = {}
        self._publish, self._handle = client.publish, client._handle_pubackcomp  # noqa: SLF001  there is no other way
        client.publish = self._published
        client._handle_pubackcomp = self._answered  # noqa: SLF001  likewise

    def take(self) -> int:
        """The reason code of the message that the current task has published; 128 and above is a failure."""
        return self._refused.pop(_PACKET.get(), 0)

    def _published(self, *arguments: Any, **named: Any) -> Any:
        info = self._publish(*arguments, **named)
        _PACKET.set(info.mid)
        self._refused.pop(info.mid, None)
        return info

    def _answered(self, command: Any) -> Any:
        packet = self._client._in_packet["packet"]  # noqa: SLF001  it hands over the command alone
        if len(packet) > _PACKET_ID_BYTES and packet[_PACKET_ID_BYTES] >= FAILED:
            self._refused[int.from_bytes(packet[:_PACKET_ID_BYTES], "big")] = packet[_PACKET_ID_BYTES]
        return self._handle(command)


_PACKET: ContextVar[int] = ContextVar("packet id")
_PACKET_ID_BYTES = 2
_PAHO_INFLIGHT = 20
"""paho's own most"""

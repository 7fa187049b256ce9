"""MQTT 3.1.1 on the wire, both directions, without the packets of QoS 2, which no IoT hub speaks.

Pure: feed bytes in any pieces, take packets out. Section numbers are those of the OASIS standard
"MQTT Version 3.1.1" (2014-10-29).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_agent.errors import PacketRefused

LONGEST_PACKET_BYTES: Final = 5 + 268_435_455
"""Fixed header and the largest remaining length (section 2.2.3)."""

_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 1, 2, 3, 4
_SUBSCRIBE, _SUBACK, _UNSUBSCRIBE, _UNSUBACK = 8, 9, 10, 11
_PINGREQ, _PINGRESP, _DISCONNECT = 12, 13, 14


@dataclass(frozen=True, slots=True)
class Connect:
    """A client introduces itself. `protocol` and `level` are reported, not judged: MQTT 3.1 is `MQIsdp`, 3."""

    client_id: str
    username: str | None = None
    password: bytes | None = None
    clean_session: bool = False
    keepalive_s: int = 60
    protocol: str = "MQTT"
    level: int = 4


@dataclass(frozen=True, slots=True)
class Connack:
    """The answer to Connect; code 0 is welcome (section 3.2.2.3)."""

    session_present: bool
    code: int


@dataclass(frozen=True, slots=True)
class Publish:
    """A message; `packet_id` is 0 where QoS is 0."""

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    dup: bool = False
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Puback:
    """A message of QoS 1 was taken."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Topic filters, each with the QoS asked for."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Suback:
    """The QoS granted to each filter; 0x80 is a refusal."""

    packet_id: int
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Topic filters no longer wanted."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unsuback:
    """The filters are gone."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Pingreq:
    """The client is alive."""


@dataclass(frozen=True, slots=True)
class Pingresp:
    """So is the server."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The client leaves in good order."""


Packet = (
    Connect | Connack | Publish | Puback | Subscribe | Suback | Unsubscribe | Unsuback | Pingreq | Pingresp | Disconnect
)


class PacketReader:
    """Bytes in, packets out. After PacketRefused the stream has no meaning any more: drop the connection."""

    def __init__(self, longest_bytes: int = LONGEST_PACKET_BYTES) -> None:
        self._longest_bytes = longest_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what came from the wire."""
        self._buffer += data

    def next_packet(self) -> Packet | None:
        """The next whole packet, or None until more is fed. Raises PacketRefused."""
        head = self._head()
        if head is None:
            return None
        start, end = head
        if len(self._buffer) < end:
            return None
        first, content = self._buffer[0], bytes(self._buffer[start:end])
        del self._buffer[:end]
        return _decoded(first, content)

    def _head(self) -> tuple[int, int] | None:
        """Where the content of the first packet starts and ends (section 2.2.3)."""
        length = 0
        for index in range(1, 5):
            if index >= len(self._buffer):
                return None
            length |= (self._buffer[index] & 0x7F) << 7 * (index - 1)
            if self._buffer[index] < 0x80:  # noqa: PLR2004  the top bit says that another byte follows
                return index + 1, self._bounded(index + 1 + length)
        raise PacketRefused("the remaining length is longer than four bytes")

    def _bounded(self, packet_bytes: int) -> int:
        if packet_bytes > self._longest_bytes:
            raise PacketRefused(f"a packet of {packet_bytes} bytes; the limit is {self._longest_bytes}")
        return packet_bytes


def encode(packet: Packet) -> bytes:
    """The packet as it goes over the wire."""
    first, content = _encoded(packet)
    return bytes((first,)) + _variable_length(len(content)) + content


class _Content:
    """What follows the fixed header, read from the front."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) < count:
            raise PacketRefused("a packet ends in the middle of a field")
        self._at += count
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        number = self.number()
        if number == 0:
            raise PacketRefused("a packet identifier of 0 (section 2.3.1)")
        return number

    def text(self) -> str:
        try:
            text = self.take(self.number()).decode()
        except UnicodeDecodeError as error:
            raise PacketRefused("a text that is not UTF-8 (section 1.5.3)") from error
        if "\0" in text:
            raise PacketRefused("a text with a null character (section 1.5.3)")
        return text

    def rest(self) -> bytes:
        return self.take(len(self._content) - self._at)

    def left(self) -> bool:
        return self._at < len(self._content)


def _decoded(first: int, content: bytes) -> Packet:
    kind, flags = first >> 4, first & 0x0F
    if kind not in _DECODERS:
        raise PacketRefused(f"packet type {kind} is not of MQTT 3.1.1 up to QoS 1")
    expected = {_PUBLISH: flags, _SUBSCRIBE: 2, _UNSUBSCRIBE: 2}.get(kind, 0)
    if flags != expected:
        raise PacketRefused(f"flags {flags:#x} on packet type {kind} (section 2.2.2)")
    fields = _Content(content)
    packet = _DECODERS[kind](fields, flags)
    if fields.left():
        raise PacketRefused(f"bytes after the end of a packet of type {kind}")
    return packet


def _connect(fields: _Content, _flags: int) -> Connect:
    protocol, level, flags, keepalive_s = fields.text(), fields.take(1)[0], fields.take(1)[0], fields.number()
    if flags & 0x3D:
        raise PacketRefused(f"connect flags {flags:#04x}: a will, or a reserved bit, is not for a module")
    if flags & 0xC0 == 0x40:  # noqa: PLR2004  password without user name
        raise PacketRefused("a password without a user name (section 3.1.2.9)")
    return Connect(
        client_id=fields.text(),
        username=fields.text() if flags & 0x80 else None,
        password=fields.take(fields.number()) if flags & 0x40 else None,
        clean_session=bool(flags & 0x02),
        keepalive_s=keepalive_s,
        protocol=protocol,
        level=level,
    )


def _connack(fields: _Content, _flags: int) -> Connack:
    present, code = fields.take(2)
    if present & 0xFE:
        raise PacketRefused("reserved bits in the answer to a connect (section 3.2.2.1)")
    return Connack(bool(present), code)


def _publish(fields: _Content, flags: int) -> Publish:
    qos = flags >> 1 & 3
    if qos > 1:
        raise PacketRefused(f"a message of QoS {qos}; an IoT hub takes 0 and 1")
    topic = fields.text()
    if not topic or "#" in topic or "+" in topic:
        raise PacketRefused(f"{topic!r} cannot be published to (section 3.3.2.1)")
    packet_id = fields.packet_id() if qos else 0
    return Publish(topic, fields.rest(), qos, packet_id, dup=bool(flags & 8), retain=bool(flags & 1))


def _subscribe(fields: _Content, _flags: int) -> Subscribe:
    packet_id = fields.packet_id()
    filters: list[tuple[str, int]] = []
    while fields.left() or not filters:
        topic, qos = fields.text(), fields.take(1)[0]
        if qos > 2:  # noqa: PLR2004  the highest QoS there is
            raise PacketRefused(f"a subscription with QoS {qos} (section 3.8.3)")
        filters.append((topic, qos))
    return Subscribe(packet_id, tuple(filters))


def _unsubscribe(fields: _Content, _flags: int) -> Unsubscribe:
    packet_id = fields.packet_id()
    filters = [fields.text()]
    while fields.left():
        filters.append(fields.text())
    return Unsubscribe(packet_id, tuple(filters))


_DECODERS: Final[dict[int, Callable[[_Content, int], Packet]]] = {
    _CONNECT: _connect,
    _CONNACK: _connack,
    _PUBLISH: _publish,
    _PUBACK: lambda fields, _: Puback(fields.packet_id()),
    _SUBSCRIBE: _subscribe,
    _SUBACK: lambda fields, _: Suback(fields.packet_id(), tuple(fields.rest())),
    _UNSUBSCRIBE: _unsubscribe,
    _UNSUBACK: lambda fields, _: Unsuback(fields.packet_id()),
    _PINGREQ: lambda _fields, _: Pingreq(),
    _PINGRESP: lambda _fields, _: Pingresp(),
    _DISCONNECT: lambda _fields, _: Disconnect(),
}


def _encoded(packet: Packet) -> tuple[int, bytes]:  # noqa: C901, PLR0911  one case a packet type
    """First byte and content."""
    match packet:
        case Connect():
            return _CONNECT << 4, _connect_content(packet)
        case Connack(present, code):
            return _CONNACK << 4, bytes((present, code))
        case Publish(topic, payload, qos, packet_id, dup, retain):
            first = _PUBLISH << 4 | dup << 3 | qos << 1 | retain
            return first, _text(topic) + (_number(packet_id) if qos else b"") + payload
        case Puback(packet_id):
            return _PUBACK << 4, _number(packet_id)
        case Subscribe(packet_id, asked):
            return _SUBSCRIBE << 4 | 2, _number(packet_id) + b"".join(
                _text(name) + bytes((qos,)) for name, qos in asked
            )
        case Suback(packet_id, codes):
            return _SUBACK << 4, _number(packet_id) + bytes(codes)
        case Unsubscribe(packet_id, filters):
            return _UNSUBSCRIBE << 4 | 2, _number(packet_id) + b"".join(map(_text, filters))
        case Unsuback(packet_id):
            return _UNSUBACK << 4, _number(packet_id)
        case Pingreq():
            return _PINGREQ << 4, b""
        case Pingresp():
            return _PINGRESP << 4, b""
        case Disconnect():
            return _DISCONNECT << 4, b""


def _connect_content(packet: Connect) -> bytes:
    flags = packet.clean_session << 1
    tail = _text(packet.client_id)
    if packet.username is not None:
        flags, tail = flags | 0x80, tail + _text(packet.username)
    if packet.password is not None:
        flags, tail = flags | 0x40, tail + _number(len(packet.password)) + packet.password
    return _text(packet.protocol) + bytes((packet.level, flags)) + _number(packet.keepalive_s) + tail


def _number(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _number(len(encoded)) + encoded


def _variable_length(length: int) -> bytes:
    encoded = bytearray()
    while length > 0x7F:  # noqa: PLR2004  seven bits a byte
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)

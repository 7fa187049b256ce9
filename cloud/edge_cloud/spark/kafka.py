"""A record of a Kafka topic as a message. Pure.

Event Hubs gives what a sender told by AMQP, as IoT Hub does, in AMQP's own encoding to whoever reads by Kafka
(learn.microsoft.com, "Exchange events between consumers and producers that use different protocols"); a sender by
Kafka tells bare bytes. A text in AMQP begins with a byte that no UTF-8 begins with, so both are read.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from edge_cloud.records import Message

DEVICE: Final = "iothub-connection-device-id"

_TEXTS: Final = {0xA1: 2, 0xB1: 5, 0xA3: 2, 0xB3: 5}
"""AMQP 1.0, 1.6.20 and 1.6.21: constructors of strings and symbols, and where their text begins behind the length."""


def received(
    body: bytes | None, headers: Sequence[Mapping[str, object]] | None, enqueued_us: int | None, source: str
) -> Message:
    """A record's message; each header has `key` and `value`. One without a body is an empty message: it is refused."""
    told = {str(header["key"]): header_text(header["value"]) for header in headers or ()}
    return Message(body or b"", told.pop(DEVICE, ""), told, enqueued_us or 0, source)


def header_text(value: object) -> str:
    """The text in a header, told by AMQP or bare; what is no text is shown as far as it can be."""
    if not isinstance(value, bytes):
        return ""
    text = value[_TEXTS[value[0]] :] if value and value[0] in _TEXTS else value
    return text.decode(errors="replace")

"""Which batch a message is, before it is decoded: what copies are known by. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeGuard

import orjson

from edge_cloud.bodies import is_frames, payload_texts
from edge_cloud.columns import DAY_US
from edge_cloud.errors import NotABody
from edge_cloud.records import Message


@dataclass(frozen=True, slots=True)
class Key:
    """Names a batch. Of copies all is equal, for a batch is sealed once."""

    device: str
    boot: int
    seq: int
    days: tuple[int, ...]
    """UTC, days since the Unix epoch: the partitions of `batches` in which an earlier copy would be"""


def keyed(message: Message) -> Iterator[tuple[Message, Key | None]]:
    """Each payload of a message by itself, with its key; None where none can be read, and the decoder tells why."""
    if message.properties.get("schema") == "candump/1" or is_frames(message.body):
        yield message, _key_of_frames(message)
        return
    try:
        texts = list(payload_texts(message.body))
    except NotABody:
        yield message, None
        return
    if len(texts) == 1:
        yield message, _key(texts[0])
        return
    for line, text in enumerate(texts, 1):
        yield replace(message, body=text, source=f"{message.source}, line {line}"), _key(text)


def _key(text: bytes) -> Key | None:
    try:
        header = orjson.loads(text)
        return _counts(header["device"], header["boot"], header["seq"], (header["opened_ms"] * 1000 // DAY_US,))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _key_of_frames(message: Message) -> Key | None:
    """Its day is that of its arrival, and a copy may have come a day earlier or later."""
    tells, day = message.properties, message.enqueued_us // DAY_US
    try:
        return _counts(message.device, int(tells["boot"]), int(tells["seq"]), (day - 1, day, day + 1))
    except (KeyError, ValueError):
        return None


def _counts(device: object, boot: object, seq: object, days: tuple[int, ...]) -> Key | None:
    """None where one is of a kind, or so large, that no column takes it."""
    if isinstance(device, str) and _fits(boot, 63) and _fits(seq, 63) and all(_fits(day, 31) for day in days):
        return Key(device, boot, seq, days)
    return None


def _fits(number: object, bits: int) -> TypeGuard[int]:
    return isinstance(number, int) and -(1 << bits) <= number < 1 << bits

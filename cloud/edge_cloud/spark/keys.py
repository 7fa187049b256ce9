"""Which batch a message is, before it is decoded: what copies, and contradictions, are known by. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import orjson

from edge_cloud.bodies import is_frames, payload_texts
from edge_cloud.columns import DAY_US
from edge_cloud.errors import NotABody
from edge_cloud.records import Message

Facts: TypeAlias = tuple[str | None, str | None, int | None, int | None, int | None, int | None]
"""What a batch says of itself, as `contradictions.FACTS` names it; times in us since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Key:
    """Names a batch. Of copies all is equal but the days of a log of frames, for a batch is sealed once."""

    device: str
    boot: int
    seq: int
    days: tuple[int, ...]
    """UTC, days since the Unix epoch: the partitions of `batches` in which an earlier one of its name is looked for"""
    facts: Facts
    """by which a copy and a contradiction differ"""


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
        opened, closed = (_whole(header[name], per=1000) for name in ("opened_ms", "closed_ms"))
        facts = _text(header["rule"]), _text(header["why"]), opened, closed, _whole(header["kept"])
        return _named(header, (opened // DAY_US,), (*facts, _whole(header["uptime_ms"])))  # type: ignore[operator]  # null: TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _key_of_frames(message: Message) -> Key | None:
    """Its day is that of its arrival, and a copy may have come a day earlier or later."""
    tells, day = message.properties, message.enqueued_us // DAY_US
    try:
        header = {"device": message.device, "boot": int(tells["boot"]), "seq": int(tells["seq"])}
        return _named(header, (day - 1, day, day + 1), (tells.get("rule"), None, None, None, None, None))
    except (KeyError, ValueError):
        return None


def _named(header: Mapping[str, object], days: tuple[int, ...], facts: Facts) -> Key | None:
    """None where no column takes what names it."""
    match header["device"], header["boot"], header["seq"]:
        case str(device), int(boot), int(seq) if _fits(boot, 63) and _fits(seq, 63) and all(_fits(n, 31) for n in days):
            return Key(device, boot, seq, days, facts)
    return None


def _text(value: object) -> str | None:
    """Raises TypeError: it is no text, and no null, which is what a column takes."""
    if value is None or isinstance(value, str):
        return value
    raise TypeError


def _whole(value: object, per: int = 1) -> int | None:
    """Times `per`; of a float what a column keeps of it. Raises TypeError, ValueError: no column takes it."""
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise TypeError
    if not _fits(number := int(value) * per, 63):
        raise ValueError
    return number


def _fits(number: int, bits: int) -> bool:
    return -(1 << bits) <= number < 1 << bits

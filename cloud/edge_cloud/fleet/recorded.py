"""One recorded drive under many names: the payloads of a real vehicle, each with another's header. Pure.

Only the header is written anew; what a batch holds is compressed once. So a fleet's messages cost the simulation
little, and the hub what real ones cost. Each is one member of gzip, as a vehicle's is: where messages are put one
after the other in a file, a member is a message.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from edge_cloud.bodies import payload_texts
from edge_cloud.errors import EdgeCloudError, NotABody
from edge_cloud.records import Message

_CONTENT: Final = {"columns/1": "columns", "rows/1": "rows"}
_GZIP_HEAD: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""Deflate, no name, no time, no system (RFC 1952)."""


class NoDrive(EdgeCloudError):  # noqa: N818  a verdict on one file
    """Nothing that could be driven again."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One message of the recorded drive, without whose it is."""

    schema: str
    lane: str
    rule: str
    header: dict[str, object]
    tail: bytes
    """the rest of the body from the content on"""
    deflated: bytes
    """the same as the end of a deflate stream, which refers to nothing before it; empty in the hot lane"""

    def body(self, device: str, boot: int, seq: int) -> bytes:
        """The message as that vehicle sends it."""
        known: bytes = orjson.dumps(self.header | {"device": device, "boot": boot, "seq": seq})
        head = known[:-1] + b","
        if self.lane != "warm":
            return head + self.tail
        begun = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        start = begun.compress(head) + begun.flush(zlib.Z_FULL_FLUSH)
        check, size = zlib.crc32(self.tail, zlib.crc32(head)), len(head) + len(self.tail)
        return _GZIP_HEAD + start + self.deflated + check.to_bytes(4, "little") + size.to_bytes(4, "little")


def patterns(messages: Iterable[Message]) -> list[Pattern]:
    """The messages of one boot that hold samples, in the order of their numbers. Raises NoDrive: there are none."""
    found: dict[tuple[int, int], Pattern] = {}
    for message in messages:
        for payload in _payloads(message):
            if payload["schema"] in _CONTENT:
                found[int(str(payload["boot"])), int(str(payload["seq"]))] = _pattern(payload)
    if not found:
        raise NoDrive("no batch with samples is among the messages of the drive")
    newest = max(boot for boot, _ in found)
    return [pattern for (boot, _), pattern in sorted(found.items(), key=lambda one: one[0]) if boot == newest]


def _payloads(message: Message) -> Iterable[dict[str, object]]:
    if message.properties.get("schema", "columns/1") not in _CONTENT:
        return []
    try:
        return [orjson.loads(text) for text in payload_texts(message.body)]
    except (NotABody, orjson.JSONDecodeError) as error:
        raise NoDrive(f"{message.source}: {error}") from None


def _pattern(payload: dict[str, object]) -> Pattern:
    schema, lane, rule = (str(payload[name]) for name in ("schema", "lane", "rule"))
    name = _CONTENT[schema]
    tail = f'"{name}":'.encode() + orjson.dumps(payload[name]) + b"}\n"
    header = {key: value for key, value in payload.items() if key != name}
    header |= {"prev": {"boot": None, "last_seq": None}, "evicted": []}
    deflated = zlib.compress(tail, 6, wbits=-zlib.MAX_WBITS) if lane == "warm" else b""
    return Pattern(schema, lane, rule, header, tail, deflated)

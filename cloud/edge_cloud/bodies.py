"""From the body of a message to the texts of its payloads. Pure."""

import re
import zlib
from collections.abc import Iterator
from typing import Final

from edge_cloud.errors import NotABody

INFLATED_MAX_BYTES: Final = 16 << 20
"""The agent's largest is 0.9 MB. A body of the 256 KB that IoT Hub takes could become 256 MB: nobody's mistake."""

_GZIP: Final = b"\x1f\x8b"
_FRAME: Final = re.compile(rb"\(\d+\.\d{6}\) \S+ [0-9A-F]+#")


def payload_texts(body: bytes) -> Iterator[bytes]:
    """The JSON texts in a body, gzip or plain: one payload, or several put one after the other.

    Raises NotABody: nothing in it, or broken gzip.
    """
    text = inflated(body) if body.startswith(_GZIP) else body
    lines = [line for line in text.split(b"\n") if line and not line.isspace()]
    if not lines:
        raise NotABody("it is empty")
    yield from lines


def inflated(body: bytes) -> bytes:
    """All members of a gzip body, one after the other.

    Raises NotABody: broken, cut off, or more than INFLATED_MAX_BYTES.
    """
    parts: list[bytes] = []
    left, rest = INFLATED_MAX_BYTES, body
    while rest:
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(rest, left + 1))
        except zlib.error as error:
            raise NotABody(f"its gzip is broken: {error}") from None
        left -= len(parts[-1])
        if left < 0:
            raise NotABody(f"it inflates to more than {INFLATED_MAX_BYTES >> 20} MiB")
        if not member.eof:
            raise NotABody("its gzip is cut off")
        rest = member.unused_data
    return b"".join(parts)


def is_frames(body: bytes) -> bool:
    """Whether a body is a log of frames (`candump/1`), which has no header: told by its first line."""
    try:
        head = zlib.decompressobj(wbits=31).decompress(body, 256) if body.startswith(_GZIP) else body[:256]
    except zlib.error:
        return False
    return _FRAME.match(head) is not None

"""The messages in a file, from its bytes: what an Event Hub captured, or payloads one after the other. Pure."""

import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import fastavro

from edge_cloud.records import Message

_AVRO: Final = b"Obj\x01"
_GZIP: Final = b"\x1f\x8b"
_FEED: Final = 1 << 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def messages_in(place: str, content: bytes) -> Iterator[Message]:
    """Every message of a file. What cannot be read is one message as it is, which the decoder refuses."""
    if content.startswith(_AVRO):
        yield from _captured(place, content)
        return
    bodies = _members(content) if content.startswith(_GZIP) else content.splitlines(keepends=True)
    for number, body in enumerate(bodies):
        yield Message(body, source=f"{place}, message {number}")


def _members(content: bytes) -> Iterator[bytes]:
    """The members of a gzip file, each as it is; where one is broken, all that is left as one."""
    view, start = memoryview(content), 0
    while start < len(view):
        member, end = zlib.decompressobj(wbits=31), start
        try:
            while not member.eof and end < len(view):
                member.decompress(view[end : end + _FEED])
                end += _FEED
        except zlib.error:
            end = len(view)
        end = min(end, len(view)) - len(member.unused_data)
        yield bytes(view[start:end])
        start = end


def _captured(place: str, content: bytes) -> Iterator[Message]:
    """Messages of a capture: a record each, with SequenceNumber, EnqueuedTimeUtc, two kinds of properties, and Body."""
    try:
        for record in fastavro.reader(io.BytesIO(content)):
            system, told = record["SystemProperties"], record["Properties"]
            yield Message(
                record["Body"] or b"",
                _text(system.get("iothub-connection-device-id")),
                {name: _text(value) for name, value in told.items() if value is not None},
                _enqueued_us(record["EnqueuedTimeUtc"]),
                f"{place}, message {record['SequenceNumber']}",
            )
    except (EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        yield Message(content, source=f"{place}, which is no whole capture: {error!r}")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else "" if value is None else str(value)


def _enqueued_us(text: str) -> int:
    """Capture writes `9/1/2026 12:00:00 PM`, without fractions; other writers of the same schema ISO 8601.

    Raises ValueError: neither.
    """
    try:
        time = datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007  it is UTC by the field's name
    except ValueError:
        time = datetime.fromisoformat(text)
    since = time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH
    return since // timedelta(microseconds=1)

"""What a local hub keeps of what arrived: `arrived.jsonl`, one line a message."""

import base64
from collections.abc import Iterator
from pathlib import Path

import orjson

from edge_cloud.errors import NotAFile
from edge_cloud.records import Message


def read_arrivals(path: Path) -> Iterator[Message]:
    """Its messages, in the order of their arrival; a last line that is still being written is left out.

    Raises NotAFile: it is not there, or a line is none of a hub's.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotAFile(str(path), error.strerror or str(error)) from None
    with file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _message(line, f"{path}:{number}")


def _message(line: bytes, place: str) -> Message:
    try:
        row = orjson.loads(line)
        body = base64.b64decode(row["body"], validate=True)
        return Message(body, row["device"], row["properties"], row["at_ms"] * 1000, place)
    except (ValueError, KeyError, TypeError) as error:
        raise NotAFile(place, f"no message of a hub: {error!r}") from None

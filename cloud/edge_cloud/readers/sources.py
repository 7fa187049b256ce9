"""Which files of a folder hold messages, and the messages in one, whichever form it has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge_cloud.errors import NotAFile
from edge_cloud.readers.arrivals import read_arrivals
from edge_cloud.readers.contents import messages_in
from edge_cloud.readers.routed import is_routed, routed_messages
from edge_cloud.records import Message

ARRIVED: Final = "arrived.jsonl"
_SUFFIXES: Final = ("", ".avro", ".gz", ".json", ".jsonl", ".log")
"""Routed blobs may have none."""


def files_of(source: Path) -> list[Path]:
    """The files to read, in order of their names: `source` itself, or those in it and in its folders.

    A local hub's folder holds keys besides: of it only what arrived is read. Names that begin with `.` or `_` belong to
    whoever writes the folder. Raises NotAFile: it is not there, or nothing in it looks like messages.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise NotAFile(str(source), "no such file or folder")
    if (source / ARRIVED).is_file():
        return [source / ARRIVED]
    inside = [path for path in sorted(source.rglob("*")) if path.is_file()]
    found = [path for path in inside if is_message_file(path.relative_to(source).parts)]
    if not found:
        raise NotAFile(str(source), f"holds no file with messages: {', '.join(s for s in _SUFFIXES if s)}")
    return found


def is_message_file(parts: tuple[str, ...]) -> bool:
    """Whether a path, in its parts, is one that is read where a whole folder is."""
    return not any(part.startswith((".", "_")) for part in parts) and Path(parts[-1]).suffix in _SUFFIXES


def messages_of(path: Path) -> Iterator[Message]:
    """The messages of a file, each with one payload; arrivals are read line by line, others at once.

    Raises NotAFile: it cannot be read, or a line of `arrived.jsonl` is no hub's.
    """
    if path.name == ARRIVED:
        yield from read_arrivals(path)
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotAFile(str(path), error.strerror or str(error)) from None
    yield from messages_in_bytes(str(path), content)


def messages_in_bytes(place: str, content: bytes) -> Iterator[Message]:
    """Those of a file of any form but a hub's arrivals, told by its first bytes."""
    if content[:1] == b"{" and is_routed(content.partition(b"\n")[0]):
        return routed_messages(place, content)
    return messages_in(place, content)

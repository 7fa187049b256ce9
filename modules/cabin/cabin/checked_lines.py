r"""Files that survive a power cut: lines with a checksum each, appended and flushed, or replaced whole.

A line is `\n`, CRC-32 of the JSON in 8 hexadecimal digits, a space, the JSON, `\n`. It begins with a line end of its
own, so that what a cut or a full disk left of the line before spoils that one alone.
"""

import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cabin.ports import Json

OWNER_ONLY, OWNER_FOLDER = 0o600, 0o700
_CRC_CHARS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in one line: `record` is None where it is damaged; where in the file it stands, in bytes."""

    record: Mapping[str, Json] | None
    start: int
    length: int


def sealed(record: Mapping[str, Json]) -> bytes:
    """One line."""
    body = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"\n%08x %s\n" % (zlib.crc32(body), body)


def lines_in(content: bytes) -> Sequence[Line]:
    """Every line that is not empty, damaged ones too."""
    found, start = [], 0
    for line in content.split(b"\n"):
        if line:
            found.append(Line(_record(line), start, len(line)))
        start += len(line) + 1
    return found


def is_torn(content: bytes) -> bool:
    """Whether the last line has no end: it was being written when the power went."""
    return bool(content) and not content.endswith(b"\n")


def content_of(path: Path) -> bytes:
    """Of a file, empty where there is none. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def append(path: Path, content: bytes) -> None:
    """Behind what is there; on disk when this returns. Raises OSError."""
    is_new = not path.exists()
    _write(path, os.O_APPEND, content)
    if is_new:
        _flush_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """The whole file, old or new and nothing between; on disk when this returns. Raises OSError."""
    beside = path.with_name(f"{path.name}.new")
    _write(beside, os.O_TRUNC, content)
    beside.replace(path)
    _flush_folder(path.parent)


def remove(path: Path) -> None:
    """It, and what a replacement that was cut left beside it; gone from the disk when this returns. Raises OSError."""
    gone = False
    for one in (path, path.with_name(f"{path.name}.new")):
        with suppress(FileNotFoundError):
            one.unlink()
            gone = True
    if gone:
        _flush_folder(path.parent)


def make_folder(folder: Path) -> None:
    """For the owner alone. Raises OSError."""
    folder.mkdir(mode=OWNER_FOLDER, parents=True, exist_ok=True)


def text_of(record: Mapping[str, Json], name: str) -> str:
    """A field that must be a text. Raises TypeError."""
    value = record.get(name)
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a text")
    return value


def whole_of(record: Mapping[str, Json], name: str) -> int:
    """A field that must be a whole number. Raises TypeError."""
    value = record.get(name)
    if type(value) is not int:
        raise TypeError(f"{name}: must be a whole number")
    return value


def _record(line: bytes) -> Mapping[str, Json] | None:
    checksum, body = line[:_CRC_CHARS], line[_CRC_CHARS + 1 :]
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        record = json.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _write(path: Path, flags: int, content: bytes) -> None:
    def opener(name: str, _: int) -> int:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, OWNER_ONLY)

    with open(path, "wb", buffering=0, opener=opener) as file:
        _all_of(file.write, content)
        os.fsync(file.fileno())


def _all_of(write: Callable[[bytes], int | None], content: bytes) -> None:
    """A full disk takes a part and refuses the rest."""
    while content:
        content = content[write(content) or 0 :]


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

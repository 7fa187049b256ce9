"""A spool's folder, read without a trace: no lock is taken, nothing is made or changed, and no boot is begun.

An agent may write in it at the same moment. What is read then is one state of it or the next: bytes behind the last
whole record are an append that goes on, a file that is gone was delivered.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_agent.desk.spool_entries import GivenUp, SegmentFound, StreamEnd, StreamReader
from edge_agent.errors import FileRefused
from edge_agent.spool.naming import SegmentName, StreamName, segment_named
from edge_agent.spool.state import NewerState, SpoolState, decode_state

STATE, COPY, LOCK = "state.json", "opened.json", "lock"
REFUSED, DAMAGED = "refused", "damaged"
"""folders in it: what the far end will never take, and damaged segments as they were found"""
INSIDE = "spool"
"""where the agent's data folder has it"""
LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class FileFound:
    """One file of the folder."""

    name: str
    size: int


class SpoolFolder:
    """A spool's folder, or the data folder it is in. Raises FileRefused where it is none, or may not be read."""

    def __init__(self, folder: Path) -> None:
        inner = folder / INSIDE
        self.path = inner if not _is_spool(folder) and _is_spool(inner) else folder
        if not _is_spool(self.path):
            raise FileRefused(str(folder), "no spool is there: neither segments nor a spool's state.json")
        self.state, self.state_file = self._read_state()
        names = [named for name in _names(self.path) if (named := segment_named(name))]
        self._present = [name for name, _suffix in names]
        self.segments = sorted((name for name, suffix in names if not suffix), key=_place)
        self.set_aside = [f"{name}{suffix}" for name, suffix in names if suffix]

    @property
    def total_bytes(self) -> int:
        """Of all segments, as far as they are still there."""
        return sum(_size(self.path / str(name)) or 0 for name in self.segments)

    @property
    def last_numbers(self) -> dict[StreamName, int]:
        """The highest number each stream has used, also of segments set aside."""
        return {name.stream: name.number for name in sorted(self._present, key=str)}

    def found(self) -> Iterator[SegmentFound | StreamEnd]:
        """Stream by stream, most important first: its segments in order, then its end. Raises FileRefused."""
        given_up = GivenUp(self.state)
        streams = {*self.state.streams, *(name.stream for name in self.segments)}
        for stream in sorted(streams, key=lambda name: name.turn):
            names = [name for name in self.segments if name.stream == stream]
            yield from self._stream(stream, names, given_up)

    def owner(self) -> int | None:
        """The process that holds the lock, None where none is seen; one of another container may not be.

        It is in the kernel's list: trying the lock would keep an agent from starting. A lock is known there by its
        file's number; the device is not compared, since overlay and btrfs name another one there.
        """
        with suppress(OSError):
            number = str((self.path / LOCK).stat().st_ino)
            for line in LOCKS.read_text().splitlines():
                _order, kind, _way, _mode, pid, place, *_span = line.replace(" -> ", " ").split()
                if kind == "FLOCK" and place.rpartition(":")[2] == number:
                    return int(pid)
        return None

    def put_aside(self, folder: str) -> list[FileFound]:
        """The files in REFUSED or DAMAGED. Raises FileRefused."""
        path = self.path / folder
        names = sorted(_names(path)) if path.is_dir() else []
        return [FileFound(name, size) for name in names if (size := _size(path / name)) is not None]

    def files(self) -> list[FileFound]:
        """Every file of the folder itself. Raises FileRefused."""
        paths = (self.path / name for name in sorted(_names(self.path)))
        return [FileFound(path.name, size) for path in paths if (size := _size(path)) is not None and path.is_file()]

    def _stream(
        self, stream: StreamName, names: Iterable[SegmentName], given_up: GivenUp
    ) -> Iterator[SegmentFound | StreamEnd]:
        reader = StreamReader(stream, self.state, given_up)
        for name in names:
            path = self.path / str(name)
            try:
                yield reader.take(name, path.read_bytes())
            except FileNotFoundError:
                continue
            except PermissionError as error:
                raise _refused(path, error) from error
            except OSError:  # a bad block: the agent sets such a file aside
                reader.damage(name, _size(path) or 0)
        now, _ = self._read_state()
        yield reader.ended({name.number for name in self._present if name.stream == stream}, changed=now != self.state)

    def _read_state(self) -> tuple[SpoolState, str]:
        """The state, and where it is from: a file's name, or empty where nothing can be read and all counts as waiting.

        Of what a later release wrote its boot is known, and no more.
        """
        for name in (STATE, COPY):
            state = decode_state(_content(self.path / name) or b"")
            if isinstance(state, NewerState):
                return SpoolState(state.boot, state.last_seq), ""
            if state is not None:
                return state, name
        return SpoolState(0, None), ""


def _place(name: SegmentName) -> tuple[tuple[int, bool, int], int]:
    return name.stream.turn, name.number


def _is_spool(folder: Path) -> bool:
    try:
        if not folder.is_dir():
            return False
    except OSError as error:
        raise _refused(folder, error) from error
    names = _names(folder)
    if any(segment_named(name) for name in names):
        return True
    # The local hub has a state.json too; a spool's bears its CRC.
    return any(decode_state(_content(folder / name) or b"") is not None for name in (STATE, COPY) if name in names)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names, not paths
    except OSError as error:
        raise _refused(folder, error) from error


def _content(path: Path) -> bytes | None:
    """A whole file, or None where it is gone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> FileRefused:
    remedy = "; its files are for the agent's user alone: run this as that user or as root"
    reason = error.strerror or str(error)
    return FileRefused(str(path), f"cannot be read: {reason}{remedy if isinstance(error, PermissionError) else ''}")

"""The files of a spool's folder and what is done to them; decides nothing. Blocking; raises OSError.

Layout and invariants are told in `framing.py`.
"""

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge_agent.durable import TEMPORARY_SUFFIX, read_back, sync_folder, write_durably
from edge_agent.errors import SpoolUnusable
from edge_agent.spool.framing import file_header
from edge_agent.spool.state import SpoolState, decode_state, encode_state
from edge_agent.spool.stream import Segment

_SEGMENT_NAME = re.compile(r"([0-9])-([0-9]{10})\.seg(\..*)?")
_STATE, _STATE_AT_OPEN = "state.json", "opened.json"
_RESERVE, _RESERVE_BYTES = "reserve", 64 * 1024


class SpoolFiles:
    """The folder, locked. Raises SpoolUnusable when it cannot be made, written or locked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refused = folder / "refused"
        self._open: dict[int, tuple[int, int]] = {}
        """priority -> (number of its growing segment, descriptor)"""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refused.mkdir(mode=0o700, exist_ok=True)
            with contextlib.suppress(
                PermissionError
            ):  # a mounted volume may be another user's and still be ours to use
                folder.chmod(0o700)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unusable(folder, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for leftover in (*folder.glob(f"*{TEMPORARY_SUFFIX}"), *self._refused.glob(f"*{TEMPORARY_SUFFIX}")):
                leftover.unlink()
        except BlockingIOError as error:
            os.close(self._lock)
            hint = "Stop the other process, or give each its own folder"
            raise SpoolUnusable(str(folder), "another process uses it", hint) from error
        except OSError as error:
            os.close(self._lock)
            raise unusable(folder, error) from error

    def release(self) -> None:
        """Close every file and give the folder free."""
        for priority in tuple(self._open):
            self._close_growing(priority)
        os.close(self._lock)

    def path(self, priority: int, number: int) -> Path:
        """Where a segment lies."""
        return self._folder / f"{priority}-{number:010d}.seg"

    def segments(self) -> Iterator[tuple[int, int]]:
        """(priority, number) of every segment that was not set aside, in order."""
        found = (_SEGMENT_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        yield from sorted((int(match[1]), int(match[2])) for match in found if match and match[3] is None)

    def last_numbers(self) -> Mapping[int, int]:
        """The highest number each priority has used, also by segments set aside: no name is given twice."""
        found = (_SEGMENT_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return dict(sorted((int(match[1]), int(match[2])) for match in found if match))

    def read_states(self) -> tuple[SpoolState | None, SpoolState | None]:
        """state.json and its copy as of the last open; None for one that is missing or damaged."""
        state, copy = (read_back(self._folder / name) for name in (_STATE, _STATE_AT_OPEN))
        return decode_state(state or b""), decode_state(copy or b"")

    def has_state_file(self) -> bool:
        """Whether there is a state.json, readable or not."""
        return (self._folder / _STATE).exists()

    def write_state(self, state: SpoolState, *, also_as_copy: bool = False) -> None:
        """Make the state durable. The copy goes first, so that it never names an older boot than the state."""
        data = encode_state(state)
        if also_as_copy:
            self._write_somehow(_STATE_AT_OPEN, data)
        self._write_somehow(_STATE, data)

    def append(self, chunks: Mapping[Segment, bytes]) -> None:
        """Write each segment's chunk at its end and make all durable; on failure all are as before, or shorter."""
        created = False
        try:
            for segment, chunk in chunks.items():
                created |= self._write(segment, chunk)
            for segment in chunks:
                os.fdatasync(self._open[segment.priority][1])
            if created:
                sync_folder(self._folder)
        except OSError:
            for segment in chunks:
                self._take_back(segment)
            raise

    def read_all(self, priority: int, number: int) -> bytes:
        """A whole segment."""
        return self.path(priority, number).read_bytes()

    def read(self, segment: Segment, start: int, end: int) -> bytes:
        """A piece of a segment; shorter than asked where the file ends."""
        descriptor = os.open(self.path(segment.priority, segment.number), os.O_RDONLY)
        try:
            return os.pread(descriptor, end - start, start)
        finally:
            os.close(descriptor)

    def remove(self, segments: tuple[Segment, ...]) -> None:
        """Unlink the files of segments; those already gone are well."""
        for segment in segments:
            if self._open.get(segment.priority, (None,))[0] == segment.number:
                self._close_growing(segment.priority)
            self.path(segment.priority, segment.number).unlink(missing_ok=True)
        if segments:
            sync_folder(self._folder)
            self.keep_reserve()

    def keep_reserve(self) -> None:
        """Hold space back for the state: on a full disk nothing may be deleted while the state cannot be written."""
        reserve = self._folder / _RESERVE
        with contextlib.suppress(OSError):
            if not reserve.exists():
                reserve.write_bytes(bytes(_RESERVE_BYTES))
                reserve.chmod(0o600)

    def cut(self, priority: int, number: int, size: int) -> None:
        """Take off what follows the first `size` bytes."""
        with self.path(priority, number).open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def replace(self, priority: int, number: int, content: bytes) -> None:
        """Give a segment another content."""
        write_durably(self.path(priority, number), content)

    def rename(self, priority: int, number: int, suffix: str) -> None:
        """Put a segment aside under another name."""
        path = self.path(priority, number)
        path.rename(path.with_name(path.name + suffix))
        sync_folder(self._folder)

    def set_aside(self, name: str, content: bytes, *, most_files: int, most_bytes: int) -> int:
        """Add a file to refused/ and return how many older ones had to go for it."""
        write_durably(self._refused / f"{name}.seg", content)
        files = sorted(self._refused.iterdir())
        sizes = [path.stat().st_size for path in files]
        removed = 0
        while len(files) - removed > most_files or sum(sizes[removed:]) > most_bytes:
            files[removed].unlink()
            removed += 1
        return removed

    def _write(self, segment: Segment, chunk: bytes) -> bool:
        number, descriptor = self._open.get(segment.priority, (None, -1))
        created = number != segment.number
        if created:
            self._close_growing(segment.priority)
            path = self.path(segment.priority, segment.number)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._open[segment.priority] = (segment.number, descriptor)
            chunk = file_header(segment.priority) + chunk
        at = 0 if created else segment.size
        rest = memoryview(chunk)
        while rest:
            written = os.pwrite(descriptor, rest, at)
            at, rest = at + written, rest[written:]
        return created

    def _write_somehow(self, name: str, data: bytes) -> None:
        try:
            write_durably(self._folder / name, data)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            (self._folder / _RESERVE).unlink(missing_ok=True)
            write_durably(self._folder / name, data)

    def _take_back(self, segment: Segment) -> None:
        # Best effort on a disk that has just failed: what cannot be cut off now is a torn tail or a repeat to recovery.
        with contextlib.suppress(OSError):
            number, descriptor = self._open.get(segment.priority, (None, -1))
            if number == segment.number:
                os.ftruncate(descriptor, segment.size if segment.count else 0)
                self._close_growing(segment.priority)
            if not segment.count:
                self.path(segment.priority, segment.number).unlink(missing_ok=True)

    def _close_growing(self, priority: int) -> None:
        _number, descriptor = self._open.pop(priority, (None, None))
        if descriptor is not None:
            os.close(descriptor)


def unusable(folder: Path, error: OSError) -> SpoolUnusable:
    """What the disk says about a folder, as a verdict."""
    reason = error.strerror or str(error)
    return SpoolUnusable(str(folder), reason, "Give the module a folder it may write, on a mounted volume")

"""The files of a spool's folder and what is done to them; decides nothing. Blocking; raises OSError.

Layout and invariants are told in `framing.py`.
"""

import contextlib
import errno
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge_agent.disk import DISK, Disk
from edge_agent.durable import (
    TEMPORARY_SUFFIX,
    make_folder_durably,
    read_back,
    unlink_if_there,
    write_all,
    write_durably,
)
from edge_agent.errors import SpoolUnusable
from edge_agent.spool.framing import file_header
from edge_agent.spool.state import SpoolState, decode_state, encode_state
from edge_agent.spool.stream import Segment

_SEGMENT_NAME = re.compile(r"([0-9])-([0-9]{10})\.seg(\..*)?")
_STATE, _STATE_AT_OPEN = "state.json", "opened.json"
_RESERVE, _RESERVE_BYTES = "reserve", 64 * 1024


class SpoolFiles:
    """The folder, locked. Raises SpoolUnusable when it cannot be made, written or locked."""

    def __init__(self, folder: Path, disk: Disk = DISK) -> None:
        self._folder, self._disk = folder, disk
        self._refused = folder / "refused"
        self._open: dict[int, tuple[int, int]] = {}
        """priority -> (number of its growing segment, descriptor)"""
        try:
            for one in (folder, self._refused):
                make_folder_durably(one, disk)
            self._lock = disk.lock(folder / "lock")
        except BlockingIOError as error:
            hint = "Stop the other process, or give each its own folder"
            raise SpoolUnusable(str(folder), "another process uses it", hint) from error
        except OSError as error:
            raise unusable(folder, error) from error
        try:
            self._remove_leftovers()
        except OSError as error:
            disk.close(self._lock)
            raise unusable(folder, error) from error

    def release(self) -> None:
        """Close every file and give the folder free."""
        for priority in tuple(self._open):
            self._close_growing(priority)
        self._disk.close(self._lock)

    def path(self, priority: int, number: int) -> Path:
        """Where a segment lies."""
        return self._folder / f"{priority}-{number:010d}.seg"

    def segments(self) -> Iterator[tuple[int, int]]:
        """(priority, number) of every segment that was not set aside, in order."""
        found = (_SEGMENT_NAME.fullmatch(name) for name in self._disk.names(self._folder))
        yield from sorted((int(match[1]), int(match[2])) for match in found if match and match[3] is None)

    def last_numbers(self) -> Mapping[int, int]:
        """The highest number each priority has used, also by segments set aside: no name is given twice."""
        found = (_SEGMENT_NAME.fullmatch(name) for name in self._disk.names(self._folder))
        return dict(sorted((int(match[1]), int(match[2])) for match in found if match))

    def read_states(self) -> tuple[SpoolState | None, SpoolState | None]:
        """state.json and its copy as of the last open; None for one that is missing or damaged."""
        state, copy = (read_back(self._folder / name, self._disk) for name in (_STATE, _STATE_AT_OPEN))
        return decode_state(state or b""), decode_state(copy or b"")

    def has_state_file(self) -> bool:
        """Whether there is a state.json, readable or not."""
        return _STATE in self._disk.names(self._folder)

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
                self._disk.fdatasync(self._open[segment.priority][1])
            if created:
                self._disk.sync_folder(self._folder)
        except OSError:
            for segment in chunks:
                self._take_back(segment)
            raise

    def read_all(self, priority: int, number: int) -> bytes:
        """A whole segment."""
        return self._disk.read(self.path(priority, number))

    def read(self, segment: Segment, start: int, end: int) -> bytes:
        """A piece of a segment; shorter than asked where the file ends."""
        descriptor = self._disk.open(self.path(segment.priority, segment.number))
        try:
            return self._disk.pread(descriptor, end - start, start)
        finally:
            self._disk.close(descriptor)

    def remove(self, segments: tuple[Segment, ...]) -> None:
        """Unlink the files of segments; those already gone are well."""
        for segment in segments:
            if self._open.get(segment.priority, (None,))[0] == segment.number:
                self._close_growing(segment.priority)
            unlink_if_there(self.path(segment.priority, segment.number), self._disk)
        if segments:
            self._disk.sync_folder(self._folder)
            self.keep_reserve()

    def keep_reserve(self) -> None:
        """Hold space back for the state: on a full disk nothing may be deleted while the state cannot be written."""
        reserve = self._folder / _RESERVE
        with contextlib.suppress(OSError):
            descriptor = self._disk.create(reserve)
            try:
                write_all(descriptor, bytes(_RESERVE_BYTES), 0, self._disk)
            finally:
                self._disk.close(descriptor)

    def cut(self, priority: int, number: int, size: int) -> None:
        """Take off what follows the first `size` bytes."""
        descriptor = self._disk.open(self.path(priority, number), writable=True)
        try:
            self._disk.ftruncate(descriptor, size)
            self._disk.fdatasync(descriptor)
        finally:
            self._disk.close(descriptor)

    def replace(self, priority: int, number: int, content: bytes) -> None:
        """Give a segment another content."""
        write_durably(self.path(priority, number), content, self._disk)

    def rename(self, priority: int, number: int, suffix: str) -> None:
        """Put a segment aside under another name."""
        path = self.path(priority, number)
        self._disk.rename(path, path.with_name(path.name + suffix))
        self._disk.sync_folder(self._folder)

    def set_aside(self, name: str, content: bytes, *, most_files: int, most_bytes: int) -> int:
        """Add a file to refused/ and return how many older ones had to go for it."""
        write_durably(self._refused / f"{name}.seg", content, self._disk)
        files = [self._refused / name for name in sorted(self._disk.names(self._refused))]
        sizes = [self._disk.size(path) for path in files]
        removed = 0
        while len(files) - removed > most_files or sum(sizes[removed:]) > most_bytes:
            self._disk.unlink(files[removed])
            removed += 1
        return removed

    def _write(self, segment: Segment, chunk: bytes) -> bool:
        number, descriptor = self._open.get(segment.priority, (None, -1))
        created = number != segment.number
        if created:
            self._close_growing(segment.priority)
            path = self.path(segment.priority, segment.number)
            descriptor = self._disk.create(path)
            self._open[segment.priority] = (segment.number, descriptor)
            chunk = file_header(segment.priority) + chunk
        write_all(descriptor, chunk, 0 if created else segment.size, self._disk)
        return created

    def _remove_leftovers(self) -> None:
        for folder in (self._folder, self._refused):
            for name in self._disk.names(folder):
                if name.endswith(TEMPORARY_SUFFIX):
                    self._disk.unlink(folder / name)

    def _write_somehow(self, name: str, data: bytes) -> None:
        try:
            write_durably(self._folder / name, data, self._disk)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            unlink_if_there(self._folder / _RESERVE, self._disk)
            write_durably(self._folder / name, data, self._disk)

    def _take_back(self, segment: Segment) -> None:
        # Best effort on a disk that has just failed: what cannot be cut off now is a torn tail or a repeat to recovery.
        with contextlib.suppress(OSError):
            number, descriptor = self._open.get(segment.priority, (None, -1))
            if number == segment.number:
                self._disk.ftruncate(descriptor, segment.size if segment.count else 0)
                self._close_growing(segment.priority)
            if not segment.count:
                unlink_if_there(self.path(segment.priority, segment.number), self._disk)

    def _close_growing(self, priority: int) -> None:
        _number, descriptor = self._open.pop(priority, (None, None))
        if descriptor is not None:
            self._disk.close(descriptor)


def unusable(folder: Path, error: OSError) -> SpoolUnusable:
    """What the disk says about a folder, as a verdict."""
    reason = error.strerror or str(error)
    return SpoolUnusable(str(folder), reason, "Give the module a folder it may write, on a mounted volume")

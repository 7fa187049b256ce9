"""The files of a spool's folder and what is done to them; decides nothing. Blocking; raises OSError.

Layout and invariants are told in `framing.py`.
"""

import contextlib
import errno
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
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
from edge_agent.records import Purpose
from edge_agent.spool.framing import FILE_HEADER_SIZE, file_header, stream_in
from edge_agent.spool.naming import SegmentName, StreamName, segment_named
from edge_agent.spool.state import NewerState, SpoolState, decode_state, encode_state
from edge_agent.spool.stream import Segment

_STATE, _STATE_AT_OPEN = "state.json", "opened.json"
_BLOCK_BYTES = 4096
_READ_TRIES = 3
_RESERVE, _RESERVE_BYTES = "reserve", 64 * 1024


class SpoolFiles:
    """The folder, locked. Raises SpoolUnusable when it cannot be made, written or locked."""

    def __init__(self, folder: Path, disk: Disk = DISK) -> None:
        self._folder, self._disk = folder, disk
        self._refused, self._damaged = folder / "refused", folder / "damaged"
        self._open: dict[StreamName, tuple[SegmentName, int]] = {}
        """the growing segment of each stream, and its descriptor"""
        self._read_from: tuple[SegmentName, int] | None = None
        """what was read last, likewise: opening costs a record of 1 KB a tenth of its way to the hub"""
        try:
            for one in (folder, self._refused, self._damaged):
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
        for stream in tuple(self._open):
            self._close_growing(stream)
        self._stop_reading()
        self._disk.close(self._lock)

    def path(self, name: SegmentName) -> Path:
        """Where a segment lies."""
        return self._folder / str(name)

    def segments(self) -> list[SegmentName]:
        """Every segment that was not set aside, in order within its stream."""
        return sorted((name for name, suffix in self._names() if not suffix), key=str)

    def numbers(self) -> Mapping[StreamName, set[int]]:
        """The numbers each stream uses, also for segments set aside: no name is given twice."""
        numbers: defaultdict[StreamName, set[int]] = defaultdict(set)
        for name, _suffix in self._names():
            numbers[name.stream].add(name.number)
        return numbers

    def read_states(self) -> tuple[SpoolState | NewerState | None, SpoolState | NewerState | None]:
        """state.json and its copy as of the last open; None for one that is missing or damaged."""
        state, copy = (self._read_state(name) for name in (_STATE, _STATE_AT_OPEN))
        return state, copy

    def keep_newer_states(self) -> list[Path]:
        """Keep what a newer release noted under names of its own; returns where."""
        kept = []
        for name in (_STATE, _STATE_AT_OPEN):
            if isinstance(state := self._read_state(name), NewerState):
                kept.append(self._folder / f"{name}.v{state.version}.boot{state.boot}")
                write_durably(kept[-1], self._disk.read(self._folder / name), self._disk)
        return kept

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
            for stream in dict.fromkeys(segment.name.stream for segment in chunks):
                self._disk.fdatasync(self._open[stream][1])
            if created:
                self._disk.sync_folder(self._folder)
        except OSError:
            for segment in chunks:
                self._take_back(segment)
            raise

    def read_all(self, name: SegmentName) -> bytes:
        """A whole segment; zeros stand for blocks that the disk will not read."""
        try:
            return self._disk.read(self.path(name))
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        with self.reading(name) as read:
            return b"".join(_block(read, at, self.size(name) - at) for at in range(0, self.size(name), _BLOCK_BYTES))

    @contextlib.contextmanager
    def reading(self, name: SegmentName) -> Iterator[Callable[[int, int], bytes]]:
        """Opens a segment for the block, which may read so many bytes from a place."""
        descriptor = self._disk.open(self.path(name))
        try:
            yield lambda at, size: self._disk.pread(descriptor, size, at)
        finally:
            self._disk.close(descriptor)

    def size(self, name: SegmentName) -> int:
        """Bytes of a segment."""
        return self._disk.size(self.path(name))

    def read(self, segment: Segment, start: int, end: int) -> bytes:
        """A piece of a segment, within `reading_many`; shorter than asked where the file ends."""
        if self._read_from is None or self._read_from[0] != segment.name:
            self._stop_reading()
            self._read_from = segment.name, self._disk.open(self.path(segment.name))
        try:
            return self._disk.pread(self._read_from[1], end - start, start)
        except OSError:
            self._stop_reading()
            raise

    @contextlib.contextmanager
    def reading_many(self) -> Iterator[None]:
        """Reads within it open a segment once; nothing is held open after it, or a folder could not be unmounted."""
        try:
            yield
        finally:
            self._stop_reading()

    def _stop_reading(self) -> None:
        """Whoever changes what lies under a name, or reads in vain, looks the name up anew."""
        if self._read_from is not None:
            _, descriptor = self._read_from
            self._read_from = None
            self._disk.close(descriptor)

    def remove(self, segments: tuple[Segment, ...]) -> None:
        """Unlink the files of segments; those already gone are well."""
        self._stop_reading()
        for segment in segments:
            if self._open.get(segment.name.stream, (None,))[0] == segment.name:
                self._close_growing(segment.name.stream)
            unlink_if_there(self.path(segment.name), self._disk)
        if segments:
            self._disk.sync_folder(self._folder)
            self.keep_reserve()

    def free_bytes(self) -> int:
        """What the file system has left for us."""
        return self._disk.free_bytes(self._folder)

    def keep_reserve(self) -> None:
        """`fill_reserve`, as far as there is room."""
        with contextlib.suppress(OSError):
            self.fill_reserve()

    def fill_reserve(self) -> None:
        """Hold space back for the state: on a full disk nothing may be deleted while the state cannot be written.

        Raises OSError where there is less; then as much as there is, is held.
        """
        reserve = self._folder / _RESERVE
        try:
            descriptor = self._disk.create(reserve)
        except FileExistsError:
            if self._disk.size(reserve) >= _RESERVE_BYTES:
                return
            descriptor = self._disk.open(reserve, writable=True)
        try:
            write_all(descriptor, bytes(_RESERVE_BYTES), 0, self._disk)
        finally:
            self._disk.close(descriptor)

    def cut(self, name: SegmentName, size: int) -> None:
        """Take off what follows the first `size` bytes."""
        self._stop_reading()
        descriptor = self._disk.open(self.path(name), writable=True)
        try:
            self._disk.ftruncate(descriptor, size)
            self._disk.fdatasync(descriptor)
        finally:
            self._disk.close(descriptor)

    def sync(self, name: SegmentName) -> None:
        """Make what can be read of a segment durable."""
        descriptor = self._disk.open(self.path(name))
        try:
            self._disk.fdatasync(descriptor)
        finally:
            self._disk.close(descriptor)

    def replace(self, name: SegmentName, content: bytes) -> None:
        """Give a segment another content."""
        self._stop_reading()
        write_durably(self.path(name), content, self._disk)

    def rename(self, name: SegmentName, suffix: str) -> None:
        """Put a segment aside under another name."""
        self._stop_reading()
        path = self.path(name)
        self._disk.rename(path, path.with_name(path.name + suffix))
        self._disk.sync_folder(self._folder)

    def set_aside(self, name: str, content: bytes, *, most_files: int, most_bytes: int) -> int:
        """Add a file to refused/ and return how many older ones had to go for it."""
        write_durably(self._refused / f"{name}.seg", content, self._disk)
        return self._thin_out(self._refused, most_files, most_bytes)

    def keep_damaged(self, name: str, content: bytes, *, most_files: int, most_bytes: int) -> None:
        """Add a file to damaged/; older ones may have to go for it, and one larger than all of damaged/ itself."""
        if len(content) <= most_bytes:
            write_durably(self._damaged / f"{name}.seg", content, self._disk)
            self._thin_out(self._damaged, most_files, most_bytes)

    def remove_set_aside(self, purposes: Purpose) -> None:
        """Unlink every file but segments that is there to be looked at, and whose records need consent to one of these.

        Or may need it: also one whose header cannot be read.
        """
        for path, stream in self._set_aside_streams():
            if stream is None or stream.concerns(purposes):
                unlink_if_there(path, self._disk)
        for folder in (self._folder, self._damaged, self._refused):
            self._disk.sync_folder(folder)

    def _set_aside_streams(self) -> Iterator[tuple[Path, StreamName | None]]:
        """Of what records each file is that was set aside, as far as it can be known."""
        for name, suffix in [found for found in self._names() if found[1]]:
            yield self._folder / f"{name}{suffix}", name.stream
        for text in self._disk.names(self._damaged):
            copied = segment_named(text.partition("-")[2])  # behind the boot
            yield self._damaged / text, copied[0].stream if copied else None
        for text in self._disk.names(self._refused):
            path = self._refused / text
            yield path, stream_in(self._disk.read(path)[:FILE_HEADER_SIZE])

    def _write(self, segment: Segment, chunk: bytes) -> bool:
        growing, descriptor = self._open.get(segment.name.stream, (None, -1))
        created = growing != segment.name
        if created:
            if growing is not None:  # this very append may have written to the segment before
                self._disk.fdatasync(descriptor)
            self._close_growing(segment.name.stream)
            path = self.path(segment.name)
            descriptor = self._disk.create(path)
            self._open[segment.name.stream] = (segment.name, descriptor)
            chunk = file_header(segment.name.stream) + chunk
        write_all(descriptor, chunk, 0 if created else segment.size, self._disk)
        return created

    def _thin_out(self, folder: Path, most_files: int, most_bytes: int) -> int:
        files = [folder / name for name in sorted(self._disk.names(folder))]
        sizes = [self._disk.size(path) for path in files]
        removed = 0
        while len(files) - removed > most_files or sum(sizes[removed:]) > most_bytes:
            self._disk.unlink(files[removed])
            removed += 1
        return removed

    def _remove_leftovers(self) -> None:
        for folder in (self._folder, self._refused, self._damaged):
            for name in self._disk.names(folder):
                if name.endswith(TEMPORARY_SUFFIX):
                    self._disk.unlink(folder / name)

    def _read_state(self, name: str) -> SpoolState | NewerState | None:
        # A disk may fail once and answer the next time: what was lost and not told stands in this file alone.
        for _ in range(_READ_TRIES):
            try:
                return decode_state(read_back(self._folder / name, self._disk) or b"")
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
        return None  # a bad block: as good as damaged

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
            growing, descriptor = self._open.get(segment.name.stream, (None, -1))
            if growing == segment.name:
                self._disk.ftruncate(descriptor, segment.size if segment.count else 0)
                self._disk.fdatasync(descriptor)
                self._close_growing(segment.name.stream)
            if not segment.count:
                unlink_if_there(self.path(segment.name), self._disk)

    def _names(self) -> Iterator[tuple[SegmentName, str]]:
        return (found for name in self._disk.names(self._folder) if (found := segment_named(name)))

    def _close_growing(self, stream: StreamName) -> None:
        _name, descriptor = self._open.pop(stream, (None, None))
        if descriptor is not None:
            self._disk.close(descriptor)


def _block(read: Callable[[int, int], bytes], at: int, most: int) -> bytes:
    size = min(most, _BLOCK_BYTES)
    try:
        return read(at, size)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return bytes(size)


def unusable(folder: Path, error: OSError) -> SpoolUnusable:
    """What the disk says about a folder, as a verdict."""
    reason = error.strerror or str(error)
    return SpoolUnusable(str(folder), reason, "Give the module a folder it may write, on a mounted volume")

"""A small file that is either as it was or as it shall be, over a power cut too."""

import contextlib
from pathlib import Path

from edge_agent.disk import DISK, Disk

TEMPORARY_SUFFIX = ".tmp"
"""What a write that was cut short may leave behind; the next write of the same file replaces it."""


def write_durably(path: Path, data: bytes, disk: Disk = DISK) -> None:
    """Replace `path` by `data`, mode 0600; when this returns it survives a power cut. Raises OSError.

    The temporary file is in the same folder (a rename does not cross file systems) and is flushed before the
    rename: ext4 and f2fs may otherwise make the new name durable before its content.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        _write_new(temporary, data, disk)
        disk.rename(temporary, path)
    except OSError:
        unlink_if_there(temporary, disk)
        raise
    disk.sync_folder(path.parent)


def read_back(path: Path, disk: Disk = DISK) -> bytes | None:
    """The content of `path`, or None where there is no such file. Raises OSError when it cannot be read."""
    try:
        return disk.read(path)
    except FileNotFoundError:
        return None


def make_folder_durably(folder: Path, disk: Disk = DISK) -> None:
    """A folder for its owner alone, with those above it that are missing. Raises OSError.

    All names above it are synced, also those that are there already: a process that was killed, or whose sync failed,
    may have made one of them and not come to that.
    """
    try:
        disk.mkdir(folder)
    except FileNotFoundError:
        make_folder_durably(folder.parent, disk)
        disk.mkdir(folder)
    with contextlib.suppress(PermissionError):  # who may not read the folder above did not make this one
        disk.sync_folder(folder.parent)
    for above in folder.parents[1:]:
        with contextlib.suppress(OSError):  # most are not ours, and not every file system can sync a folder
            disk.sync_folder(above)


def write_all(descriptor: int, data: bytes, at: int, disk: Disk) -> None:
    """The whole of `data` from `at`, in as many writes as the disk takes it. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = disk.pwrite(descriptor, rest, at)
        at, rest = at + written, rest[written:]


def unlink_if_there(path: Path, disk: Disk = DISK) -> None:
    """Remove a file; one that is gone already is well. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(path)


def _write_new(path: Path, data: bytes, disk: Disk) -> None:
    unlink_if_there(path, disk)
    descriptor = disk.create(path)
    try:
        write_all(descriptor, data, 0, disk)
        disk.fdatasync(descriptor)
    finally:
        disk.close(descriptor)

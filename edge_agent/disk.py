"""The system calls behind every file that must outlive a power cut; decides nothing. Blocking.

A seam: the tests put another disk here, which forgets what was not synced, and fails or dies at any call.
"""

import contextlib
import fcntl
import os
from pathlib import Path


class Disk:
    """A file system. Every act raises OSError, as the system call of its name does; descriptors are the system's.

    What is written, truncated, created, renamed or removed survives a power cut for certain only after a sync: of the
    content by `fdatasync`, of the name by `sync_folder`. Until then any part of it may survive, in any order.
    """

    def mkdir(self, folder: Path) -> None:
        """A folder for its owner alone, mode 0700; one that is there is made so where that is allowed."""
        folder.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a mounted volume may be another user's and still be ours to use
            folder.chmod(0o700)

    def lock(self, path: Path) -> int:
        """A descriptor of the file, made where it is missing; its lock is held until it is closed.

        Raises BlockingIOError while another holds it.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def create(self, path: Path) -> int:
        """A new file for its owner alone, mode 0600, for writing. Raises FileExistsError."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def open(self, path: Path, *, writable: bool = False) -> int:
        """A file that is there, for reading, or for both."""
        return os.open(path, os.O_RDWR if writable else os.O_RDONLY)

    def close(self, descriptor: int) -> None:
        """Give a descriptor back; syncs nothing."""
        os.close(descriptor)

    def pread(self, descriptor: int, size: int, at: int) -> bytes:
        """Up to `size` bytes; fewer only where the file ends."""
        return os.pread(descriptor, size, at)

    def pwrite(self, descriptor: int, data: bytes | memoryview, at: int) -> int:
        """Write from `at`; returns how many bytes were taken, which may be fewer than all."""
        return os.pwrite(descriptor, data, at)

    def ftruncate(self, descriptor: int, size: int) -> None:
        """Take off what follows the first `size` bytes."""
        os.ftruncate(descriptor, size)

    def fdatasync(self, descriptor: int) -> None:
        """Make content and size durable."""
        os.fdatasync(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """In one step; a `target` that is there is replaced."""
        path.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a file's name. Raises FileNotFoundError."""
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Make created, renamed and removed names of the folder durable."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def free_bytes(self, folder: Path) -> int:
        """What may still be written to the file system of a folder, without root's reserve."""
        room = os.statvfs(folder)
        return room.f_bavail * room.f_frsize

    def read(self, path: Path) -> bytes:
        """A whole file."""
        return path.read_bytes()

    def names(self, folder: Path) -> list[str]:
        """What lies in a folder, in no order."""
        return os.listdir(folder)  # noqa: PTH208  names, not paths

    def size(self, path: Path) -> int:
        """Bytes of a file."""
        return path.stat().st_size


DISK = Disk()

"""A small file that is either as it was or as it shall be, over a power cut too."""

import os
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"
"""What a write that was cut short may leave behind; the next write of the same file replaces it."""


def write_durably(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, mode 0600; when this returns it survives a power cut. Raises OSError.

    The temporary file is in the same folder (a rename does not cross file systems) and is flushed before the
    rename: ext4 and f2fs may otherwise make the new name durable before its content.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        _write_new(temporary, data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_back(path: Path) -> bytes | None:
    """The content of `path`, or None where there is no such file. Raises OSError when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names of `folder` durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

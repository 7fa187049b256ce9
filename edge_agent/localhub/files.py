"""How the hub's folder is written: whole files, private, and never half of one."""

import os
from pathlib import Path

from edge_agent.errors import DiskBusy


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`, readable by its owner only; a kill at any moment leaves the old file or the new one.

    Raises DiskBusy; then the old file is in place.
    """
    try:
        _replace(path, content)
    except OSError as error:
        raise DiskBusy(str(path), error.strerror or str(error)) from error


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    with open(draft, "wb", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

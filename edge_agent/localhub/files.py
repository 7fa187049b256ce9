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
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

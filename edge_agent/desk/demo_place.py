"""Where a demo may keep everything: a folder no demo is in, on a disk that takes what the agent keeps."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import FileRefused
from edge_agent.settings import Settings

FLOOR_BYTES: int = Settings.model_fields["spool_min_free_bytes"].default
NEEDED_BYTES = FLOOR_BYTES + (16 << 20)
"""The spool leaves the disk FLOOR_BYTES and would hold all in memory below that; the rest is a demo's own files, ten
times over."""
MADE = ("hub", "data", "cabin")


def judge_new(folder: Path) -> None:
    """Raise FileRefused where a demo was run in the folder, which may be missing.

    A second one would begin with the rules, the consent and the meeting that the first one ended with.
    """
    with _as_refusal(folder):
        if any((folder / name).exists() for name in MADE):
            raise FileRefused(str(folder), "a demo is in it already; name a new folder")


def judge_room(folder: Path) -> None:
    """Raise FileRefused where the disk of the folder, which may be missing, is nearly full."""
    with _as_refusal(folder):
        existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        free_bytes = shutil.disk_usage(existing).free
    if free_bytes < NEEDED_BYTES:
        needs = f"{free_bytes >> 20} MiB free, the demo needs {NEEDED_BYTES >> 20} MiB"
        raise FileRefused(str(folder), f"{needs}; give --folder on another disk")


@contextmanager
def _as_refusal(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileRefused(str(folder), f"cannot be used as a folder: {error.strerror}") from error

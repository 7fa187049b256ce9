"""The calendar's files: the key that opens it in one of its own, so that without it the rest says nothing. Blocking.

`calendar.json` names the key that its items are sealed to; a key that it does not name is the trace of a change that a
power cut ended, and is destroyed. `powered` holds the powered-on time, which is written each minute.
"""

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cabin.calendar.seal import CarKey
from cabin.checked_lines import make_folder, remove, replace_file


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier start left."""

    key: CarKey
    text: str
    powered_s: float


class CalendarFiles:
    """One folder, for this alone. Every act raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._items = folder / "calendar.json"
        self._powered = folder / "powered"

    def read(self) -> Found | None:
        """None where nothing was kept. Raises ValueError, KeyError or TypeError where it cannot be read."""
        try:
            text = self._items.read_text()
        except FileNotFoundError:
            self.forget()
            return None
        kept = json.loads(text)
        key = CarKey(self._key_file(str(kept["key_id"])).read_bytes())
        if key.id != kept["key_id"]:
            raise ValueError("the key was destroyed")  # a power cut came before it was removed
        self._keep_only(key)
        return Found(key, text, max(float(kept["powered_s"]), self._powered_s()))

    def change_key(self, key: CarKey, text: str) -> None:
        """What `Book.text` said with this key; all others are destroyed, once the new one is there."""
        make_folder(self._folder)
        replace_file(self._key_file(key.id), key.private)
        self.write(text)
        self._keep_only(key)

    def write(self, text: str) -> None:
        """What `Book.text` said."""
        replace_file(self._items, text.encode())

    def write_powered(self, powered_s: float) -> None:
        """Seconds."""
        replace_file(self._powered, f"{powered_s:.1f}".encode())

    def forget(self) -> None:
        """Destroy every key, then everything else."""
        for path in self._key_files():
            _shred(path)
        remove(self._items)
        remove(self._powered)

    def _keep_only(self, key: CarKey) -> None:
        for path in self._key_files():
            if path != self._key_file(key.id):
                _shred(path)

    def _key_file(self, key_id: str) -> Path:
        return self._folder / f"key-{key_id}"

    def _key_files(self) -> list[Path]:
        return sorted(self._folder.glob("key-*"))

    def _powered_s(self) -> float:
        try:
            return float(self._powered.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0  # calendar.json has it, of a while ago


def _shred(path: Path) -> None:
    """Overwrite a small file where it lies, then remove it; one that is gone already is well.

    Flash may keep the old block until it is worn; nothing that a process can do helps against who reads the chip.
    """
    with contextlib.suppress(FileNotFoundError):
        with path.open("r+b", buffering=0) as file:
            file.write(secrets.token_bytes(path.stat().st_size))
            os.fsync(file.fileno())
        remove(path)

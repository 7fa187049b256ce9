"""What a driver chose that is nobody's secret: the language, which profiles there are, private mode. One small file."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from cabin.checked_lines import content_of, make_folder, replace_file

MOST_PROFILES = 8
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(slots=True)
class Choices:
    """Read once; `save` after a change."""

    path: Path
    language: str | None = None
    profiles: tuple[str, ...] = ()
    private: bool = False
    """until the ignition is off, however often the cabin is restarted before"""
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def read(cls, path: Path) -> "Choices":
        """As they were kept; none where that cannot be read."""
        try:
            kept = json.loads(content_of(path) or b"{}")
        except (OSError, ValueError):
            kept = None
        kept = kept if isinstance(kept, dict) else {}
        language, profiles = kept.get("language"), kept.get("profiles")
        names = [one for one in profiles if isinstance(one, str) and is_name(one)] if isinstance(profiles, list) else []
        language = language if isinstance(language, str) else None
        return cls(path, language, tuple(names[:MOST_PROFILES]), kept.get("private") is True)

    def add(self, profile: str) -> bool:
        """Whether there is this profile from now on."""
        if profile in self.profiles:
            return True
        if not is_name(profile) or len(self.profiles) >= MOST_PROFILES:
            return False
        self.profiles += (profile,)
        return True

    def remove(self, profile: str) -> None:
        """It is none any more."""
        self.profiles = tuple(one for one in self.profiles if one != profile)

    async def save(self) -> None:
        """Survives a power cut when this returns. Raises OSError."""
        async with self._saving:
            body = json.dumps({"language": self.language, "profiles": self.profiles, "private": self.private})
            await asyncio.to_thread(self._write, body.encode())

    def _write(self, body: bytes) -> None:
        make_folder(self.path.parent)
        replace_file(self.path, body)


def is_name(profile: str) -> bool:
    """Whether it can be a key of a twin, a file's name and a word on a page."""
    return bool(_NAME.fullmatch(profile))

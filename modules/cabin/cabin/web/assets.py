"""The page's own files, read once: no request reaches the disk, and no path can leave the folder."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).with_name("static")
_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""A file of another kind is not served."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is answered with."""

    content: bytes
    content_type: str
    etag: str


def read_assets(folder: Path = STATIC) -> Mapping[str, Asset]:
    """Every file of a kind that a page uses, by its path below `folder`; some 150 kB. Raises OSError."""
    return {
        path.relative_to(folder).as_posix(): _asset(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _CONTENT_TYPES and path.is_file()
    }


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _CONTENT_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')

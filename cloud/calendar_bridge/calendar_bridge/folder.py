"""Grants in files for their owner alone: for a desk and the tests. In the cloud they stand in a key vault."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from calendar_bridge.errors import Unreachable
from calendar_bridge.grant_text import read, written
from calendar_bridge.records import Grant


class Folder:
    """See `ports.Grants`; one file a grant, mode 0600, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def all(self) -> Sequence[Grant]:
        """In any order."""
        return await asyncio.to_thread(self._all)

    async def put(self, grant: Grant) -> None:
        """On return it is on disk."""
        await asyncio.to_thread(self._put, grant)

    async def remove(self, grant_id: str) -> None:
        """Also where there is none."""
        await asyncio.to_thread(self._file(grant_id).unlink, missing_ok=True)

    def _all(self) -> list[Grant]:
        return [read(path.read_text(), path.stem) for path in sorted(self._path.glob("*.json"))]

    def _put(self, grant: Grant) -> None:
        final = self._file(grant.id)
        part = final.with_suffix(".part")
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(written(grant))
                file.flush()
                os.fsync(file.fileno())
            part.replace(final)
        except OSError as error:
            raise Unreachable("the folder of grants", str(error.strerror)) from error

    def _file(self, grant_id: str) -> Path:
        return self._path / f"{grant_id}.json"

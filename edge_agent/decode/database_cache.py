"""Databases as an earlier start loaded them, on disk: a second start need not parse 10 MB for 20 s.

`<SHA-256 of the file>-<its suffix>.bin` for each file, with the versions of the agent and of cantools in it, since what
either makes of a file may change with them. What the settings do with a database, its bus and its mapping to VSS, comes
after and is not kept. A file that is refused is not kept either: it is parsed, and told, at each start.
"""

import gc
import hashlib
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from edge_agent import __version__, events
from edge_agent.decode.catalog import Database
from edge_agent.decode.kept_database import OutdatedDatabase, UnusableDatabase, database_of, kept_bytes
from edge_agent.durable import make_folder_durably, read_back, write_durably
from edge_agent.events import Log

FORMAT = 1
"""to be counted up where what is kept, or what loading makes of a file, changes within a version of the agent"""


def parsed(path: Path) -> Database:
    """Read one database file as it is. Raises DatabaseRefused."""
    # A start that finds all of its databases here has no use for cantools: 2 MB, and 40 ms on an x86 core.
    from edge_agent.decode.dbc import load_database  # noqa: PLC0415

    return load_database(path)


class DatabaseCache:
    """One folder. Blocking; what goes wrong is told and costs the time of parsing, never a database."""

    def __init__(self, folder: Path, log: Log) -> None:
        self._folder = folder
        self._log = log
        self._made_by = f"{FORMAT} agent {__version__} cantools {version('cantools')}"
        self._loaded: dict[str, Database] = {}
        """by the names of their files here"""

    def load(self, path: Path) -> Database:
        """One database file, parsed only where the folder has it not. Raises DatabaseRefused."""
        try:
            sha256 = _sha256(path)
        except OSError:
            return parsed(path)  # which says why
        name = f"{sha256}-{path.suffix[1:].lower()}.bin"
        if name in self._loaded:  # on another bus: in memory once
            return replace(self._loaded[name], path=str(path))
        database = self._kept(name, path, sha256) or self._parsed(name, path, sha256)
        self._loaded[name] = database
        return database

    def forget_others(self) -> None:
        """Delete what was not loaded since this object was made: a vehicle keeps one entry for each of its files."""
        with suppress(OSError):  # no folder; or what is left is deleted by a later start
            for entry in self._folder.iterdir():
                if entry.name not in self._loaded:
                    entry.unlink()

    def _origin(self, name: str) -> str:
        return f"{self._made_by} {name}"

    def _kept(self, name: str, path: Path, sha256: str) -> Database | None:
        try:
            if (data := read_back(self._folder / name)) is not None:
                return database_of(data, self._origin(name), path=str(path), sha256=sha256)
        except OutdatedDatabase:
            events.kept_database_outdated(self._log, path=str(path))
        except (OSError, UnusableDatabase) as error:
            events.kept_database_unusable(self._log, path=str(path), reason=str(error))
        return None

    def _parsed(self, name: str, path: Path, sha256: str) -> Database:
        database = parsed(path)
        data = self._keep(name, path, database)
        if data is None:
            return database
        # Its objects lie between those of cantools, 28 MB for a DBC of 0.8 MB: made anew they take 3, and half of the
        # rest goes back to the system.
        del database
        gc.collect()
        return database_of(data, self._origin(name), path=str(path), sha256=sha256)

    def _keep(self, name: str, path: Path, database: Database) -> bytes | None:
        try:
            if not name.startswith(_sha256(path)):
                return None  # replaced while it was parsed
            data = kept_bytes(database, self._origin(name))
            make_folder_durably(self._folder)
            write_durably(self._folder / name, data)
        except (OSError, UnusableDatabase) as error:
            events.database_not_kept(self._log, path=str(path), reason=str(error))
            return None
        return data


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

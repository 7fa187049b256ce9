"""Tables in a folder, in Delta: what came is in it once, whatever came twice and whenever the process was killed.

A step writes several tables. Before it their versions are written down in a journal, after it the journal is taken
away; who finds one reads those versions, and who writes next goes back to them first. To go back needs some space,
which the files of the unfinished step give; where a disk takes nothing at all, the journal stays until one does.
"""

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import pyarrow as pa
import pyarrow.dataset
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from edge_cloud import tables
from edge_cloud.errors import NotALake

_JOURNAL: Final = "_unfinished.json"
_LOCK: Final = "_lock"
_LOG: Final = "_delta_log"
_NUMBER: Final = re.compile(r"\(os error (\d+)\)")
"""how delta-rs tells the system's number of an error, in several lines of colours"""
_REMEDIES: Final = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "raise the limit of a file's size",
    errno.EROFS: "make the disk writable",
    errno.EACCES: "let this user write there",
}
SCHEMAS: Final = {**tables.DECODED, **tables.GOLD, **tables.DIMENSIONS}


class Lake:
    """The tables of `edge_cloud.tables` in a folder, each in one of its own; for one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    @contextmanager
    def writing(cls, folder: Path) -> Iterator[Self]:
        """The lake for its writer; made where there is none, and put back where one was killed.

        Raises NotALake: another writes, or the folder cannot be used, or the disk takes nothing.
        """
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lake = cls(folder)
            with _told(folder):
                lake._recover()
            yield lake
        except BlockingIOError:
            raise NotALake(str(folder), "another process writes into it; wait for its end") from None
        finally:
            os.close(lock)

    @classmethod
    def reading(cls, folder: Path) -> Self:
        """The lake as it is. Raises NotALake: there is none."""
        lake = cls(folder)
        if not lake.has("batches") and not lake.has("refused"):
            raise NotALake(str(folder), "holds no tables; fill it with: edge-cloud ingest SOURCE --lake FOLDER")
        return lake

    def has(self, name: str) -> bool:
        """Whether a table is there."""
        return bool(DeltaTable.is_deltatable(str(self.folder / name)))

    def read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A whole table, or some of its columns; one that is not there is empty. Raises NotALake: it is broken."""
        schema = SCHEMAS[name]
        wanted = columns or schema.names
        found = self.rows(name)
        table = found.select(wanted) if isinstance(found, pa.Table) else found.to_table(columns=wanted)
        return table.cast(pa.schema([schema.field(column) for column in wanted]))

    def rows(self, name: str) -> pa.Table | pa.dataset.Dataset:
        """A table, unread: an engine takes of it what it needs. Raises NotALake: it is broken."""
        version = self._journal().get(name)
        if not self.has(name) or version == -1:
            return SCHEMAS[name].empty_table()
        with _told(self.folder / name):
            return DeltaTable(str(self.folder / name), version=version).to_pyarrow_dataset()

    @contextmanager
    def step(self) -> Iterator[None]:
        """All that is written inside is there at its end, or nothing of it, over a kill at any instant.

        Raises NotALake: the disk is full, read-only or broken; nothing of the step is there then.
        """
        with _told(self.folder):
            self._begin()
        try:
            yield
        except BaseException:
            with suppress(DeltaError, OSError):  # else the next writer goes back, and readers go by the journal
                self._recover()
            raise
        with _told(self.folder):
            (self.folder / _JOURNAL).unlink()

    def append(self, found: Mapping[str, pa.Table]) -> None:
        """Rows to each table by its name, inside a step. Raises NotALake: the disk does not take them."""
        for name, rows in found.items():
            if rows.num_rows:
                self._write(name, rows, "append")

    def replace(self, name: str, rows: pa.Table) -> None:
        """All rows of a table by others, inside a step. Raises NotALake: the disk does not take them."""
        self._write(name, rows, "overwrite")

    def _write(self, name: str, rows: pa.Table, mode: str) -> None:
        uri, schema = str(self.folder / name), SCHEMAS[name]
        by_day = ["day"] if name in tables.DECODED else None
        with _told(self.folder / name), _without_panics():
            if not self.has(name):
                DeltaTable.create(uri, schema, partition_by=by_day)
            write_deltalake(uri, rows.cast(schema), mode=mode, partition_by=by_day)

    def _version(self, name: str) -> int:
        return DeltaTable(str(self.folder / name)).version() if self.has(name) else -1

    def _begin(self) -> None:
        """The journal, whole or not at all."""
        path = self.folder / _JOURNAL
        unfinished = path.with_suffix(".new")
        with unfinished.open("w") as file:
            json.dump({name: self._version(name) for name in SCHEMAS}, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)

    def _journal(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads((self.folder / _JOURNAL).read_text())
        except FileNotFoundError:
            return {}
        return found

    def _recover(self) -> None:
        """Back to the versions before the step that nobody finished. Again and again, if need be."""
        journal = self._journal()
        for name, version in journal.items():
            self._remove_unfinished(name, version)
            if not self.has(name) or self._version(name) == version:
                continue
            table = DeltaTable(str(self.folder / name))
            if version == -1:
                table.delete()
            else:
                table.restore(version)
        (self.folder / _JOURNAL).unlink(missing_ok=True)

    def _remove_unfinished(self, name: str, version: int) -> None:
        """The files that the unfinished step wrote into a table, be they told in its log or not."""
        since_ns = (self.folder / _JOURNAL).stat().st_mtime_ns
        uri = str(self.folder / name)
        kept = set() if version == -1 else {Path(one).name for one in DeltaTable(uri, version=version).file_uris()}
        for path in (self.folder / name).rglob("*.parquet*"):
            # Not by the time alone: some disks tell it in steps of two seconds.
            if _LOG not in path.parts and path.name not in kept and path.stat().st_mtime_ns >= since_ns:
                path.unlink()


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """What the disk does not do, by our error; delta-rs raises either of the two for one and the same cause."""
    try:
        yield
    except (DeltaError, OSError) as error:
        raise NotALake(str(place), _sentence(error)) from None


@contextmanager
def _without_panics() -> Iterator[None]:
    """Nothing to stderr for so long. Beside the error that it raises, delta-rs' writer panics on most full disks.

    It does so in a thread of its own ("Already shut down", of object_store 0.13.2), in lines that are no sentence.
    """
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(nowhere)
        os.close(stderr)


def _sentence(error: DeltaError | OSError) -> str:
    found = _NUMBER.search(str(error))
    number = int(found[1]) if found else getattr(error, "errno", None)
    if number is None:
        return " ".join(str(error).split())
    remedy = _REMEDIES.get(number)
    again = f"; {remedy}, then run the same command again: what was there before is whole" if remedy else ""
    return os.strerror(number) + again

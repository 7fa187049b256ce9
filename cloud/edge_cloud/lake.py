"""Tables in a folder, in Delta: what came is in it once, whatever came twice and whenever the process was killed.

A step writes several tables. Before it their versions are written down in a journal, after it the journal is taken
away; who finds one reads those versions, and who writes next goes back to them first.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
SCHEMAS: Final = {**tables.DECODED, **tables.GOLD, **tables.DIMENSIONS}


class Lake:
    """The tables of `edge_cloud.tables` in a folder, each in one of its own; for one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    @contextmanager
    def writing(cls, folder: Path) -> Iterator[Self]:
        """The lake for its writer; made where there is none, and put back where one was killed.

        Raises NotALake: another writes, or the folder cannot be used.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NotALake(str(folder), error.strerror or str(error)) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lake = cls(folder)
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
        try:
            return DeltaTable(str(self.folder / name), version=version).to_pyarrow_dataset()
        except (DeltaError, OSError) as error:
            raise NotALake(str(self.folder / name), str(error)) from None

    @contextmanager
    def step(self) -> Iterator[None]:
        """All that is written inside is there at its end, or nothing of it, over a kill at any instant."""
        versions = {name: self._version(name) for name in SCHEMAS}
        path = self.folder / _JOURNAL
        unfinished = path.with_suffix(".new")
        with unfinished.open("w") as file:
            json.dump(versions, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        try:
            yield
        except BaseException:
            self._recover()
            raise
        path.unlink()

    def append(self, found: Mapping[str, pa.Table]) -> None:
        """Rows to each table by its name, inside a step."""
        for name, rows in found.items():
            if rows.num_rows:
                self._write(name, rows, "append")

    def replace(self, name: str, rows: pa.Table) -> None:
        """All rows of a table by others, inside a step."""
        self._write(name, rows, "overwrite")

    def _write(self, name: str, rows: pa.Table, mode: str) -> None:
        uri, schema = str(self.folder / name), SCHEMAS[name]
        by_day = ["day"] if name in tables.DECODED else None
        if not self.has(name):
            DeltaTable.create(uri, schema, partition_by=by_day)
        write_deltalake(uri, rows.cast(schema), mode=mode, partition_by=by_day)

    def _version(self, name: str) -> int:
        return DeltaTable(str(self.folder / name)).version() if self.has(name) else -1

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
            if not self.has(name) or self._version(name) == version:
                continue
            table = DeltaTable(str(self.folder / name))
            if version == -1:
                table.delete()
            else:
                table.restore(version)
        (self.folder / _JOURNAL).unlink(missing_ok=True)

"""A worker's share of the tables, as Parquet files in the folders of their Delta tables; a commit makes them count.

Files of a worker that was killed stay without a commit: nobody reads them, and `vacuum` removes them.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler

from edge_cloud import tables

WRITTEN: Final = "name STRING, path STRING, day STRING, size BIGINT, rows BIGINT, stats STRING"
"""One row a file: its table, its path in the table's folder, its partition, bytes, rows, and Delta's statistics.

Or a count of rows that were not written, in one row without a path.
"""

_ROW_GROUP_ROWS: Final = 1 << 20
_FILE_ROWS: Final = 1 << 24
"""about 40 MB of samples"""
_WITH_STATS: Final = ("device", "boot", "seq", "signal")
"""What readers skip files by, besides the day."""
_ROW: Final = pa.schema(
    [
        ("name", pa.string()),
        ("path", pa.string()),
        ("day", pa.string()),
        ("size", pa.int64()),
        ("rows", pa.int64()),
        ("stats", pa.string()),
    ]
)


@dataclass(slots=True)
class _Part:
    """One file that is being written: rows wait until they make a row group."""

    path: str
    writer: pq.ParquetWriter
    rows: int = 0
    waiting: list[pa.Table] = field(default_factory=list)
    waiting_rows: int = 0

    def add(self, table: pa.Table) -> None:
        self.waiting.append(table)
        self.waiting_rows += len(table)
        if self.waiting_rows >= _ROW_GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self.waiting_rows:
            self.writer.write_table(pa.concat_tables(self.waiting), row_group_size=_ROW_GROUP_ROWS)
        self.rows += self.waiting_rows
        self.waiting, self.waiting_rows = [], 0


class Parts:
    """Rows in, files out: one for each table and day, begun anew when it is large."""

    def __init__(self, lake: str, storage: Mapping[str, str]) -> None:
        self._lake = lake
        self._storage = dict(storage)
        self._folders: dict[str, pa_fs.FileSystem] = {}
        self._open: dict[tuple[str, str], _Part] = {}

    def add(self, name: str, table: pa.Table) -> Iterator[pa.RecordBatch]:
        """Take rows of the table `name`; yields rows of WRITTEN, of files that are full."""
        for day in pc.unique(table["day"]):
            rows = table.filter(pc.equal(table["day"], day)).drop_columns("day")
            key = name, str(day)
            part = self._open.get(key) or self._begun(key)
            part.add(rows)
            if part.rows >= _FILE_ROWS:
                yield self._ended(key)

    def close(self) -> Iterator[pa.RecordBatch]:
        """Yields rows of WRITTEN, of all files that are still open."""
        for key in list(self._open):
            yield self._ended(key)

    def _begun(self, key: tuple[str, str]) -> _Part:
        name, day = key
        folder = self._folders.get(name)
        if folder is None:
            handler = DeltaStorageHandler(f"{self._lake}/{name}", self._storage)
            folder = self._folders[name] = pa_fs.PyFileSystem(handler)
        path = f"day={day}/part-{uuid.uuid4()}.zstd.parquet"
        schema = tables.DECODED[name]
        schema = schema.remove(schema.get_field_index("day"))
        part = _Part(path, pq.ParquetWriter(path, schema, filesystem=folder, compression="zstd"))
        self._open[key] = part
        return part

    def _ended(self, key: tuple[str, str]) -> pa.RecordBatch:
        (name, day), part = key, self._open.pop(key)
        part.flush()
        part.writer.close()
        size = self._folders[name].get_file_info(part.path).size
        row = {"name": name, "path": part.path, "day": day, "size": size, "rows": part.rows}
        row["stats"] = _stats(pq.read_metadata(part.path, filesystem=self._folders[name]))
        return pa.RecordBatch.from_pylist([row], schema=_ROW)


def only_counted(name: str, rows: int) -> pa.RecordBatch:
    """Rows that a table has already: a row of WRITTEN without a file."""
    row = {"name": name, "path": "", "day": "", "size": 0, "rows": rows, "stats": ""}
    return pa.RecordBatch.from_pylist([row], schema=_ROW)


def _stats(written: pq.FileMetaData) -> str:
    least: dict[str, object] = {}
    most: dict[str, object] = {}
    for group in range(written.num_row_groups):
        columns = written.row_group(group)
        for number in range(columns.num_columns):
            column = columns.column(number)
            name, found = column.path_in_schema, column.statistics
            if name in _WITH_STATS and found is not None and found.has_min_max:
                least[name] = min(least.get(name, found.min), found.min)
                most[name] = max(most.get(name, found.max), found.max)
    told = {"numRecords": written.num_rows, "minValues": least, "maxValues": most, "nullCount": {}}
    text: bytes = orjson.dumps(told)
    return text.decode()

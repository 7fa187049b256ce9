"""What a micro-batch adds to the Delta tables, each once. The adapter of delta-rs.

A commit carries the stream's name and the micro-batch's number as Delta's application transaction: after a crash the
same micro-batch comes again, and what is committed of it is told by that number.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow.dataset as pa_ds
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction

from edge_cloud import tables
from edge_cloud.errors import OldCheckpoint


@dataclass(frozen=True, slots=True)
class Written:
    """One Parquet file of a worker, as `parts.WRITTEN` has it."""

    name: str
    path: str
    day: str
    size: int
    rows: int
    stats: str


class Commits:
    """The tables of one lake, for one stream, which is the only one that appends to them."""

    def __init__(self, lake: str, storage: Mapping[str, str], stream: str) -> None:
        self._lake = lake
        self._storage = dict(storage)
        self._stream = stream
        for name, schema in tables.DECODED.items():
            DeltaTable.create(
                f"{lake}/{name}", schema, mode="ignore", partition_by=["day"], storage_options=self._storage
            )

    def lacks(self, name: str, number: int) -> bool:
        """Whether micro-batch `number` is not in the table yet. Zero is a number: absent is None.

        Raises OldCheckpoint: a later one is. A crash brings only the last again, so these numbers were given twice, and
        to skip them would lose what came since.
        """
        done = self._table(name).transaction_version(self._stream)
        if done is not None and done > number:
            raise OldCheckpoint(f"{self._lake}/{name}", number, done)
        return done is None or done < number

    def add(self, name: str, number: int, files: Iterable[Written]) -> None:
        """Let the files be part of the table, all or none."""
        now_ms = time.time_ns() // 1_000_000
        self._table(name).create_write_transaction(
            [
                AddAction(file.path, file.size, {"day": file.day}, now_ms, data_change=True, stats=file.stats)
                for file in files
            ],
            mode="append",
            schema=tables.DECODED[name],
            partition_by=["day"],
            commit_properties=CommitProperties(app_transactions=[Transaction(self._stream, number)]),
        )

    def files(self, name: str, days: Iterable[str]) -> list[str]:
        """Where the files of the table's partitions lie."""
        found: list[str] = self._table(name).file_uris(file_pruning_predicate=[("day", "in", sorted(days))])
        return found

    def _table(self, name: str) -> DeltaTable:
        return DeltaTable(f"{self._lake}/{name}", storage_options=self._storage)


def refused_bodies(lake: str, storage: Mapping[str, str], device: str) -> Iterator[bytes]:
    """What stands in `refused` of a device; files of others are left out by their statistics."""
    table = DeltaTable(f"{lake}/refused", storage_options=dict(storage)).to_pyarrow_dataset()
    for chunk in table.to_batches(columns=["body"], filter=pa_ds.field("device") == device):
        yield from chunk.column("body").to_pylist()

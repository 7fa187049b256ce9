"""The Delta tables from which gold is made, and those it becomes. The adapter of delta-rs."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError

from edge_cloud import gold, tables

_MAKER: Final = "edge-cloud gold"
"""By this name each gold table's commits say up to which version of `batches` it is made."""
_NEW: Final = "is_new"
SCHEMAS: Final = {**tables.DECODED, **tables.GOLD, **tables.DIMENSIONS}


class GoldTables:
    """The tables of one lake."""

    def __init__(self, lake: str, storage: Mapping[str, str]) -> None:
        self._lake = lake
        self._storage = dict(storage)
        for name in gold.NAMES:
            DeltaTable.create(self.folder(name), tables.GOLD[name], mode="ignore", storage_options=self._storage)

    def folder(self, name: str) -> str:
        """Where a table lies."""
        return f"{self._lake}/{name}"

    def version(self) -> int:
        """Of `batches`, now."""
        return int(self._table("batches").version())

    def made(self) -> int | None:
        """The version of `batches` that every gold table has seen; None where one has seen none."""
        seen = [self._table(name).transaction_version(_MAKER) for name in gold.NAMES]
        return None if None in seen else min(seen)

    def arrived(self, since: int | None, now: int) -> list[str]:
        """Files of `batches` that came between two of its versions; all where the first is not known any more."""
        files = self._table("batches", now).file_uris()
        if since is None:
            return sorted(files)
        try:
            before = self._table("batches", since).file_uris()
        except DeltaError:
            before = []
        return sorted(set(files) - set(before))

    def files(self, name: str, days: Iterable[date] | None = None) -> list[str]:
        """Files of a table, or of those days of it."""
        table = self._table(name)
        found: list[str] = (
            table.file_uris()
            if days is None
            else table.file_uris(file_pruning_predicate=[("day", "in", sorted(map(str, days)))])
        )
        return found

    def read(self, name: str) -> pa.Table:
        """A whole table; one that is not there is empty."""
        if not DeltaTable.is_deltatable(self.folder(name), storage_options=self._storage):
            return SCHEMAS[name].empty_table()
        found = pa.table(self._table(name).to_pyarrow_table())
        return found.select(SCHEMAS[name].names).cast(SCHEMAS[name])

    def replace(self, name: str, of: pa.Table, rows: pa.Table, version: int) -> None:
        """Put `rows` in the place of what the table has of the devices, or devices and days, in `of`."""
        leave = pa.table({**dict(zip(of.column_names, of.columns, strict=True)), _NEW: pa.array([False] * len(of))})
        come = rows.append_column(_NEW, pa.array([True] * len(rows), pa.bool_()))
        source = pa.concat_tables([come, leave], promote_options="default")
        same = [f"target.{column} = source.{column}" for column in of.column_names]
        merge = self._table(name).merge(
            source,
            " and ".join([*same, f"not source.{_NEW}"]),
            source_alias="source",
            target_alias="target",
            commit_properties=self._seen(version),
        )
        merge.when_matched_delete().when_not_matched_insert_all(
            predicate=f"source.{_NEW}", except_cols=[_NEW]
        ).execute()
        self._say_seen(name, version)

    def newer(self, name: str, rows: pa.Table, version: int) -> None:
        """Put in each of `rows` (one a device and signal) where the table has none as new.

        By their `t` alone: one that no clock tells right has a `t` that is older than any (`sql/last_known.sql`).
        """
        merge = self._table(name).merge(
            rows,
            "target.device = source.device and target.signal = source.signal",
            source_alias="source",
            target_alias="target",
            commit_properties=self._seen(version),
        )
        merge.when_matched_update_all(predicate="source.t >= target.t").when_not_matched_insert_all().execute()
        self._say_seen(name, version)

    def _say_seen(self, name: str, version: int) -> None:
        """By a commit without rows, where a merge that changed nothing left none: as of a fleet that lost nothing."""
        table = self._table(name)
        if table.transaction_version(_MAKER) != version:
            table.create_write_transaction([], "append", tables.GOLD[name], commit_properties=self._seen(version))

    def _seen(self, version: int) -> CommitProperties:
        return CommitProperties(app_transactions=[Transaction(_MAKER, version)])

    def _table(self, name: str, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.folder(name), version=version, storage_options=self._storage)

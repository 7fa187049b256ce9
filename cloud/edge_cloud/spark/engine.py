"""Spark as an engine for the queries of `edge_cloud/sql`: an `edge_cloud.gold.Engine`."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from edge_cloud.gold import steps


class KnowingEngine(Protocol):
    """What gold is made with."""

    def __call__(self, query: str) -> pa.Table:
        """The rows of a query."""

    def know(self, name: str, rows: pa.Table) -> None:
        """Take a table, or another in place of one of its name."""

    def know_files(self, name: str, folder: str, files: Sequence[str], schema: pa.Schema) -> None:
        """Take Parquet files of a Delta table in `folder`; `day` is told by their paths where they lack it."""


class SparkEngine:
    """Tables by their names, in the session's views; a query's rows come to the driver.

    A query is run part by part: Spark puts every part into each that reads it, and plans the gold queries, with some
    twenty parts each, for longer than it runs them, until the driver's memory is full.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def __call__(self, query: str) -> pa.Table:
        """The rows of a query. Its parts hide tables of their names while it runs."""
        parts, last = steps(query)
        hidden: dict[str, DataFrame | None] = {}
        try:
            for part in parts:
                if part.name not in hidden:
                    there = self._spark.catalog.tableExists(part.name)
                    hidden[part.name] = self._spark.table(part.name) if there else None
                rows = self._spark.sql(part.text)
                (rows.localCheckpoint() if part.own else rows).createOrReplaceTempView(part.name)
            return self._spark.sql(last).toArrow()
        finally:
            for name, rows in hidden.items():
                if rows is None:
                    self._spark.catalog.dropTempView(name)
                else:
                    rows.createOrReplaceTempView(name)

    def know(self, name: str, rows: pa.Table) -> None:
        """Take a table, or another in place of one of its name."""
        self._spark.createDataFrame(rows).createOrReplaceTempView(name)

    def know_files(self, name: str, folder: str, files: Sequence[str], schema: pa.Schema) -> None:
        """Take Parquet files of a Delta table in `folder`; `day` is told by their paths where they lack it."""
        if not files:
            self.know(name, schema.empty_table())
            return
        reader = self._spark.read.schema(from_arrow_schema(schema)).option("basePath", folder)
        reader.parquet(*files).createOrReplaceTempView(name)

"""Gold by Spark against the truth and against DuckDB, which runs the same queries over everything at once."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from edge_cloud import gold, tables
from edge_cloud.desk.dimensions import built_in_roles
from edge_cloud.duck import Duck
from edge_cloud.fleet.generator import Generated
from edge_cloud.spark.engine import SparkEngine
from edge_cloud.spark.gold import make_touched
from edge_cloud.spark.gold_tables import GoldTables
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.spark.lake import stream, table, write_files

pytestmark = pytest.mark.timeout(240)


def made(lake: Path, name: str) -> pa.Table:
    schema = tables.GOLD[name]
    return pa.table(DeltaTable(str(lake / name)).to_pyarrow_table()).select(schema.names).cast(schema)


def by_duck(lake: Path, name: str) -> pa.Table:
    silver = {one: table(lake, one) for one in tables.DECODED}
    return gold.make(Duck({**silver, "roles": built_in_roles()}), name)


def rounded(rows: pa.Table) -> list[dict[str, object]]:
    """Sums of floats differ in their last bits with the order of their parts."""
    found = [{k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows.to_pylist()]
    return sorted(found, key=repr)


def test_gold_follows_what_arrives_late_and_is_the_truth_at_the_end(
    spark: SparkSession, fleet: Generated, tmp_path: Path
) -> None:
    """First a part that lacks a third of every vehicle's batches, then the rest: only what it touches is made again."""
    lake, engine = tmp_path / "lake", SparkEngine(spark)
    write_files(tmp_path / "in", [m for n, m in enumerate(fleet.messages) if n % 3], 1)
    stream(spark, tmp_path / "in", lake, tmp_path / "checkpoint")
    first = make_touched(engine, GoldTables(str(lake), {}), gold.Setting())
    assert made(lake, "gaps").num_rows > fleet.truth.gaps.num_rows

    write_files(tmp_path / "in" / "late", [m for n, m in enumerate(fleet.messages) if not n % 3], 1)
    stream(spark, tmp_path / "in", lake, tmp_path / "checkpoint")
    make_touched(engine, GoldTables(str(lake), {}), gold.Setting())

    assert first.keys() == set(gold.NAMES)
    assert_same_rows(made(lake, "gaps"), fleet.truth.gaps)
    for name in gold.NAMES:
        assert rounded(made(lake, name)) == rounded(by_duck(lake, name)), name
    versions = {name: DeltaTable(str(lake / name)).version() for name in gold.NAMES}
    assert make_touched(engine, GoldTables(str(lake), {}), gold.Setting()) == {}
    assert versions == {name: DeltaTable(str(lake / name)).version() for name in gold.NAMES}

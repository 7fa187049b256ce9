"""Gold of what arrived, against the truth and against the same queries over everything at once.

The steps are run with DuckDB as their engine, which takes a second, and once by Spark.
"""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from edge_cloud import gold, tables
from edge_cloud.decode import decode
from edge_cloud.desk.dimensions import built_in_roles
from edge_cloud.duck import Duck
from edge_cloud.fleet.generator import Generated
from edge_cloud.records import Message
from edge_cloud.spark.engine import KnowingEngine, SparkEngine
from edge_cloud.spark.gold import make_touched
from edge_cloud.spark.gold_tables import GoldTables
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.silver import DAY_S, NOON_S, boots_of_all_clocks
from tests.cloud.edge_cloud.spark.lake import stream, table, write_files

CLOCKS = boots_of_all_clocks()
MADE = gold.Setting(made_us=(NOON_S + 30 * DAY_S) * 1_000_000)
WORST = [[2], [3], [7]]
ORDERS = [*permutations(WORST), [[8], [2, 4], [7]], [[7, 1], [2, 3], [5, 4], [8, 6]], [[n] for n in CLOCKS]]
"""In 2260, in 1970, right: in every order; then others, of which the last right one is not always the last to come."""


class DuckEngine(Duck):
    """DuckDB with the files of a Delta table."""

    def __init__(self) -> None:
        super().__init__({})

    def know_files(self, name: str, folder: str, files: Sequence[str], schema: pa.Schema) -> None:
        days = ds.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")
        found = ds.dataset(list(files), schema, format="parquet", partitioning=days, partition_base_dir=folder)
        self.know(name, found.to_table())


def arrive(lake: Path, messages: Sequence[Message]) -> None:
    """What the stream makes of them, each once."""
    once = {(m.device, m.properties["boot"], m.properties["seq"]): m for m in messages}
    for name, rows in decode(list(once.values())).by_name().items():
        write_deltalake(str(lake / name), rows, mode="append", partition_by=["day"])


def versions(lake: Path) -> dict[str, int]:
    return {name: DeltaTable(str(lake / name)).version() for name in gold.NAMES}


def assert_gold_is_true(lake: Path, fleet: Generated) -> None:
    assert_same_rows(made(lake, "gaps"), fleet.truth.gaps)
    for name in gold.NAMES:
        assert rounded(made(lake, name)) == rounded(by_duck(lake, name)), name


def assert_nothing_more_to_make(engine: KnowingEngine, lake: Path) -> None:
    before = versions(lake)
    assert make_touched(engine, GoldTables(str(lake), {}), gold.Setting()) == {}
    assert versions(lake) == before


def made(lake: Path, name: str) -> pa.Table:
    schema = tables.GOLD[name]
    return pa.table(DeltaTable(str(lake / name)).to_pyarrow_table()).select(schema.names).cast(schema)


def by_duck(lake: Path, name: str, setting: gold.Setting | None = None) -> pa.Table:
    silver = {one: table(lake, one) for one in tables.DECODED}
    return gold.make(Duck({**silver, "roles": built_in_roles()}), name, setting)


def rounded(rows: pa.Table) -> list[dict[str, object]]:
    """Sums of floats differ in their last bits with the order of their parts."""
    found = [{k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows.to_pylist()]
    return sorted(found, key=repr)


def test_gold_follows_what_arrives_in_three_parts_and_is_the_truth_at_the_end(fleet: Generated, tmp_path: Path) -> None:
    engine = DuckEngine()
    messages = list({(m.device, m.properties["boot"], m.properties["seq"]): m for m in fleet.messages}.values())
    lost = []
    for part in range(3):
        arrive(tmp_path, messages[part::3])
        assert make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting()).keys() == set(gold.NAMES)
        lost.append(sum(made(tmp_path, "gaps")["batches"].to_pylist()))
        for name in gold.NAMES:
            assert rounded(made(tmp_path, name)) == rounded(by_duck(tmp_path, name)), name
    assert lost[0] > lost[1] > lost[2]
    assert_gold_is_true(tmp_path, fleet)
    assert_nothing_more_to_make(engine, tmp_path)


def test_only_the_devices_and_days_of_what_arrived_are_made_anew(fleet: Generated, tmp_path: Path) -> None:
    engine, one = DuckEngine(), "car-000003"
    last = max((m for m in fleet.messages if m.device == one), key=lambda m: (m.properties["boot"], m.enqueued_us))
    name = (last.device, last.properties["boot"], last.properties["seq"])
    arrive(tmp_path, [m for m in fleet.messages if (m.device, m.properties["boot"], m.properties["seq"]) != name])
    make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting())
    arrive(tmp_path, [last])
    again = make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting())

    assert set(made(tmp_path, "daily")["device"].to_pylist()) > {one}
    assert again["daily"] == 1
    assert again["completeness"] == 3
    assert_gold_is_true(tmp_path, fleet)


def test_everything_can_be_made_anew(fleet: Generated, tmp_path: Path) -> None:
    engine = DuckEngine()
    arrive(tmp_path, fleet.messages)
    first = make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting())
    assert make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting(), whole=True) == first
    assert_gold_is_true(tmp_path, fleet)


def test_a_name_that_stands_twice_in_the_batches_is_told_of_the_devices_that_sent_anything(
    fleet: Generated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine, one = DuckEngine(), fleet.messages[0]
    arrive(tmp_path, fleet.messages)
    make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting())
    assert not caplog.records
    arrive(tmp_path, [one])
    make_touched(engine, GoldTables(str(tmp_path), {}), gold.Setting())
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert f"1 names (device, boot, seq) of batches stand twice, one of them of {one.device}:" in record.message


def arrive_boots(lake: Path, *boots: int) -> None:
    for name, schema in tables.DECODED.items():
        rows = pa.concat_tables([CLOCKS[boot].get(name, schema.empty_table()) for boot in boots])
        write_deltalake(str(lake / name), rows, mode="append", partition_by=["day"])


def assert_last_known_follows(engine: KnowingEngine, lake: Path, order: Sequence[Sequence[int]]) -> None:
    seen: list[int] = []
    for boots in order:
        arrive_boots(lake, *boots)
        make_touched(engine, GoldTables(str(lake), {}), MADE)
        seen += boots
        assert rounded(made(lake, "last_known")) == rounded(by_duck(lake, "last_known", MADE)), (order, seen)


def test_of_a_fleet_without_gaps_or_trips_only_what_arrived_is_made(tmp_path: Path) -> None:
    engine, lake = DuckEngine(), GoldTables(str(tmp_path), {})
    for boot in (1, 6):
        arrive_boots(tmp_path, boot)
        assert make_touched(engine, lake, MADE)["daily"] == 1
        assert_nothing_more_to_make(engine, tmp_path)
    assert made(tmp_path, "gaps").num_rows == made(tmp_path, "trips").num_rows == 0


@pytest.mark.parametrize("order", ORDERS)
def test_wrong_clocks_arriving_in_any_order_give_what_they_give_all_at_once(
    order: Sequence[Sequence[int]], tmp_path: Path
) -> None:
    assert_last_known_follows(DuckEngine(), tmp_path, order)
    [door] = [row["value"] for row in made(tmp_path, "last_known").to_pylist() if row["signal"] == "Door"]
    assert door == 7


def test_a_time_that_an_earlier_rule_believed_goes_when_all_is_made_anew(tmp_path: Path) -> None:
    engine, lake = DuckEngine(), GoldTables(str(tmp_path), {})
    arrive_boots(tmp_path, 1, 2)
    make_touched(engine, lake, gold.Setting(ahead_s=300 * 365 * 86_400))
    assert max(made(tmp_path, "last_known")["t"].to_pylist()).year == 2260
    make_touched(engine, lake, MADE, whole=True)
    assert rounded(made(tmp_path, "last_known")) == rounded(by_duck(tmp_path, "last_known", MADE))


@pytest.mark.timeout(600)
def test_spark_knows_wrong_clocks_as_duckdb_does(spark: SparkSession, tmp_path: Path) -> None:
    arrive_boots(tmp_path, *CLOCKS)
    engine = SparkEngine(spark)
    for name in ("batches", "samples", "firings"):
        engine.know(name, table(tmp_path, name))
    found = gold.make(engine, "last_known", MADE)
    assert_same_rows(found, by_duck(tmp_path, "last_known", MADE))


@pytest.mark.timeout(600)
def test_spark_makes_of_a_streamed_fleet_what_duckdb_makes(
    spark: SparkSession, fleet: Generated, tmp_path: Path
) -> None:
    lake, engine = tmp_path / "lake", SparkEngine(spark)
    write_files(tmp_path / "in", fleet.messages, 1)
    stream(spark, tmp_path / "in", lake, tmp_path / "checkpoint")
    make_touched(engine, GoldTables(str(lake), {}), gold.Setting())

    assert_gold_is_true(lake, fleet)
    assert_nothing_more_to_make(engine, lake)

"""The stream as a whole: made fleets, whose truth is exact, in files of this disk."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from edge_cloud.fleet.generator import Generated
from edge_cloud.records import Message
from edge_cloud.spark import stream as the_stream
from edge_cloud.spark.commits import Commits, Written
from edge_cloud.spark.stream import ORDER
from tests.cloud.edge_cloud.golden import NAMES, message, samples
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.spark.lake import stream, table, write_files

pytestmark = pytest.mark.timeout(240)


class DeathError(Exception):
    pass


class BrokenCommits(Commits):
    """Its process dies once before, and once after, each table's commit."""

    left: list[tuple[str, str]]

    def add(self, name: str, number: int, files: Iterable[Written]) -> None:
        self._die("before", name)
        super().add(name, number, files)
        self._die("after", name)

    def _die(self, when: str, name: str) -> None:
        if (when, name) in self.left:
            self.left.remove((when, name))
            raise DeathError


def keys(batches: pa.Table) -> set[tuple[str, int, int]]:
    return set(zip(*(batches[name].to_pylist() for name in ("device", "boot", "seq")), strict=True))


def test_late_doubled_and_shuffled_messages_make_exactly_the_true_rows(
    spark: SparkSession, fleet: Generated, tmp_path: Path
) -> None:
    write_files(tmp_path / "in", fleet.messages, 4)
    stream(spark, tmp_path / "in", tmp_path / "lake", tmp_path / "checkpoint", files_at_once=2)

    batches = table(tmp_path / "lake", "batches")
    assert len(batches) == len(keys(batches)) == fleet.truth.batches < len(fleet.messages)
    assert table(tmp_path / "lake", "refused").num_rows == 0
    assert_same_rows(table(tmp_path / "lake", "samples"), fleet.truth.samples)


def test_a_death_before_or_after_any_commit_adds_and_loses_nothing(
    spark: SparkSession, fleet: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first micro-batch meets every death: it comes again until all are behind it."""
    written = ("samples", "evictions", "batches")
    BrokenCommits.left = [(when, name) for when in ("before", "after") for name in written]
    monkeypatch.setattr(the_stream, "Commits", BrokenCommits)
    write_files(tmp_path / "in", fleet.messages[:300], 2)

    deaths = 0
    while BrokenCommits.left:
        with pytest.raises(StreamingQueryException):
            stream(spark, tmp_path / "in", tmp_path / "lake", tmp_path / "checkpoint")
        deaths += 1
    stream(spark, tmp_path / "in", tmp_path / "lake", tmp_path / "checkpoint")

    first = {(m.device, int(m.properties["boot"]), int(m.properties["seq"])) for m in fleet.messages[:300]}
    batches = table(tmp_path / "lake", "batches")
    truth = fleet.truth.samples.to_pylist()
    true_rows = pa.Table.from_pylist(
        [row for row in truth if (row["device"], row["boot"], row["seq"]) in first], schema=fleet.truth.samples.schema
    )
    assert deaths == 6
    assert len(batches) == len(first)
    assert_same_rows(table(tmp_path / "lake", "samples"), true_rows)


def test_a_stream_that_lost_its_checkpoint_reads_all_again_and_adds_nothing(
    spark: SparkSession, fleet: Generated, tmp_path: Path
) -> None:
    write_files(tmp_path / "in", fleet.messages[:100], 1)
    stream(spark, tmp_path / "in", tmp_path / "lake", tmp_path / "checkpoint")
    once = {name: table(tmp_path / "lake", name).num_rows for name in ORDER}
    write_files(tmp_path / "in", fleet.messages[:200], 2)
    stream(spark, tmp_path / "in", tmp_path / "lake", tmp_path / "another")

    batches = table(tmp_path / "lake", "batches")
    assert once["batches"] < len(batches) == len(keys(batches))
    assert once["batches"] == len({(m.device, m.properties["boot"], m.properties["seq"]) for m in fleet.messages[:100]})


def test_every_kind_of_payload_comes_through_spark_as_the_readers_expect(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path / "in", [message(name) for name in (*NAMES, "trip")], 1)
    stream(spark, tmp_path / "in", tmp_path / "lake", tmp_path / "checkpoint")

    assert_same_rows(table(tmp_path / "lake", "samples"), pa.concat_tables([samples(name) for name in NAMES]))
    assert table(tmp_path / "lake", "trip_reports").num_rows == 1
    assert table(tmp_path / "lake", "refused").num_rows == 0


def test_what_is_no_payload_is_refused_with_its_place_and_does_not_stop_the_stream(
    spark: SparkSession, tmp_path: Path
) -> None:
    whole = gzip.compress(message("numbers").body)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "broken.json.gz").write_bytes(whole + whole[:-9])
    (folder / "other.json").write_bytes(b'{"schema": "columns/1"}\nno JSON\n')
    stream(spark, folder, tmp_path / "lake", tmp_path / "checkpoint")

    refused = table(tmp_path / "lake", "refused").to_pylist()
    assert sorted((row["source"].rpartition("/")[2], row["reason"][:20]) for row in refused) == [
        ("broken.json.gz, message 1", "its gzip is cut off"),
        ("other.json, message 0", "it has no usable 'de"),
        ("other.json, message 1", "it is no JSON: inval"),
    ]
    assert_same_rows(table(tmp_path / "lake", "samples"), samples("numbers"))


def test_of_copies_in_one_micro_batch_the_first_to_arrive_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    body = message("numbers").body
    early, late = Message(body, source="early", enqueued_us=1), Message(body, source="late", enqueued_us=2)
    frame = spark.createDataFrame(
        [(bytearray(m.body), None, None, m.enqueued_us, m.source) for m in (late, early, late)],
        "body BINARY, device STRING, properties MAP<STRING, STRING>, enqueued_us BIGINT, source STRING",
    )
    spark.sparkContext.setLocalProperty("sql.streaming.queryId", "a stream")
    the_stream.Ingest(the_stream.Place(str(tmp_path / "lake"), {}))(frame, 0)

    assert table(tmp_path / "lake", "batches")["source"].to_pylist() == ["early"]

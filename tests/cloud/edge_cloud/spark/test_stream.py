"""The stream as a whole: made fleets, whose truth is exact, in files of this disk."""

import gzip
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from edge_cloud.bodies import payload_texts
from edge_cloud.contradictions import REASON
from edge_cloud.desk.ingest import Ingest
from edge_cloud.fleet.generator import START_US, Generated
from edge_cloud.lake import Lake
from edge_cloud.records import Message
from edge_cloud.spark import stream as the_stream
from edge_cloud.spark.commits import Commits, Written
from edge_cloud.spark.stream import ORDER
from tests.cloud.edge_cloud.golden import NAMES, message, samples
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.spark.lake import stream, table, take, write_files

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
    take(spark, tmp_path / "lake", 0, [late, early, late])

    assert table(tmp_path / "lake", "batches")["source"].to_pylist() == ["early"]


def otherwise(one: Message, **said: object) -> Message:
    """A message by the same name that says something else, as a vehicle would send it."""
    [text] = payload_texts(one.body)
    return replace(one, body=gzip.compress(orjson.dumps(orjson.loads(text) | said)))


def arrived(messages: Iterable[Message]) -> list[Message]:
    """A second apart, from a place each."""
    return [
        replace(one, enqueued_us=START_US + second * 1_000_000, source=f"place {second:04}")
        for second, one in enumerate(messages)
    ]


def with_copies_and_contradictions(messages: list[Message], rng: random.Random) -> list[Message]:
    """Every batch, and of a part of them a copy, one that is compressed otherwise, and others by its name."""
    kinds: list[Callable[[Message], Message]] = [
        lambda one: one,
        otherwise,
        lambda one: otherwise(one, uptime_ms=1),
        lambda one: otherwise(one, why="flushed", rule="somebody's"),
        lambda one: otherwise(one, kept=-rng.randrange(1, 1 << 40)),
    ]
    more = [rng.choice(kinds)(one) for one in messages for _ in range(rng.choice([0, 0, 0, 1, 2, 3]))]
    return arrived(rng.sample(messages + more, len(messages) + len(more)))


@pytest.mark.parametrize("seed", [1, 2])
def test_of_copies_and_contradictions_in_any_order_spark_and_the_desk_make_the_same_tables(
    spark: SparkSession, fleet: Generated, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  an order that can be had again
    distinct = list({(m.device, m.properties["boot"], m.properties["seq"]): m for m in fleet.messages[:80]}.values())
    messages = with_copies_and_contradictions(distinct, rng)
    half = len(messages) // 2
    for number, micro_batch in enumerate((messages[:half], messages[half:])):
        take(spark, tmp_path / "spark", number, rng.sample(micro_batch, len(micro_batch)))
    with Lake.writing(tmp_path / "desk") as lake:
        for _ in Ingest(lake).take(messages):
            pass

    desk = Lake.reading(tmp_path / "desk")
    for name in ORDER:
        assert_same_rows(table(tmp_path / "spark", name), desk.read(name))
    reasons = desk.read("refused")["reason"].to_pylist()
    assert 0 < reasons.count(REASON) < len(reasons)
    assert desk.read("batches").num_rows == len(distinct)


def test_what_contradicts_an_earlier_micro_batch_is_refused_and_told_once_however_often_it_comes(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = replace(message("numbers"), source="first")
    copy, other = replace(first, source="copy"), replace(otherwise(first, uptime_ms=1), source="other")
    a_year_later = replace(other, source="again", enqueued_us=other.enqueued_us + 365 * 86_400_000_000)
    caplog.set_level(logging.INFO, "edge_cloud.ingest")
    take(spark, tmp_path, 0, [first])
    take(spark, tmp_path, 1, [other, copy])
    take(spark, tmp_path, 2, [a_year_later])
    take(spark, tmp_path, 0, [first, a_year_later], query="one that lost its checkpoint")

    [refused] = table(tmp_path, "refused").to_pylist()
    assert (refused["source"], refused["reason"], refused["body"]) == ("other", REASON, other.body)
    assert (refused["device"], refused["enqueued"].date()) == (first.device, refused["day"])
    assert table(tmp_path, "batches")["source"].to_pylist() == ["first"]
    assert_same_rows(table(tmp_path, "samples"), samples("numbers"))
    assert [(record.levelname, record.message.partition(";")[0]) for record in caplog.records] == [
        ("INFO", "micro-batch 0: 1 payloads, of them 0 copies and 0 refused"),
        ("WARNING", "micro-batch 1: 2 payloads, of them 1 copies and 1 refused"),
        ("INFO", "micro-batch 2: 1 payloads, of them 1 copies and 0 refused"),
        ("INFO", "micro-batch 0: 2 payloads, of them 2 copies and 0 refused"),
    ]


def test_a_log_of_frames_that_comes_again_is_a_copy_and_one_of_another_rule_is_told(
    spark: SparkSession, tmp_path: Path
) -> None:
    frames = message("frames")
    next_day = replace(frames, source="next day", enqueued_us=frames.enqueued_us + 86_400_000_000)
    other = replace(next_day, source="other", properties={**frames.properties, "rule": "another"})
    take(spark, tmp_path, 0, [frames])
    take(spark, tmp_path, 1, [next_day, other])

    assert table(tmp_path, "batches")["source"].to_pylist() == ["frames"]
    assert [(row["source"], row["reason"]) for row in table(tmp_path, "refused").to_pylist()] == [("other", REASON)]


@pytest.mark.parametrize("death", [("before", "refused"), ("after", "refused"), ("before", "batches")])
def test_a_micro_batch_with_a_contradiction_that_comes_again_after_a_death_refuses_it_once_and_says_so(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    death: tuple[str, str],
) -> None:
    """Of two in one micro-batch the later contradicts; a third contradicts what the tables have."""
    numbers, hot = arrived([message("numbers"), message("hot")])
    another_hot, another_numbers = otherwise(hot, why="flushed"), otherwise(numbers, why="flushed")
    late = replace(another_hot, enqueued_us=hot.enqueued_us + 1)
    take(spark, tmp_path, 0, [numbers])
    BrokenCommits.left = [death]
    monkeypatch.setattr(the_stream, "Commits", BrokenCommits)
    with pytest.raises(DeathError):
        take(spark, tmp_path, 1, [late, another_numbers, hot])
    caplog.set_level(logging.INFO, "edge_cloud.ingest")
    take(spark, tmp_path, 1, [late, another_numbers, hot])
    take(spark, tmp_path, 1, [late, another_numbers, hot])

    refused = table(tmp_path, "refused")
    assert sorted(refused["body"].to_pylist()) == sorted([late.body, another_numbers.body])
    assert set(refused["reason"].to_pylist()) == {REASON}
    assert_same_rows(table(tmp_path, "samples"), pa.concat_tables([samples("numbers"), samples("hot")]))
    counts = f"3 payloads, of them 0 copies and 2 refused; 1 batches with {samples('hot').num_rows} samples"
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", f"micro-batch 1: {counts}"),
        ("INFO", "micro-batch 1 is committed already"),
    ]


def test_a_batch_that_is_broken_leaves_its_name_to_one_that_is_not(spark: SparkSession, tmp_path: Path) -> None:
    broken, whole = arrived([otherwise(message("numbers"), columns=[]), message("numbers")])
    take(spark, tmp_path, 0, [broken, whole])

    [refused] = table(tmp_path, "refused").to_pylist()
    assert refused["reason"].endswith("and holds 0")
    assert_same_rows(table(tmp_path, "samples"), samples("numbers"))

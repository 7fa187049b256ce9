"""What a kill leaves of a checkpoint, made by hand: `kills.py` meets it by chance."""

import shutil
import uuid
from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession

from edge_cloud.spark.checkpoint import drop_unfinished_start
from tests.cloud.edge_cloud.golden import message
from tests.cloud.edge_cloud.spark.lake import stream, table, write_files

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def offsets(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint" / "offsets"
    folder.mkdir(parents=True)
    return folder


def start(spark: SparkSession, folder: Path) -> None:
    drop_unfinished_start(spark, str(folder / "checkpoint"))
    stream(spark, folder / "in", folder / "lake", folder / "checkpoint")


@pytest.mark.parametrize("left", [(), (".{}.tmp",), (".{}.tmp", "..{}.tmp.crc"), ("..{}.tmp.crc",)])
def test_of_a_first_offset_that_was_not_finished_nothing_stands_in_the_way(
    spark: SparkSession, tmp_path: Path, offsets: Path, left: tuple[str, ...]
) -> None:
    write_files(tmp_path / "in", [message("numbers")], 1)
    name = f"0.{uuid.uuid4()}"
    for pattern in left:
        (offsets / pattern.format(name)).write_bytes(b"v1\n")
    start(spark, tmp_path)

    assert table(tmp_path / "lake", "batches").num_rows == 1
    assert (offsets / "0").exists()


def test_two_killed_starts_leave_no_more_than_one(spark: SparkSession, tmp_path: Path, offsets: Path) -> None:
    for _ in range(2):
        (offsets / f".0.{uuid.uuid4()}.tmp").touch()
    drop_unfinished_start(spark, str(tmp_path / "checkpoint"))

    assert list(offsets.iterdir()) == []


def test_beside_a_finished_offset_all_is_left_as_it_is(spark: SparkSession, tmp_path: Path, offsets: Path) -> None:
    for name in ("0", f".1.{uuid.uuid4()}.tmp"):
        (offsets / name).write_bytes(b"v1\n")
    before = sorted(offsets.iterdir())
    drop_unfinished_start(spark, str(tmp_path / "checkpoint"))

    assert sorted(offsets.iterdir()) == before


def test_a_checkpoint_whose_offsets_somebody_deleted_is_still_refused(
    spark: SparkSession, tmp_path: Path, offsets: Path
) -> None:
    write_files(tmp_path / "in", [message("numbers")], 1)
    start(spark, tmp_path)
    for file in offsets.iterdir():
        file.unlink()

    with pytest.raises(StreamingQueryException):
        start(spark, tmp_path)


def test_a_checkpoint_that_was_put_back_is_told_and_a_new_one_takes_what_came_since(
    spark: SparkSession, tmp_path: Path
) -> None:
    write_files(tmp_path / "in", [message("numbers")], 1)
    start(spark, tmp_path)
    copy = shutil.copytree(tmp_path / "checkpoint", tmp_path / "copy")
    for number, name in enumerate(("hot", "event")):
        write_files(tmp_path / "more", [message(name)], 1)
        (tmp_path / "more" / "000.json.gz").rename(tmp_path / "in" / f"more-{number}.json.gz")
        start(spark, tmp_path)
    shutil.rmtree(tmp_path / "checkpoint")
    copy.rename(tmp_path / "checkpoint")

    with pytest.raises(StreamingQueryException, match="has micro-batch 2 of this stream, and the checkpoint begins"):
        start(spark, tmp_path)
    shutil.rmtree(tmp_path / "checkpoint")
    start(spark, tmp_path)
    assert table(tmp_path / "lake", "batches").num_rows == 3


def test_a_checkpoint_that_is_not_there_is_not_made(spark: SparkSession, tmp_path: Path) -> None:
    drop_unfinished_start(spark, str(tmp_path / "none"))

    assert not (tmp_path / "none").exists()

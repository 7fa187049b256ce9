import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from edge_cloud.decode import decode
from edge_cloud.fleet.cli import app
from edge_cloud.fleet.hour import Hour, Written, write_hour
from edge_cloud.fleet.hour_command import NoHour
from edge_cloud.readers.sources import files_of, messages_of
from edge_cloud.records import Decoded, Message

HOUR = Hour(vehicles=1_203, minutes=5, samples=30, seed=2, lost=0.03)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    folder = tmp_path_factory.mktemp("hour") / "files"
    return folder, write_hour(HOUR, folder)


@pytest.fixture(scope="module")
def read(written: tuple[Path, Written]) -> Decoded:
    return decode([Message(path.read_bytes()) for path in sorted(written[0].rglob("*.json.gz"))])


def test_every_message_of_every_file_is_a_payload(read: Decoded, written: tuple[Path, Written]) -> None:
    told = written[1]

    assert read.refused.num_rows == 0
    assert read.batches.num_rows == told.messages > told.batches
    assert told.batches + told.lost == HOUR.vehicles * HOUR.minutes
    keys = set(zip(*(read.batches[name].to_pylist() for name in ("device", "boot", "seq")), strict=True))
    lost = {tuple(row.values()) for row in pq.read_table(written[0] / "_lost.parquet").to_pylist()}
    assert len(keys) == told.batches
    assert not keys & lost
    assert len(lost) == told.lost > 0


def test_what_a_batch_holds_is_of_the_time_of_its_header(read: Decoded) -> None:
    opened = dict(zip(read.batches["seq"].to_pylist(), read.batches["opened"].to_pylist(), strict=True))
    assert len(opened) == HOUR.minutes
    first = read.samples.group_by(["device", "seq"]).aggregate([("t", "min")])
    of_header = read.batches.group_by(["device", "seq"]).aggregate([("opened", "min")])
    joined = first.join(of_header, ["device", "seq"])
    assert joined["t_min"].to_pylist() == joined["opened_min"].to_pylist()


def test_a_lake_is_held_against_the_hour(written: tuple[Path, Written], read: Decoded, tmp_path: Path) -> None:
    folder, told = written
    seen: set[tuple[str, int]] = set()
    rows = zip(read.batches["device"].to_pylist(), read.batches["seq"].to_pylist(), strict=True)
    once = [not (key in seen or seen.add(key)) for key in rows]  # type: ignore[func-returns-value]  # adds, and is false
    batches, samples = read.batches.filter(once), read.samples.slice(0, told.samples)

    def said(name: str, lake_batches: object, code: int) -> str:
        write_deltalake(str(tmp_path / name / "batches"), lake_batches)
        write_deltalake(str(tmp_path / name / "samples"), samples)
        result = CliRunner().invoke(app, ["check", "--hour", str(folder), "--lake", str(tmp_path / name)])
        assert result.exit_code == code, result.output
        return result.output

    assert "0 missing, 0 twice, 0 that were lost" in said("whole", batches, 0)
    assert "1 missing, 0 twice" in said("short", batches.slice(1), 1)
    assert f"{told.messages - told.batches} twice" in said("doubled", read.batches, 1)


def test_the_command_writes_and_says_what(tmp_path: Path) -> None:
    words = ["hour", "--out", str(tmp_path / "h"), "--vehicles", "20", "--minutes", "3", "--samples", "7"]
    result = CliRunner().invoke(app, words)

    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "h" / "_hour.json").read_text())["written"]
    assert told["samples"] == 7 * told["batches"]
    assert f"{told['messages']} messages" in result.output


def test_a_desk_takes_the_whole_hour_and_refuses_nothing(tmp_path: Path) -> None:
    told = write_hour(Hour(vehicles=6, minutes=4, samples=5, doubled=0.3), tmp_path / "hour")
    found = [message for path in files_of(tmp_path / "hour") for message in messages_of(path)]

    assert len(found) == told.messages
    decoded = decode(found)
    assert (decoded.refused.num_rows, decoded.batches.num_rows) == (0, told.messages)


def test_a_lake_that_is_not_there_is_one_sentence(written: tuple[Path, Written], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--hour", str(written[0]), "--lake", str(tmp_path / "none")])

    assert isinstance(result.exception, NoHour)
    assert "none holds no whole lake" in str(result.exception)

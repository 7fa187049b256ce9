"""The command itself, killed at random moments: the short form of `kills.py`."""

import shutil
import uuid
from pathlib import Path

import pytest

from edge_cloud.fleet.generator import Generated
from tests.cloud.edge_cloud.spark.kills import FILES_A_KILL, check, kill_and_finish
from tests.cloud.edge_cloud.spark.lake import write_files

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17, which is not here"),
]


def test_a_stream_that_is_killed_three_times_has_every_row_once(fleet: Generated, tmp_path: Path) -> None:
    write_files(tmp_path / "in", fleet.messages, 3 * FILES_A_KILL)
    found = kill_and_finish(tmp_path, kills=3, seed=2)

    check(tmp_path, fleet)
    assert found.kills == 3


def test_a_stream_that_was_killed_while_it_wrote_its_first_offset_starts_again(
    fleet: Generated, tmp_path: Path
) -> None:
    write_files(tmp_path / "in", fleet.messages, 2)
    offsets = tmp_path / "checkpoint" / "offsets"
    offsets.mkdir(parents=True)
    (offsets / f".0.{uuid.uuid4()}.tmp").touch()
    kill_and_finish(tmp_path, kills=0, seed=0)

    check(tmp_path, fleet)

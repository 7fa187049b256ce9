"""The command itself, killed at random moments: the short form of `kills.py`."""

import shutil
from pathlib import Path

import pytest

from edge_cloud.fleet.generator import Generated
from tests.cloud.edge_cloud.spark.kills import FILES_A_KILL, check, kill_and_finish
from tests.cloud.edge_cloud.spark.lake import write_files


@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17, which is not here")
def test_a_stream_that_is_killed_three_times_has_every_row_once(fleet: Generated, tmp_path: Path) -> None:
    write_files(tmp_path / "in", fleet.messages, 3 * FILES_A_KILL)
    found = kill_and_finish(tmp_path, kills=3, seed=2)

    check(tmp_path, fleet)
    assert found.kills == 3

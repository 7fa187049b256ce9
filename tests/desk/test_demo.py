from pathlib import Path

import pytest

from edge_agent.desk import demo_place
from edge_agent.desk.demo import OUTAGE_AT, Drive, run_demo
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import BadSettings, DatabaseRefused, EdgeAgentError, Fault, FileRefused

SIMULATED = Drive(log=None, databases=(), seconds=8, outage_s=0)


def test_a_recording_needs_its_database(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        run_demo(Drive(log=tmp_path / "drive.log", databases=(), seconds=8, outage_s=0), None, "127.0.0.67")
    assert refused.value.faults == (Fault("--dbc", "a recording needs its database file"),)


def test_a_database_that_cannot_be_read_is_told_before_anything_is_started(tmp_path: Path) -> None:
    drive = Drive(log=tmp_path / "drive.log", databases=(tmp_path / "nope.dbc",), seconds=8, outage_s=0)
    with pytest.raises(DatabaseRefused, match=r"nope\.dbc: no such file"):
        run_demo(drive, tmp_path, "127.0.0.67")
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_to_keep_everything_in(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileRefused, match="file: cannot be used as a folder: File exists"):
        run_demo(SIMULATED, tmp_path / "file", "127.0.0.67")


def test_a_database_without_a_recording_is_refused_as_the_simulated_drive_has_its_own() -> None:
    with pytest.raises(BadSettings) as refused:
        run_demo(Drive(log=None, databases=(database_path(),), seconds=8, outage_s=0), None, "127.0.0.67")
    assert refused.value.faults[0].loc == "--dbc"
    assert "--log" in refused.value.faults[0].message


@pytest.mark.parametrize("address", ["foo", "203.0.113.1"])
def test_an_address_that_cannot_be_had_is_told_before_a_folder_is_made(address: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeAgentError, match=f"^the local hub cannot start: .*{address}"):
        run_demo(SIMULATED, tmp_path / "desk", address)
    assert not (tmp_path / "desk").exists()


def test_a_second_demo_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "desk" / "hub").mkdir(parents=True)
    with pytest.raises(FileRefused, match="desk: a demo is in it already; name a new folder"):
        run_demo(SIMULATED, tmp_path / "desk", "127.0.0.67")


@pytest.mark.parametrize("folder", [None, "desk"])
def test_a_disk_that_is_nearly_full_is_told_before_anything_is_started(
    folder: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_place, "NEEDED_BYTES", 1 << 60)
    with pytest.raises(FileRefused, match=r" MiB free, the demo needs \d+ MiB; give --folder on another disk"):
        run_demo(SIMULATED, tmp_path / folder if folder else None, "127.0.0.67")
    assert not list(tmp_path.iterdir())


def test_the_outage_is_where_the_readme_says() -> None:
    assert OUTAGE_AT == 0.5
    readme = (database_path().parents[1] / "README.md").read_text()
    assert "Half-way the hub is killed" in " ".join(readme.split())

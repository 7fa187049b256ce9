from pathlib import Path

import pytest

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.desk.demo import LOG_RULES, OUTAGE_AT, VEHICLE_RULES, Drive, run_demo
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import BadSettings, DatabaseRefused, Fault, FileRefused
from edge_agent.twin.compilation import compile_document
from edge_agent.twin.desired import merged
from edge_agent.twin.document import judge


@pytest.mark.parametrize("rules", [VEHICLE_RULES, LOG_RULES], ids=["vehicle", "log"])
def test_the_demo_s_rules_run_before_and_after_the_change(rules: dict[str, dict[str, object]]) -> None:
    catalog = Catalog([("demo", [load_database(database_path())])])
    before = compile_document(judge(rules["start"]), catalog, version=1)
    after = compile_document(judge(merged(rules["start"], rules["change"])), catalog, version=2)

    assert len(after.rules) == len(before.rules) + 1
    assert after.plan.signals


def test_a_recording_needs_its_database(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        run_demo(Drive(log=tmp_path / "drive.log", databases=(), seconds=8, outage_s=0), None, "127.0.0.67")
    assert refused.value.faults == (Fault("--dbc", "a recording needs its database file"),)


def test_a_database_that_cannot_be_read_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match=r"nope\.dbc: no such file"):
        run_demo(Drive(log=None, databases=(tmp_path / "nope.dbc",), seconds=8, outage_s=0), tmp_path, "127.0.0.67")
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_to_keep_everything_in(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileRefused, match="file: cannot be used as a folder: File exists"):
        run_demo(Drive(log=None, databases=(), seconds=8, outage_s=0), tmp_path / "file", "127.0.0.67")


def test_the_outage_is_where_the_readme_says() -> None:
    assert OUTAGE_AT == 0.5
    readme = (database_path().parents[1] / "README.md").read_text()
    assert "Half-way the hub is killed" in " ".join(readme.split())

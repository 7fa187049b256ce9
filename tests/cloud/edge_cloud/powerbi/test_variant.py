"""The copies that `variant.py` makes: each is as sound as the project, and reads its gold as asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cloud.edge_cloud.powerbi import checks, tmdl
from tests.cloud.edge_cloud.powerbi.tom import Read, Tom

LAKEHOUSE = "11111111-aaaa-4111-8111-111111111111/22222222-bbbb-4222-8222-222222222222"
MODEL = "Fleet.SemanticModel/definition"
GOLD = {"daily", "trips", "gaps", "completeness", "last_known", "costs", "vehicles", "access"}


def make(project: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "variant.py"), str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own script


def test_direct_lake_reads_every_gold_table_as_it_lies(project: Path, found: Read, tom: Tom, tmp_path: Path) -> None:
    done = make(project, tmp_path / "out", "--direct-lake", LAKEHOUSE, "--schema", "gold")

    assert (done.returncode, done.stderr) == (0, "")
    lake = tom.read(tmp_path / "out" / MODEL, tmp_path / "again")
    assert {line[0] for line in lake.of("table") if line[1:] == ("Entity", "DirectLake")} == GOLD
    for kind in ("column", "measure", "relationship", "permission"):
        assert lake.of(kind) == found.of(kind)
    assert {line[0] for line in lake.of("expression")} == {"Cluster", "Database", "Lakehouse"}
    sources = "".join(one.text for one in tmdl.read(tmp_path / "out" / MODEL).of("expression"))
    assert f"https://onelake.dfs.fabric.microsoft.com/{LAKEHOUSE}" in sources
    assert "schemaName: gold" in (tmp_path / "out" / MODEL / "tables" / "daily.tmdl").read_text()


def test_a_folder_is_read_with_the_queries_of_the_project(project: Path, found: Read, tom: Tom, tmp_path: Path) -> None:
    done = make(project, tmp_path / "out", "--folder", r"C:\fleet\gold")

    assert (done.returncode, done.stderr) == (0, "")
    assert tom.read(tmp_path / "out" / MODEL, tmp_path / "again").of("table") == found.of("table")
    sources = {one.name: one.text for one in tmdl.read(tmp_path / "out" / MODEL).of("expression")}
    assert sources["Gold"].startswith(r'"C:\fleet\gold" meta')
    assert "Folder.Contents(Gold)" in sources["GoldFolder"]


def test_without_a_cluster_nothing_asks_for_one(project: Path, tom: Tom, tmp_path: Path) -> None:
    done = make(project, tmp_path / "out", "--without-live")

    assert (done.returncode, done.stderr) == (0, "")
    bare = tom.read(tmp_path / "out" / MODEL, tmp_path / "again")
    assert {line[0] for line in bare.of("table")} == {*GOLD, "dates"}
    assert ("Vehicles by access", "live") not in bare.of("permission")
    assert {line[0] for line in bare.of("expression")} == {"Gold", "GoldFolder", "AsUtc"}
    pages = tmp_path / "out" / "Fleet.Report/definition/pages"
    assert "now" not in json.loads((pages / "pages.json").read_text())["pageOrder"]
    assert not (pages / "now").exists()


@pytest.mark.usefixtures("schemas")
@pytest.mark.parametrize("way", [["--direct-lake", LAKEHOUSE], ["--folder", "/srv/gold"], []])
def test_nothing_is_wrong_with_a_copy(project: Path, tmp_path: Path, way: list[str]) -> None:
    done = make(project, tmp_path / "out", *way, "--without-live")

    assert (done.returncode, done.stderr) == (0, "")
    assert checks.findings(tmp_path / "out") == []


def test_a_folder_that_is_there_is_left_alone(project: Path, tmp_path: Path) -> None:
    done = make(project, tmp_path)

    assert (done.returncode, done.stderr) == (2, f"{tmp_path} is there already: name a folder that is not\n")
    assert list(tmp_path.iterdir()) == []


def test_a_partition_of_another_form_is_not_left_importing(copy: Path, tmp_path: Path) -> None:
    path = copy / MODEL / "tables" / "trips.tmdl"
    path.write_text(path.read_text().replace("mode: import", "mode: dual"))

    done = make(copy, tmp_path / "out", "--direct-lake", LAKEHOUSE)

    assert (done.returncode, done.stderr) == (2, "trips.tmdl: its partition is not one import from GoldFolder\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--direct-lake", "fleet/gold"], "fleet/gold is not two ids with a slash between"),
        (["--direct-lake", LAKEHOUSE, "--schema", "a b"], "a b is no schema's name"),
        (["--folder", 'C:\\"x"'], "has a quotation mark"),
    ],
)
def test_what_would_spoil_the_model_is_refused(
    project: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    done = make(project, tmp_path / "out", *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (tmp_path / "out").exists()

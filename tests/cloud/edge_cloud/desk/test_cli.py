import subprocess
import sys
from pathlib import Path

import pytest

from edge_cloud.fleet.generator import Plan, generate

COMMAND = Path(sys.executable).with_name("edge-cloud")
pytestmark = pytest.mark.timeout(120)


def run(*args: object, **also: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own command
        [COMMAND, *map(str, args)], check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **also}
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a made fleet, as files."""
    folder = tmp_path_factory.mktemp("fleet")
    found = generate(Plan(vehicles=5, seconds=20, boots=2, seed=6, lost=0.1, batch_s=4))
    warm = [message.body for message in found.messages if message.properties["lane"] == "warm"]
    hot = [message.body for message in found.messages if message.properties["lane"] == "hot"]
    (folder / "warm.json.gz").write_bytes(b"".join(warm))
    (folder / "hot.json").write_bytes(b"".join(hot))
    (folder / "bad.json").write_bytes(b"nonsense\n")
    told = run("ingest", folder, "--lake", folder / "lake")
    assert told.returncode == 0, told.stderr
    assert f"{found.truth.batches} new batches with {found.truth.samples.num_rows} samples" in told.stdout
    assert "refused 1: it is no JSON" in told.stdout
    made = run("gold", "--lake", folder / "lake")
    assert f"gaps: {found.truth.gaps.num_rows} rows" in made.stdout, made.stderr
    return folder / "lake"


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_another_program_gets_rows_with_tabs_between(lake: Path) -> None:
    names, *rows = lines(run("trips", "--lake", lake, "--device", "car-000003").stdout)
    assert (names[0], names[-1]) == ("device", "head_unit_km")
    assert [row[0] for row in rows] == ["car-000003"] * 2


def test_gaps_and_last_values_are_told(lake: Path) -> None:
    assert {row[5] for row in lines(run("gaps", "--lake", lake).stdout)[1:]} >= {"middle", "tail"}
    assert len(lines(run("last", "--lake", lake, "--device", "car-000000").stdout)) > 30


def test_any_question_is_answered(lake: Path) -> None:
    told = run("sql", "select count(distinct device) as cars from samples", "--lake", lake)
    assert told.stdout == "cars\n5\n"


def test_costs_stand_beside_the_other_gold_tables(lake: Path) -> None:
    assert run("sql", "select count(*) from costs", "--lake", lake).stdout.split()[-1] == "5"


def test_losses_make_a_check_fail(lake: Path) -> None:
    told = run("check", "--lake", lake)
    assert told.returncode == 1
    assert "; lost: " in told.stdout


def test_a_lake_with_everything_passes_a_check(tmp_path: Path) -> None:
    found = generate(Plan(vehicles=1, seconds=8, boots=1, lost=0, batch_s=4))
    (tmp_path / "all.json.gz").write_bytes(b"".join(m.body for m in found.messages if m.properties["lane"] == "warm"))
    (tmp_path / "hot.json").write_bytes(b"".join(m.body for m in found.messages if m.properties["lane"] == "hot"))
    run("ingest", tmp_path, "--lake", tmp_path / "lake")
    told = run("check", "--lake", tmp_path / "lake")
    kept, there, batches, _ = (line.split("  ")[-1].strip() for line in told.stdout.splitlines())
    assert (told.returncode, told.stderr, kept) == (0, "", there)
    assert (batches, int(there)) == (f"{found.truth.batches}; lost: 0", found.truth.samples.num_rows)


def test_a_page_is_written(lake: Path, tmp_path: Path) -> None:
    told = run("page", "--lake", lake, "--out", tmp_path / "page.html")
    assert (told.returncode, told.stderr) == (0, "")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["trips", "--lake", "/nowhere"], "/nowhere: holds no tables; fill it with: edge-cloud ingest"),
        (["ingest", "/nowhere"], "/nowhere: no such file or folder"),
        (["ingest", "az://fleet"], "az://fleet: set AZURE_STORAGE_CONNECTION_STRING"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, args: list[str], sentence: str) -> None:
    told = run(*args, *(["--lake", tmp_path / "lake"] if args[0] == "ingest" else []))
    assert told.returncode == 1
    assert told.stderr.startswith(f"error: {sentence}")
    assert told.stderr.count("\n") == 1


def test_a_query_that_is_none_is_one_sentence(lake: Path) -> None:
    told = run("sql", "selec", "--lake", lake)
    assert told.stderr == 'error: Parser Error: syntax error at or near "selec"\n'


@pytest.mark.parametrize("command", ["ingest", "gold", "gaps", "trips", "last", "sql", "page", "check", "price"])
def test_help_has_an_example(command: str) -> None:
    assert "Example:" in run(command, "--help").stdout


def test_roles_with_a_mistake_are_named_by_their_line(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "roles.csv").write_text("role,signal,factor\nspeed,Speed,1\nspeed,Other,fast\n")
    told = run("gold", "--lake", lake, "--roles", tmp_path / "roles.csv")
    assert told.stderr == f"error: {tmp_path}/roles.csv:3: factor 'fast' is no number\n"

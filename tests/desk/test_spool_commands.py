"""The commands as they are typed; what they do is tested where it is done."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge_agent.cli import app, main
from tests.desk.spools import BATCHES, left
from tests.desk.test_spool_export import encrypted_spool, key_file


def typed(*words: str | Path, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["spool", *map(str, words)], input=answer, env={"COLUMNS": "400"})


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return left(tmp_path / "spool", *BATCHES)


def test_stat_sums_up_for_a_person_and_for_a_program(spool: Path) -> None:
    assert "waiting   5 batches" in typed("stat", spool).output
    assert json.loads(typed("stat", spool, "--json").output)["waiting"]["batches"] == 5


def test_ls_lists_what_is_meant(spool: Path) -> None:
    result = typed("ls", spool, "--rule", "trip", "--rule", "idle", "--priority", "5", "--boot", "1", "--json")

    assert [json.loads(line)["seq"] for line in result.output.splitlines()] == [0, 1]
    assert len(typed("ls", spool, "--limit", "2").output.splitlines()) == 3


def test_export_says_what_came_out_and_how_far_it_has_come_whatever_the_folders_path(tmp_path: Path) -> None:
    spool = left(tmp_path / ("a" * 200) / ("b" * 200) / "spool", *BATCHES)

    result = typed("export", spool, "--to", tmp_path / "out", "--format", "csv")

    assert result.exit_code == 0
    assert "5 batches exported, 1 of them frames, 6 samples" in result.stderr
    assert "kB" in result.stderr
    assert (tmp_path / "out" / "Motion.Speed.csv").exists()


def test_export_reads_what_is_encrypted_with_the_key(tmp_path: Path) -> None:
    key = key_file(tmp_path, bytes(range(32)))
    spool = encrypted_spool(tmp_path / "spool", key)

    assert "1 encrypted" in typed("export", spool, "--to", tmp_path / "without").stderr
    result = typed("export", spool, "--to", tmp_path / "with", "--key-file", key.path)
    assert "2 batches exported, 4 samples" in result.stderr


@pytest.mark.parametrize("command", ["stat", "ls", "export"])
def test_a_folder_without_a_spool_is_one_sentence(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ["--to", str(tmp_path / "out")] if command == "export" else []
    monkeypatch.setattr("sys.argv", ["edge-agent", "spool", command, str(tmp_path), *to])
    with pytest.raises(SystemExit) as left_with:
        main()
    said = capsys.readouterr()
    assert (left_with.value.code, said.out) == (1, "")
    assert said.err.startswith(f"error: {tmp_path}: no spool is there")


def test_drop_asks_and_says_what_went(spool: Path) -> None:
    refused = typed("drop", spool, "--rule", "trip", answer="n\n")
    assert (refused.exit_code, "drop 1 batches" in refused.stderr) == (1, True)
    assert len(typed("ls", spool, "--json").output.splitlines()) == 5

    result = typed("drop", spool, "--rule", "trip", answer="y\n")
    assert (result.exit_code, "1 batches dropped" in result.stdout) == (0, True)
    assert typed("drop", spool, "--all", "--yes").stdout.startswith("4 batches dropped")
    assert json.loads(typed("stat", spool, "--json").output)["lost_untold"] == [
        {"boot": 1, "from": 0, "to": 4, "why": "dropped"}
    ]


@pytest.mark.parametrize("options", [[], ["--all", "--rule", "trip"]])
def test_drop_wants_to_be_told_what(options: list[str], spool: Path) -> None:
    result = typed("drop", spool, *options, "--yes")

    assert result.exit_code == 2
    assert "say what is to go" in result.output

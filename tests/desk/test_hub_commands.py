import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app, main
from edge_agent.desk.twin_schema import twin_schema_text


@pytest.mark.parametrize("option", ["--device", "--module"])
def test_the_hub_refuses_an_id_that_no_topic_can_hold(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["edge-agent", "hub", "--folder", str(tmp_path / "hub"), option, "a b/c'd"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert f"error: {option}: " in capsys.readouterr().err
    assert not (tmp_path / "hub").exists()


def said_of(patch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr("sys.argv", ["edge-agent", "twin", "set", str(patch)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    return capsys.readouterr().err


def test_a_patch_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    absent, latin = tmp_path / "absent.json", tmp_path / "latin.json"
    latin.write_bytes(b'{"\xff"')

    assert said_of(absent, monkeypatch, capsys) == f"error: {absent}: cannot be read: No such file or directory\n"
    assert said_of(latin, monkeypatch, capsys) == f"error: {latin}: is not UTF-8 at byte 2\n"


def test_the_schema_is_printed_as_it_is() -> None:
    result = CliRunner().invoke(app, ["twin", "schema"])

    assert (result.exit_code, result.output) == (0, twin_schema_text())
    assert json.loads(result.output)["type"] == "object"

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app, main
from edge_agent.desk.twin_schema import twin_schema_text
from edge_agent.localhub.admin_client import AdminClient


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


def test_a_file_that_is_there_already_stays_and_no_hub_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("SECRET=y\n")
    arguments = ["--folder", str(tmp_path / "hub"), "--env-file", str(tmp_path / ".env")]
    monkeypatch.setattr("sys.argv", ["edge-agent", "hub", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: --env-file: {tmp_path / '.env'} is there already")
    assert (tmp_path / ".env").read_text() == "SECRET=y\n"
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


@pytest.mark.parametrize(
    ("encoding", "name", "shown"),
    [
        ("utf-8", "\u00fc-\u043a\u043b\u044e\u0447", "\u00fc-\u043a\u043b\u044e\u0447"),
        ("ascii", "\u00fc-\u043a\u043b\u044e\u0447", r"\u00fc-\u043a\u043b\u044e\u0447"),
        ("utf-8", "\ud800", r"\ud800"),
    ],
)
def test_a_twin_is_printed_whatever_standard_output_can_hold(
    encoding: str, name: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(AdminClient, "twin", lambda *_: json.dumps({"desired": {"rules": {name: {}}}}))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, encoding=encoding))
    monkeypatch.setattr("sys.argv", ["edge-agent", "twin", "get"])
    with pytest.raises(SystemExit) as left:
        main()
    sys.stdout.flush()

    assert not left.value.code
    assert f'"{shown}"' in printed.getvalue().decode(encoding)
    assert json.loads(printed.getvalue()) == {"desired": {"rules": {name: {}}}}


def test_the_schema_is_printed_as_it_is() -> None:
    result = CliRunner().invoke(app, ["twin", "schema"])

    assert (result.exit_code, result.output) == (0, twin_schema_text())
    assert json.loads(result.output)["type"] == "object"


@pytest.mark.timeout(60)
def test_a_hub_knows_as_many_vehicles_as_it_is_asked_for_each_with_its_own_key(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "edge_agent", "hub", "--folder", str(tmp_path), "--address", "127.0.0.207"]
    ready = tmp_path / "hub.env"
    hub = subprocess.Popen([*words, "--module", "telematics", "--vehicles", "3", "--env-file", str(ready)])  # noqa: S603
    try:
        while not ready.exists() and hub.poll() is None:
            time.sleep(0.02)
    finally:
        hub.terminate()
        hub.wait(20)
    rows = json.loads((tmp_path / "identities.json").read_text())["modules"]

    vehicles = [row for row in rows if row["device"].startswith("car-")]
    assert [(row["device"], row["module"]) for row in vehicles] == [(f"car-00000{n}", "telematics") for n in range(3)]
    assert len({row["key"] for row in vehicles}) == 3

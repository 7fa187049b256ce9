import re
import signal
import subprocess
import sys

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from edge_agent import __version__
from edge_agent.cli import app, main
from tests.agent_log import events_in

ROOT = typer.main.get_command(app)


def commands(group: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command, as it is typed."""
    if not isinstance(group, TyperGroup):
        return [path]
    return [found for name, command in group.commands.items() for found in commands(command, (*path, name))]


def test_every_command_is_known() -> None:
    assert {" ".join(path) for path in commands(ROOT)} == {
        "run",
        "health",
        "demo",
        "hub",
        "fault",
        "replay",
        "decode",
        "reference",
        "check",
        "dtdl",
        "dry-run",
        "manifest",
        "show",
        "spool drop",
        "spool export",
        "spool ls",
        "spool stat",
        "twin get",
        "twin set",
        "twin schema",
        "method",
    }


@pytest.mark.parametrize("path", commands(ROOT), ids=" ".join)
def test_the_help_of_a_command_has_an_example_of_it(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})

    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"edge-agent {' '.join(path)}" in result.output.partition("Example:")[2]


def test_an_interpreter_without_docstrings_has_the_help_of_a_command_too() -> None:
    """As the image's is; also where its environment says so to every interpreter."""
    call = (sys.executable, "-OO", "-m", "edge_agent", "check", "--help")
    environment = {"PYTHONOPTIMIZE": "2"}
    run = subprocess.run(call, capture_output=True, text=True, check=True, timeout=15, env=environment)  # noqa: S603

    assert "Example:" in run.stdout


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"{__version__}\n")


def test_without_a_command_the_commands_are_listed() -> None:
    result = CliRunner().invoke(app, [])
    assert all(path[0] in result.output for path in commands(ROOT))


def test_usage_names_the_command_however_it_was_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/edge_agent/__main__.py", "decode", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "Usage: edge-agent decode" in capsys.readouterr().out


def test_check_asks_for_something_to_check() -> None:
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 2
    assert "nothing to check" in result.output


@pytest.mark.parametrize("command", ["dtdl", "dry-run"])
def test_what_takes_its_buses_from_the_settings_asks_for_them_where_there_are_none(command: str) -> None:
    words = ["--log", "drive.log", "--twin", "twin.json"] if command == "dry-run" else []
    result = CliRunner().invoke(app, [command, *words], env={"BUSES": None})
    assert result.exit_code == 2
    assert "give --dbc, or BUSES" in result.output


def test_an_error_is_one_sentence_on_stderr_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["edge-agent", "show", "absent[1].jsonl"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.out == ""
    assert re.fullmatch(r"error: absent\[1\]\.jsonl: cannot be read: .*\n", said.err)


BROKEN_START = """
import asyncio, sys, threading, time
from edge_agent.app import Agent
from edge_agent.cli import main

async def opened(*_):
    print("opening", flush=True)
    if MODE == "crash":
        threading.Thread(target=time.sleep, args=(60,)).start()
        raise BaseExceptionGroup("stages", [ExceptionGroup("inner", [KeyError("oops")])])
    await asyncio.sleep(60)

Agent.open = opened
sys.argv[1:] = ["run"]
main()
"""
NO_HUB = {
    "BUSES": '[{"name": "car", "interface": "virtual", "channel": "car"}]',
    "EdgeHubConnectionString": "HostName=h;GatewayHostName=127.0.0.67;DeviceId=d;ModuleId=m;SharedAccessKey=AAEC",
    "EdgeModuleCACertificateFile": "absent.pem",
}


def broken_start(mode: str) -> "subprocess.Popen[str]":
    """The agent as a process that does not come beyond its start; it has begun to."""
    script = f"MODE = {mode!r}{BROKEN_START}"
    process = subprocess.Popen(  # noqa: S603  fixed text
        [sys.executable, "-c", script], env=NO_HUB, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "opening\n"
    return process


def test_a_crash_is_one_event_and_the_process_leaves_though_a_thread_hangs() -> None:
    with broken_start("crash") as process:
        said, _ = process.communicate(timeout=15)
    assert process.returncode == 1
    [told] = events_in(said)
    assert (told["event"], told["error"], told["reason"]) == ("app.stage_failed", "KeyError", "'oops'")


def test_a_stop_during_a_slow_start_ends_with_0() -> None:
    with broken_start("slow") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0

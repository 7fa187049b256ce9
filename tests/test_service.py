import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_agent.service import serve
from tests.agent_log import events_in

NO_HUB = {
    "BUSES": '[{"name": "car", "interface": "virtual", "channel": "car"}]',
    "EdgeHubConnectionString": "HostName=h;GatewayHostName=127.0.0.67;DeviceId=d;ModuleId=m;SharedAccessKey=AAEC",
    "EdgeModuleCACertificateFile": "absent.pem",
}


def started(variables: Mapping[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, *arguments],
        env=dict(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_settings_that_are_wrong_are_one_sentence_each_and_an_exit_of_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUSES", "[]")
    left: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        serve(left.append)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)

    assert left == [1]
    assert capsys.readouterr().err.startswith("error: BUSES: ")


def test_it_runs_without_what_a_desk_needs_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    code = (
        "import sys; from edge_agent.service import serve\n"
        "def leave(code):\n"
        "    print(sorted({'rich', 'typer', 'cantools', 'cryptography'} & {*sys.modules}), code)\n"
        "serve(leave)"
    )
    agent = started({**NO_HUB, "DATA_FOLDER": str(tmp_path)}, "-c", code)
    assert agent.stdout is not None
    lines: list[str] = []
    for line in agent.stdout:
        lines.append(line)
        if "app.agent_started" in line:
            agent.terminate()
    agent.communicate()

    assert "app.agent_started" in [event["event"] for event in events_in("".join(lines))]
    assert lines[-1] == "[] 0\n"


def test_a_crash_is_one_event_and_an_exit_of_one(tmp_path: Path) -> None:
    code = (
        "import os; from edge_agent.app import Agent; from edge_agent.service import serve\n"
        "async def opened(*_): raise KeyError('oops')\n"
        "Agent.open = opened\n"
        "serve(os._exit)"
    )
    agent = started({**NO_HUB, "DATA_FOLDER": str(tmp_path)}, "-c", code)
    out, _ = agent.communicate()

    assert agent.returncode == 1
    assert [json.dumps(event["reason"]) for event in events_in(out)] == ["\"'oops'\""]

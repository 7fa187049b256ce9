"""What is asked of the image from inside it, by its own Python and as its own user; its last line is the verdict.

Raises AssertionError with a sentence where the image is not what it
is told to be.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.image.inside import confined
from tests.image.inside.confined import STOP_S, listening, say, until

AGENT = (sys.executable, "-m", "edge_agent")
VOLUME = Path("/var/lib/edge-agent")
DATABASE = Path("/opt/edge-agent/dbc/demo-vehicle.dbc")
METRICS = "http://127.0.0.1:9600/metrics"


def main() -> int:
    """Exit code: the demonstration's."""
    confined.the_process_may_do_nothing_more_than_it_must()
    confined.only_the_volume_can_be_written("/opt/edge-agent")
    assert DATABASE.exists(), f"{DATABASE} is missing"
    _its_commands_answer()
    _it_runs_as_a_module()
    code = _asked("demo", "--folder", str(VOLUME / "demo")).returncode
    verdict = "nothing was lost" if code == 0 else "FAILED"
    say(f"the journey on {platform.machine()}, Python {platform.python_version()}: {verdict}")
    return code


def _its_commands_answer() -> None:
    for words in (("--version",), ("check", "--dbc", str(DATABASE), "--vss", str(DATABASE.with_suffix(".vss.json")))):
        assert _asked(*words).returncode == 0, words
    assert _asked("health").returncode == 1, "it was healthy before it ran"


def _it_runs_as_a_module() -> None:
    """As IoT Edge starts it, against the local hub; asked by its HEALTHCHECK, read by Prometheus, ended by SIGTERM."""
    with _running("hub", "--folder", str(VOLUME / "hub"), "--env-file", str(VOLUME / "hub.env")):
        until((VOLUME / "hub.env").exists, "the local hub does not start")
        the_hubs = set(listening())
        bus = {"name": "car", "interface": "virtual", "channel": "car", "dbc": [str(DATABASE)]}
        variables = {"BUSES": json.dumps([bus]), **_exported(VOLUME / "hub.env")}
        with _running("run", variables=variables) as agent:
            begun = time.monotonic()
            until(lambda: _healthy(agent), "the agent does not get healthy")
            say(f"healthy {time.monotonic() - begun:.0f} s after the start")
            asked = time.monotonic()
            assert _asked("health").returncode == 0
            say(f"asked by HEALTHCHECK in {time.monotonic() - asked:.1f} s")
            with urlopen(METRICS, timeout=STOP_S) as answer:
                assert b"edge_" in answer.read()
            its_own = set(listening()) - the_hubs
            assert its_own == {("127.0.0.1", 9600)}, its_own
            say("it listens on 127.0.0.1:9600 and nowhere else")
            agent.terminate()
            assert agent.wait(STOP_S) == 0, f"SIGTERM ended it with {agent.returncode}"
            say("SIGTERM ended it with 0")
    assert _asked("spool", "stat", str(VOLUME)).returncode == 0


def _healthy(agent: "subprocess.Popen[bytes]") -> bool:
    assert agent.poll() is None, f"it ended with {agent.returncode}"
    return _asked("health", aloud=False).returncode == 0


def _exported(path: Path) -> dict[str, str]:
    pairs: list[list[str]] = [shlex.split(line)[1].split("=", 1) for line in path.read_text().splitlines()]
    return dict(pairs)


def _asked(*words: str, aloud: bool = True) -> "subprocess.CompletedProcess[bytes]":
    if aloud:
        say(f"$ edge-agent {' '.join(words)}")
    out = None if aloud else subprocess.DEVNULL
    return subprocess.run([*AGENT, *words], check=False, stdout=out)  # noqa: S603  words of ours


@contextmanager
def _running(*words: str, variables: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    say(f"$ edge-agent {' '.join(words)} &")
    environment = {**os.environ, **(variables or {})}
    with subprocess.Popen([*AGENT, *words], env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())

"""What is asked of the image from inside it, by its own Python and as its own user; its last line is the verdict.

In the container it is /mnt/journey.py. Raises AssertionError with a sentence where the image is not what it
is told to be.
"""

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

AGENT = (sys.executable, "-m", "edge_agent")
VOLUME = Path("/var/lib/edge-agent")
DATABASE = Path("/opt/edge-agent/dbc/demo-vehicle.dbc")
METRICS = "http://127.0.0.1:9600/metrics"
LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp (include/net/tcp_states.h)"""
NOT_BELONGING = ("cc", "gcc", "g++", "clang", "ld", "make", "pip", "git")
START_S = 180.0
"""emulated, the agent's imports alone take several seconds"""
STOP_S = 10.0
"""what Docker gives a container between SIGTERM and SIGKILL"""


def main() -> int:
    """Exit code: the demonstration's."""
    _the_process_may_do_nothing_more_than_it_must()
    _the_files_are_what_the_vehicle_needs()
    _its_commands_answer()
    _it_runs_as_a_module()
    code = _asked("demo", "--folder", str(VOLUME / "demo")).returncode
    verdict = "nothing was lost" if code == 0 else "FAILED"
    _say(f"the journey on {platform.machine()}, Python {platform.python_version()}: {verdict}")
    return code


def _the_process_may_do_nothing_more_than_it_must() -> None:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    capabilities = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert not any(capabilities.values()), capabilities
    assert status["NoNewPrivs"] == "1", "privileges could be had by a file with a bit set"
    assert 0 not in (os.getuid(), os.getgid()), "it runs as root"
    _say(f"user {os.getuid()}, no capabilities, no new privileges")


def _the_files_are_what_the_vehicle_needs() -> None:
    refused = [folder for folder in ("/", "/opt/edge-agent", "/etc", "/usr", "/var/lib") if _is_refused(folder)]
    assert len(refused) == 5, f"only these are read-only: {refused}"
    found = [tool for tool in NOT_BELONGING if shutil.which(tool)]
    assert not found, f"these do not belong into the image: {found}"
    kept = [name for name in os.environ if name.startswith(("PIP_", "UV_")) or "proxy" in name.lower()]
    assert not kept, f"the builder's environment is in the image: {kept}"
    assert DATABASE.exists(), f"{DATABASE} is missing"
    _say("everything but the volume and /tmp is read-only; no compiler, no pip, nothing of the builder's environment")


def _is_refused(folder: str) -> bool:
    return os.statvfs(folder).f_flag & os.ST_RDONLY != 0


def _its_commands_answer() -> None:
    for words in (("--version",), ("check", "--dbc", str(DATABASE), "--vss", str(DATABASE.with_suffix(".vss.json")))):
        assert _asked(*words).returncode == 0, words
    assert _asked("health").returncode == 1, "it was healthy before it ran"


def _it_runs_as_a_module() -> None:
    """As IoT Edge starts it, against the local hub; asked by its HEALTHCHECK, read by Prometheus, ended by SIGTERM."""
    with _running("hub", "--folder", str(VOLUME / "hub"), "--env-file", str(VOLUME / "hub.env")):
        _until((VOLUME / "hub.env").exists, "the local hub does not start")
        the_hubs = set(_listening())
        bus = {"name": "car", "interface": "virtual", "channel": "car", "dbc": [str(DATABASE)]}
        variables = {"BUSES": json.dumps([bus]), **_exported(VOLUME / "hub.env")}
        with _running("run", variables=variables) as agent:
            begun = time.monotonic()
            _until(lambda: _healthy(agent), "the agent does not get healthy")
            _say(f"healthy {time.monotonic() - begun:.0f} s after the start")
            asked = time.monotonic()
            assert _asked("health").returncode == 0
            _say(f"asked by HEALTHCHECK in {time.monotonic() - asked:.1f} s")
            with urlopen(METRICS, timeout=STOP_S) as answer:
                assert b"edge_" in answer.read()
            its_own = set(_listening()) - the_hubs
            assert its_own == {("127.0.0.1", 9600)}, its_own
            _say("it listens on 127.0.0.1:9600 and nowhere else")
            agent.terminate()
            assert agent.wait(STOP_S) == 0, f"SIGTERM ended it with {agent.returncode}"
            _say("SIGTERM ended it with 0")
    assert _asked("spool", "stat", str(VOLUME)).returncode == 0


def _healthy(agent: "subprocess.Popen[bytes]") -> bool:
    assert agent.poll() is None, f"it ended with {agent.returncode}"
    return _asked("health", aloud=False).returncode == 0


def _listening() -> Iterator[tuple[str, int]]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == LISTENING:
                address, port = local.split(":")
                yield ".".join(str(byte) for byte in reversed(bytes.fromhex(address))), int(port, 16)


def _exported(path: Path) -> dict[str, str]:
    pairs: list[list[str]] = [shlex.split(line)[1].split("=", 1) for line in path.read_text().splitlines()]
    return dict(pairs)


def _asked(*words: str, aloud: bool = True) -> "subprocess.CompletedProcess[bytes]":
    if aloud:
        _say(f"$ edge-agent {' '.join(words)}")
    out = None if aloud else subprocess.DEVNULL
    return subprocess.run([*AGENT, *words], check=False, stdout=out)  # noqa: S603  words of ours


@contextmanager
def _running(*words: str, variables: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    _say(f"$ edge-agent {' '.join(words)} &")
    environment = {**os.environ, **(variables or {})}
    with subprocess.Popen([*AGENT, *words], env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


def _until(true: Callable[[], bool], complaint: str) -> None:
    until_s = time.monotonic() + START_S
    while not true():
        assert time.monotonic() < until_s, f"{complaint} within {START_S:g} s"
        time.sleep(0.5)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

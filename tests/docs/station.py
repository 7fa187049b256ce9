"""A folder as a reader of the pages has it, and a shell in it: what a page tells to type is typed there.

It holds a copy of what of the repository the pages name, files of the reader's own (a drive, a database, rules), and an
environment in `.venv` that is first on the PATH: the project's, but that `make` only says what it would do, and that
the local hub listens on an address of this test's own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import can

from edge_agent.desk.vehicle import database_path
from tests.docs.pages import ROOT, Block
from tests.journey.recordings import write_drive

ADDRESS = "127.0.0.187"
COPIED = (
    "docs",
    "dbc",
    "modules/telematics",
    "modules/cabin/module.json",
    "deployment.template.json",
    "deployment.cabin.template.json",
    "Makefile",
    "pyproject.toml",
)
TWIN = '{"schema_version": 1, "rules": {"trip": {"kind": "periodic", "every_ms": 1000, "signals": ["Motion.*"]}}}'
WITHIN_S = 60.0
TOOLS = {
    "edge-agent": f"""case "$1" in hub|demo) set -- "$@" --address {ADDRESS};; esac
exec {sys.executable} -m edge_agent "$@"
""",
    "python": f'exec {sys.executable} "$@"\n',
    "make": f'exec {shutil.which("make")} --no-print-directory -n -C {ROOT} "$@"\n',
}
PROMPT = re.compile(r"^\$ ((?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)
"""what somebody typed, in a block that shows the answer too"""


def typed(block: Block) -> str:
    """What of a block is typed."""
    return "\n".join(PROMPT.findall(block.text)) if block.language == "console" else block.text


def station(folder: Path) -> Path:
    """Make one in an empty folder, and give it back."""
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, target)
    _make_environment(folder / ".venv" / "bin")
    for name in ("car.dbc", "powertrain.dbc"):
        shutil.copyfile(database_path(), folder / name)
    for name in ("car-vss.json", "vss.json"):  # a mapping is a tree of VSS too
        shutil.copyfile(database_path().with_suffix(".vss.json"), folder / name)
    (folder / "twin.json").write_text(TWIN)
    drive = write_drive(folder / "drive.log", seed=11, seconds=3)
    with can.BLFWriter(folder / "drive.blf") as writer:
        for frame in can.LogReader(drive):
            writer(frame)
    return folder


def _make_environment(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, script in TOOLS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    (folder / "activate").write_text(f'PATH="{folder}:$PATH"\n')


@contextmanager
def shell(script: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Bash at it, which ends at the first command that fails; what it said is in `said`. Nothing outlives the block."""
    path = f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}"
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603  it is what our own pages say
            ("/bin/bash", "-e", "-o", "pipefail", "-c", script),
            cwd=folder,
            env={"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def said(folder: Path) -> str:
    """Everything up to now."""
    return (folder / "said").read_text(errors="replace")


def run(script: str, folder: Path) -> int:
    """To its end; the exit code."""
    with shell(script, folder) as process:
        return process.wait(WITHIN_S)


def run_until(word: str, script: str, folder: Path) -> int:
    """Until it says a word, then as long as it takes to end after Ctrl-C; the exit code."""
    with shell(script, folder) as process:
        until = time.monotonic() + WITHIN_S
        while word not in said(folder):
            assert process.poll() is None, f"ended before it said {word!r}:\n{said(folder)}"
            assert time.monotonic() < until, f"did not say {word!r}:\n{said(folder)}"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        return process.wait(WITHIN_S)

"""The probe as HEALTHCHECK starts it, against the agent's side and against what is none."""

import asyncio
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_agent.observe.health import Verdict
from edge_agent.observe.health_answer import health_answered
from edge_agent.observe.health_probe import address_of, asked
from tests.acquire.told import Told

WELL = Verdict(healthy=True, sentence="every stage makes progress")


def probe(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "health"],
        env={"DATA_FOLDER": str(folder)},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


async def test_the_process_says_it_in_a_sentence_and_by_its_exit_code(tmp_path: Path) -> None:
    verdicts = [WELL, Verdict(healthy=False, sentence="sift stands still for 40 s: blocks wait")]
    async with health_answered(tmp_path, lambda: verdicts.pop(0), Told()):
        well = await asyncio.to_thread(probe, tmp_path)
        wedged = await asyncio.to_thread(probe, tmp_path)

    assert (well.returncode, well.stdout) == (0, "healthy: every stage makes progress\n")
    assert (wedged.returncode, wedged.stdout) == (1, "unhealthy: sift stands still for 40 s: blocks wait\n")


def test_where_no_agent_runs_nobody_is_healthy(tmp_path: Path) -> None:
    assert asked(tmp_path) == Verdict(healthy=False, sentence=f"no agent answers for {tmp_path}: Connection refused")
    absent = asked(tmp_path / "absent")
    assert (absent.healthy, "No such file" in absent.sentence) == (False, True)


def test_what_answers_something_else_is_no_agent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address_of(tmp_path))
        server.listen()
        for answer in (b"", b"[]", b"{}", b'{"healthy": tr'):
            verdict = answered(server, answer, tmp_path)
            assert verdict == Verdict(healthy=False, sentence=f"no agent answers for {tmp_path}: its answer is none")


def answered(server: socket.socket, answer: bytes, folder: Path) -> Verdict:
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(asked, folder)
        with server.accept()[0] as connection:
            connection.sendall(answer)
        return asking.result()


@pytest.mark.parametrize("module", ["numpy", "typer", "pydantic", "azure", "cantools", "asyncio", "structlog"])
def test_asking_waits_for_no_import_of_what_the_agent_needs(module: str) -> None:
    script = f"import edge_agent.observe.health_probe, sys; sys.exit({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False)  # noqa: S603  the tests' own

    assert done.returncode == 0

"""What a container's HEALTHCHECK is told, by a real page and by what is none."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from cabin import health_probe
from cabin.health_probe import tell_health, unhealthy_because
from cabin.settings import Settings
from tests.cabin.web.fake_cockpit import FakeCockpit
from tests.cabin.web.serving import serving

ROOT = Path(__file__).parents[2]


@contextmanager
def answering(*, backlog: int) -> Iterator[int]:
    """A socket of this machine that accepts and says nothing; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as one:
        yield one.getsockname()[1]


async def test_a_cabin_that_serves_its_page_is_healthy(tmp_path: Path) -> None:
    async with serving(FakeCockpit(), tmp_path) as served:
        reason = await asyncio.to_thread(unhealthy_because, {"CABIN_WEB_PORT": str(served.port)})

    assert reason == ""


async def test_the_command_exits_as_the_page_answers(tmp_path: Path) -> None:
    async def told(port: int) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cabin", "health"),
            env={**os.environ, "PYTHONPATH": str(ROOT / "modules" / "cabin"), "CABIN_WEB_PORT": str(port)},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async with serving(FakeCockpit(), tmp_path) as served:
        assert await told(served.port) == (0, "healthy: the page answers\n")
    code, said = await told(served.port)
    assert (code, said.startswith("unhealthy: no page answers at 127.0.0.1 port")) == (1, True)


def test_a_page_that_accepts_and_says_nothing_is_not_healthy() -> None:
    with answering(backlog=8) as port:
        reason = unhealthy_because({"CABIN_WEB_PORT": str(port)}, limit_s=0.05)

    assert reason == f"the page at 127.0.0.1 port {port} does not answer within 0.05 s"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"220 mail\r\n", "what answers at 127.0.0.1 port {port} is no page: BadStatusLine"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "the page at 127.0.0.1 port {port} answers with 503"),
    ],
    ids=["no page", "a refusal"],
)
async def test_what_answers_otherwise_than_a_page_is_not_healthy(answer: bytes, sentence: str) -> None:
    async def answering_so(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(answering_so, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reason = await asyncio.to_thread(unhealthy_because, {"CABIN_WEB_PORT": str(port)})

    assert reason == sentence.format(port=port)


@pytest.mark.parametrize("port", ["0", "65536", "web", "-1"])
def test_a_port_that_cannot_be_asked_is_told_by_its_variable(port: str) -> None:
    assert unhealthy_because({"CABIN_WEB_PORT": port}) == f"CABIN_WEB_PORT={port} names no port that could be asked"


def test_it_asks_where_the_settings_serve_when_nothing_else_is_said() -> None:
    defaults = {field.name: field.default for field in fields(Settings)}

    assert (health_probe.ADDRESS, int(health_probe.PORT)) == (defaults["web_address"], defaults["web_port"])


def test_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CABIN_WEB_PORT", "0")

    assert tell_health() == 1
    assert capsys.readouterr().out == "unhealthy: CABIN_WEB_PORT=0 names no port that could be asked\n"

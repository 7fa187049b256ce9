"""The server as a whole, over real sockets of this machine."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
import structlog
from structlog.testing import capture_logs

from cabin.errors import BadSettings
from cabin.ports import Answered
from cabin.web.guard import SECURITY_HEADERS
from cabin.web.launch import Launch
from cabin.web.server import STALLED_MS, listener, serve
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene
from tests.cabin.web.serving import Served, serving, views

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cockpit() -> FakeCockpit:
    return FakeCockpit()


@pytest.fixture
async def served(cockpit: FakeCockpit, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(cockpit, tmp_path) as running:
        yield running


async def test_the_token_of_the_file_leads_to_the_page(served: Served) -> None:
    launched = await served.get(f"/?launch={served.token()}", Cookie="")
    cookie = launched.headers["set-cookie"]
    assert (launched.status, launched.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    page = await served.get("/", Cookie=cookie.partition(";")[0])
    assert page.status == 200
    assert b"<!doctype html>" in page.content


async def test_a_token_is_good_once(served: Served) -> None:
    token = served.token()
    assert (await served.get(f"/?launch={token}", Cookie="")).status == 303
    again = await served.get(f"/?launch={token}", Cookie="")
    assert again.status == 401
    assert "set-cookie" not in again.headers
    assert stat.S_IMODE((served.folder / "launch_token").stat().st_mode) == 0o600


async def test_the_head_units_own_browser_alone_is_answered(served: Served, cockpit: FakeCockpit) -> None:
    assert (await served.get("/api/v1/view")).status == 200
    assert (await served.get("/api/v1/view", Cookie="")).status == 401
    assert (await served.get("/api/v1/view", Cookie="cabin=x.y")).status == 401
    assert (await served.get("/api/v1/view", Host="evil.example")).status == 403
    assert (await served.get("/api/v1/view", Sec_Fetch_Site="cross-site")).status == 403
    for wrong in (
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        assert (await served.post("/api/v1/private", {"on": True}, **wrong)).status == 403
    assert (await served.post("/api/v1/private", {"on": True}, Content_Type="text/plain")).status == 400
    assert (await served.post("/api/v1/private", {"on": True}, Cookie="")).status == 401
    assert cockpit.asked == []


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", "/api/v1/view", "/favicon.ico", "/nothing", "/static/../server.py"]
)
async def test_every_answer_has_the_security_headers(served: Served, path: str) -> None:
    for cookie in (f"cabin={served.cookie}", ""):
        reply = await served.get(path, Cookie=cookie)
        for name, value in SECURITY_HEADERS.items():
            assert reply.headers[name.lower()] == value
        assert "server" not in reply.headers


async def test_what_is_not_there_is_told_in_json(served: Served) -> None:
    for path in (
        "/nothing",
        "/static/nothing.js",
        "/static/../guard.py",
        "/static/%2e%2e/guard.py",
        "/static//etc/passwd",
    ):
        reply = await served.get(path)
        assert (reply.status, reply.json()) == (404, {"error": "there is nothing here"})
    assert (await served.get("/api/v1/dial")).status == 405


async def test_a_file_that_the_browser_has_is_not_sent_again(served: Served) -> None:
    first = await served.get("/static/app.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = await served.get("/static/app.js", If_None_Match=first.headers["etag"])
    assert (again.status, again.content) == (304, b"")


async def test_vehicle_data_is_never_kept_by_a_browser(served: Served) -> None:
    assert (await served.get("/api/v1/view")).headers["cache-control"] == "no-store"
    assert (await served.get("/api/v1/trips")).headers["cache-control"] == "no-store"


async def test_a_mistake_of_ours_is_told_by_its_kind_and_not_by_its_text(tmp_path: Path) -> None:
    class Failing(FakeCockpit):
        async def dial(self, meeting: str) -> Answered:
            raise ValueError(f"Quarterly review {meeting}")

    with capture_logs() as told:
        async with serving(Failing(), tmp_path) as served:
            reply = await served.post("/api/v1/dial", {"meeting": "a1"})
            assert (reply.status, reply.json()) == (500, {"error": "a mistake of the cabin's own"})
            assert (await served.get("/api/v1/view")).status == 200
    failed = [event for event in told if event["event"] == "web.request_failed"]
    assert [event["error"] for event in failed] == ["ValueError"]
    assert "Quarterly" not in str(told)


async def test_the_stream_tells_each_change(served: Served, cockpit: FakeCockpit) -> None:
    reader, writer = await served.opened("GET", "/api/v1/stream", served.own())
    stream = views(reader)
    try:
        assert (await anext(stream))["drive"] == "parked"
        cockpit.do(drive="moving", redraw_ms=500)
        begun = time.monotonic()
        while (await anext(stream))["drive"] != "moving":
            pass
        assert time.monotonic() - begun < 0.25
    finally:
        writer.close()


async def test_a_page_too_many_is_refused(served: Served) -> None:
    opened = [await served.opened("GET", "/api/v1/stream", served.own()) for _ in range(32)]
    try:
        for reader, _ in opened:
            await reader.readline()
        assert (await served.get("/api/v1/stream")).status == 503
    finally:
        for _, writer in opened:
            writer.close()


async def test_a_page_that_reads_nothing_is_let_go(tmp_path: Path) -> None:
    """Its own side takes some 100 kB before its window closes; from then on the kernel counts."""
    cockpit = FakeCockpit(Scene(redraw_ms=10))
    cockpit.meetings[0]["title"] = "x" * 50_000
    with capture_logs() as told:
        async with serving(cockpit, tmp_path) as served:
            deaf = socket.create_connection(("127.0.0.1", served.port))
            lines = [f"{name}: {value}" for name, value in served.own().items()]
            deaf.sendall("\r\n".join(["GET /api/v1/stream HTTP/1.1", *lines, "", ""]).encode())
            begun = time.monotonic()
            async with asyncio.timeout(10):
                while not any(event["event"] == "web.page_left" for event in told):
                    cockpit.do()
                    await asyncio.sleep(0.02)
            assert STALLED_MS / 1000 - 0.5 < time.monotonic() - begun < 8
            deaf.close()


async def test_pages_that_vanish_leave_nothing_behind(served: Served, cockpit: FakeCockpit) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the same

    before, tasks = descriptors(), len(asyncio.all_tasks())
    for _ in range(5):
        opened = [await served.opened("GET", "/api/v1/stream", served.own()) for _ in range(20)]
        for reader, writer in opened:
            await reader.readline()
            cast("asyncio.Transport", writer.transport).abort()
        cockpit.do()
    async with asyncio.timeout(5):
        while descriptors() > before or len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110  the kernel tells nothing
            await asyncio.sleep(0.05)


async def test_a_stop_ends_every_stream_and_closes_the_socket(cockpit: FakeCockpit, tmp_path: Path) -> None:
    async with serving(cockpit, tmp_path) as served:
        opened = [await served.opened("GET", "/api/v1/stream", served.own()) for _ in range(20)]
        for reader, _ in opened:
            await reader.readline()
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    for reader, writer in opened:
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", served.port)


async def test_a_server_that_is_cancelled_closes_everything(cockpit: FakeCockpit, tmp_path: Path) -> None:
    opened, launch = listener("127.0.0.1", 0), Launch(tmp_path)
    served = Served(
        opened.getsockname()[1], tmp_path, launch.redeem((tmp_path / "launch_token").read_text().strip()) or ""
    )
    running = asyncio.create_task(serve(cockpit, opened, launch, structlog.get_logger(), asyncio.Event()), name="web")
    reader, writer = await served.opened("GET", "/api/v1/stream", served.own())
    await reader.readline()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with contextlib.suppress(ConnectionResetError):
        await reader.read()
    writer.close()
    await asyncio.sleep(0.05)


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    yield
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_signals_are_left_to_the_process(cockpit: FakeCockpit, tmp_path: Path) -> None:
    with handlers_kept():
        before = signal.getsignal(signal.SIGTERM)
        async with serving(cockpit, tmp_path) as served:
            await served.get("/api/v1/view")
            assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.timed
async def test_sigterm_ends_the_process_with_0_within_two_seconds_though_20_pages_listen(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cabin.web.alone", str(tmp_path), "50",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/modules/cabin"},
    )  # fmt: skip
    assert process.stdout
    port = int(await process.stdout.readline())
    served = Served(port, tmp_path, "")
    launched = await served.get(f"/?launch={served.token()}")
    cookie = launched.headers["set-cookie"].partition(";")[0]
    opened = [await served.opened("GET", "/api/v1/stream", served.own(Cookie=cookie)) for _ in range(20)]
    for reader, _ in opened:
        await anext(views(reader))
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert time.monotonic() - begun < 2
    for _, writer in opened:
        writer.close()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])  # noqa: S104  to be refused
def test_the_page_is_for_this_machine_alone(address: str) -> None:
    with pytest.raises(BadSettings, match="page"):
        listener(address, 0)


def test_a_port_that_is_taken_is_told() -> None:
    with listener("127.0.0.1", 0) as taken, pytest.raises(BadSettings, match="in use"):
        listener("127.0.0.1", taken.getsockname()[1])

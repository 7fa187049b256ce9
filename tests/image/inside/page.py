"""What is asked of the cabin's image from inside it, by its own Python and user; its last line is the verdict.

There is no agent, no broker and no edgeHub in the container's network: the page has to be served all the same, and to
say so. With `--emulated` it may take longer. Raises AssertionError with a sentence where the image is not what it is
told to be.
"""

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from tests.image.inside import confined
from tests.image.inside.confined import STOP_S, listening, say, until

CABIN = (sys.executable, "-m", "cabin")
VOLUME = Path("/var/lib/edge-agent-cabin")
WHERE = ("127.0.0.1", 8087)
PAGES = 20
VISS = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    "Sec-WebSocket-Protocol": "VISSv2",
}
"""the opening handshake of RFC 6455"""
BOUNDS: Mapping[bool, tuple[float, float]] = {False: (1.5, 2.0), True: (confined.START_S, STOP_S)}
"""By whether the CPU is emulated: seconds of CPU to the page's first byte, which a core that nobody else wants takes by
the clock too, and seconds from SIGTERM to the end."""


@dataclass(frozen=True, slots=True)
class Started:
    """A cabin that answers."""

    process: "subprocess.Popen[bytes]"
    cpu_s: float
    """until its first byte"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the page's server."""

    status: int
    cookie: str
    content: bytes


def main() -> int:
    """Exit code: 0, or it raises."""
    confined.the_process_may_do_nothing_more_than_it_must()
    confined.only_the_volume_can_be_written("/opt/edge-agent-cabin")
    assert _health() == 1, "it was healthy before it ran"
    most_to_first_byte_s, most_to_stop_s = BOUNDS["--emulated" in sys.argv]
    _starts_once()
    with _running() as started:
        cabin = started.process
        assert started.cpu_s <= most_to_first_byte_s, f"more than {most_to_first_byte_s:g} s"
        assert set(listening()) == {WHERE}, set(listening())
        say("it listens on 127.0.0.1:8087 and nowhere else")
        cookie = _let_in()
        _asked(cookie)
        with ExitStack() as pages:
            for _ in range(PAGES):
                pages.enter_context(_stream(cookie))
            say(f"{_resident_mb(cabin.pid):.0f} MB resident with {PAGES} pages")
            begun = time.monotonic()
            cabin.terminate()
            code = cabin.wait(STOP_S)
            stopped_s = time.monotonic() - begun
        assert code == 0, f"SIGTERM ended it with {code}"
        say(f"SIGTERM ended it with 0 after {stopped_s:.1f} s")
        assert stopped_s <= most_to_stop_s, f"more than {most_to_stop_s:g} s"
    say(f"the page on {platform.machine()}, Python {platform.python_version()}: as it should be")
    return 0


def _starts_once() -> None:
    """A first start of a vehicle makes its keys, and has what it reads in the kernel's cache afterwards."""
    with _running() as started:
        started.process.terminate()
        assert started.process.wait(STOP_S) == 0


def _let_in() -> str:
    """By the launch token, once; the cookie."""
    token = (VOLUME / "launch_token").read_text().strip()
    assert (VOLUME / "launch_token").stat().st_mode & 0o777 == 0o600
    for path in ("/", "/api/v1/view", "/api/v1/stream", "/api/v1/trips", "/?launch=guessed"):
        assert (refused := _get(path)).status == 401, (path, refused)
    say("/ and /api are refused without a cookie")
    launched = _get(f"/?launch={token}")
    assert launched.status == 303, launched
    assert _get(f"/?launch={token}").status == 401, "the token was good twice"
    return launched.cookie


def _asked(cookie: str) -> None:
    page, answer = _get("/", cookie), _get("/api/v1/view", cookie)
    assert (page.status, b"<!doctype html>" in page.content) == (200, True), page
    view = json.loads(answer.content)
    assert view["locked"] is True, "without an agent nobody knows that the vehicle is parked"
    assert _get("/api/v1/trips", cookie).status == 423, "trips are for a parked vehicle"
    with _response("/viss", "", **VISS) as opened:
        assert opened.status == 101, opened.status
    begun = time.monotonic()
    assert _health() == 0
    say(f"the page and its View are had with it; asked by HEALTHCHECK in {time.monotonic() - begun:.2f} s")


def _get(path: str, cookie: str = "") -> Answer:
    with _response(path, cookie) as response:
        return Answer(response.status, response.headers.get("Set-Cookie", "").partition(";")[0], response.read())


@contextmanager
def _response(path: str, cookie: str, **headers: str) -> Iterator[HTTPResponse]:
    connection = HTTPConnection(*WHERE, timeout=STOP_S)
    try:
        connection.request("GET", path, headers=headers | ({"Cookie": cookie} if cookie else {}))
        yield connection.getresponse()
    finally:
        connection.close()


@contextmanager
def _stream(cookie: str) -> Iterator[None]:
    """An open page, which has its first View."""
    with _response("/api/v1/stream", cookie) as response:
        while not response.readline().startswith(b"data:"):
            assert not response.closed, "the stream ended"
        yield


@contextmanager
def _running() -> Iterator[Started]:
    """Until the block ends."""
    say("$ python -m cabin run &")
    begun = time.monotonic()
    with subprocess.Popen([*CABIN, "run"], stdout=subprocess.DEVNULL) as cabin:  # noqa: S603  words of ours
        try:
            until(lambda: _answers(cabin), "the page is not served", every_s=0.01)
            took_s, cpu_s = time.monotonic() - begun, _cpu_s(cabin.pid)
            say(f"the page's first byte {took_s:.2f} s after the start, with {cpu_s:.2f} s of CPU")
            yield Started(cabin, cpu_s)
        finally:
            cabin.kill()


def _answers(cabin: "subprocess.Popen[bytes]") -> bool:
    assert cabin.poll() is None, f"it ended with {cabin.returncode}"
    try:
        socket.create_connection(WHERE, timeout=STOP_S).close()
    except OSError:
        return False
    return _get("/favicon.ico").status == 200


def _health() -> int:
    return subprocess.run([*CABIN, "health"], check=False, stdout=subprocess.DEVNULL).returncode  # noqa: S603


def _cpu_s(process: int) -> float:
    """proc(5): utime and stime are the 14th and 15th field, the 12th and 13th after the name."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(process: int) -> float:
    (line,) = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())

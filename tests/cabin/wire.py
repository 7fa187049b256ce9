"""What can be asked of the head unit's server, what may be in the answers, and two ways to ask.

By sockets, as a browser does, at a tenth of a second a scene; and by the application that stands behind the sockets, at
seven milliseconds of CPU: what it says is what goes on the wire, framed by HTTP.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Protocol

import structlog
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Scope
from websockets.asyncio.client import ClientConnection, connect

from cabin.records import Answer, Drive, Market, Meeting, Purpose
from cabin.web.guard import Door
from cabin.web.launch import Launch
from cabin.web.server import application
from cabin.web.stream import Stream
from cabin.web.viss import VissSession
from cabin.web.viss_door import viss_routes
from tests.cabin.models import a_meeting, meetings
from tests.cabin.vehicles import LOCK, PLACE, SPEED, Vehicle, trip_of
from tests.cabin.web.serving import Served, serving

NOW_MS = 1_795_366_800_000
WORD = "QXZ"
"""in every secret that a test plants, and in nothing else"""
PROFILE = "QXZQXZQXZ"
LATITUDE = 52.51963
HOST = "127.0.0.1:8087"
QUIET = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
"""a hundred thousand scenes have a lot to tell"""
DRIVING = (Drive.MOVING, Drive.IDLING, Drive.UNKNOWN)
READS = (
    "/",
    "/nothing/here",
    "/api/v1/view",
    "/api/v1/trips",
    "/api/v1/trips/QXZtrip",
    "/api/v1/link/{key}",
    "/api/v1/link/{key}/qr.svg",
    "/api/v1/bridge",
    "/api/v1/bridge/qr.svg",
    "/api/v1/export?format=csv",
    "/api/v1/export?format=json",
    "/viss/Vehicle/Speed",
    f"/viss/{LOCK}",
    f"/viss/{PLACE}",
    "/viss/Vehicle",
    "/viss/calendar",
)
DECISION = {"purpose": "calendar", "answer": "YES", "text_id": "calendar.en", "text_version": 1}
ACTS: Sequence[tuple[str, dict[str, object]]] = (
    ("/api/v1/dial", {"meeting": "{key}"}),
    ("/api/v1/dial", {"meeting": 7}),
    ("/api/v1/private", {"on": True}),
    ("/api/v1/private", {"on": False}),
    ("/api/v1/consent", DECISION),
    ("/api/v1/profile", {"profile": "p2"}),
    ("/api/v1/profile/remove", {"profile": PROFILE}),
    ("/api/v1/language", {"language": "de"}),
    ("/api/v1/trips/delete", {"all": True}),
    ("/api/v1/trips/delete", {"ids": ["QXZtrip"]}),
)
FOR_PARKED = (
    "/api/v1/trips",
    "/api/v1/link",
    "/api/v1/bridge",
    "/api/v1/export",
    "/api/v1/con",
    "/api/v1/pro",
    "/api/v1/lan",
)
MESSAGES = (
    {"action": "get", "path": SPEED},
    {"action": "get", "path": PLACE},
    {"action": "get", "path": "Vehicle"},
    {"action": "set", "path": SPEED, "value": "1"},
    {"action": "subscribe", "path": PLACE, "filter": {"type": "timebased", "parameter": {"period": "100"}}},
    {"action": "meetings"},
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A calendar and what the vehicle does."""

    meetings: list[Meeting]
    drive: Drive
    market: Market


def scenes() -> st.SearchStrategy[Scene]:
    """With titles of any characters, and of secrets alone."""
    mine = meetings().map(lambda one: replace(one, profile=PROFILE))
    soon = st.builds(
        lambda one, wait_s: replace(one, start_s=NOW_MS // 1000 + wait_s), mine, st.integers(0, 300)
    )  # what is reminded of
    return st.builds(
        Scene, st.lists(mine | soon, min_size=1, max_size=12), st.sampled_from(DRIVING), st.sampled_from(Market)
    )


def a_scene(by: Random) -> Scene:
    """One of them without hypothesis, a hundred times as fast: with a secret in every text, all-day ones too."""
    mine = [replace(a_meeting(by), profile=PROFILE) for _ in range(by.randrange(1, 13))]
    if by.random() < 0.5:
        mine.append(replace(mine[0], key="soon", start_s=NOW_MS // 1000 + by.randrange(300)))
    if by.random() < 0.3:
        first, last = "2026-11-22", "2026-11-23"
        mine.append(replace(mine[0], key="day", start_s=None, end_s=None, first_day=first, last_day=last))
    return Scene(mine, by.choice(DRIVING), by.choice(list(Market)))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; without a body it is a GET."""

    path: str
    body: bytes | None = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class Told:
    """All of an answer."""

    status: int
    head: bytes
    body: bytes


class Doors(Protocol):
    """Whoever asks: a page, an app of VISS."""

    async def answers(self, asked: Sequence[Asked]) -> Sequence[Told]:
        """To each."""

    async def streamed(self) -> bytes:
        """The first event of a new stream."""

    async def said(self, message: str) -> str:
        """VISS's answer, on a connection that stays."""


def every_request(keys: Sequence[str]) -> list[Asked]:
    """Of every door, for these meetings."""
    reads = [Asked(path.replace("{key}", key)) for path in READS for key in (keys if "{" in path else keys[:1])]
    acts = [
        Asked(path, _with(body, key))
        for path, body in ACTS
        for key in (keys if "{" in str(body.values()) else keys[:1])
    ]
    return [*reads, *acts]


async def judge(vehicle: Vehicle, doors: Doors, scene: Scene) -> None:
    """Park, and see everything; drive off, and see what the table has."""
    vehicle.clock.now = NOW_MS
    vehicle.meetings = scene.meetings
    vehicle.dialer.state = "idle"
    vehicle.drive(0.0, park=True, for_ms=4000, every_ms=1000)
    assert vehicle.driving.view()["profile"] == PROFILE
    _become(vehicle, scene)
    for message in MESSAGES:
        assert not is_secret(answer := await doors.said(json.dumps(message))), answer
    _assert_cut(json.loads((await doors.streamed()).partition(b"data: ")[2]), scene)
    keys = [scene.meetings[0].key, scene.meetings[-1].key]
    asked = every_request(keys)
    for one, told in zip(asked, await doors.answers(asked), strict=True):
        assert not is_secret(told.head.decode()), one.path
        if one.path == "/api/v1/view":
            _assert_cut(json.loads(told.body), scene)
        else:
            assert not is_secret(told.body.decode()), one.path
            assert (told.status == 423) == one.path.startswith(FOR_PARKED), one.path


def is_secret(text: str) -> bool:
    """Whether it has anything of what is planted."""
    return any(word in text for word in (WORD, "+4969", "123456789", "https", "max_speed", str(LATITUDE)))


def _become(vehicle: Vehicle, scene: Scene) -> None:
    vehicle.driving.chosen.market = scene.market
    if scene.drive is Drive.UNKNOWN:
        vehicle.clock.wait(1500)
    else:
        vehicle.drive(50.0 if scene.drive is Drive.MOVING else 0.0)
    assert vehicle.driving.view()["drive"] == scene.drive.value


def _assert_cut(view: dict[str, Any], scene: Scene) -> None:
    """It has no more than the table of `safety/limits.py` for this state and market."""
    idling, strict = scene.drive is Drive.IDLING, scene.market is Market.STRICT
    shown = [*view["meetings"], *([view["reminder"]] if view["reminder"] else [])]
    assert (view["drive"], view["locked"], view["parked"]) == (scene.drive.value, True, None)
    assert len(view["meetings"]) <= (3 if idling else 1)
    assert len(view["tiles"]) <= 6
    assert view["redraw_ms"] >= (100 if idling else 500)
    for one in shown:
        title = one.pop("title")
        assert title is None if strict and not idling else len(title) <= 30
        assert (one["place"], one["organiser"], one["number"], one["has_link"]) == (None, None, None, False)
    assert not is_secret(json.dumps(view))


def _with(body: dict[str, object], key: str) -> bytes:
    return json.dumps({name: key if value == "{key}" else value for name, value in body.items()}).encode()


def guarded_vehicle() -> Vehicle:
    """One with a secret in everything it keeps."""
    vehicle = Vehicle(profiles=[PROFILE], log=QUIET)
    vehicle.driving.chosen.profile = PROFILE
    vehicle.answers[PROFILE, Purpose.CALENDAR] = Answer.YES
    vehicle.trips = [trip_of(PROFILE, "QXZtrip")]
    vehicle.more[PLACE] = LATITUDE
    return vehicle


@dataclass(frozen=True, slots=True)
class ByApplication:
    """`Doors` of what stands behind the sockets."""

    app: ASGIApp
    cookie: str
    socket: "_Talk"

    async def answers(self, asked: Sequence[Asked]) -> Sequence[Told]:
        return [await self._answer(one) for one in asked]

    async def streamed(self) -> bytes:
        said = _Said(until=b"data: ")
        await self.app(self._scope(Asked("/api/v1/stream")), said.leave, said.hear)
        return bytes(said.body)

    async def said(self, message: str) -> str:
        return await self.socket.ask(message)

    async def _answer(self, asked: Asked) -> Told:
        said, asking = _Said(), iter([asked.body or b""])

        async def ask() -> Message:
            body = next(asking, None)
            return await said.leave() if body is None else {"type": "http.request", "body": body, "more_body": False}

        await self.app(self._scope(asked), ask, said.hear)
        return Told(said.status, bytes(said.head), bytes(said.body))

    def _scope(self, asked: Asked) -> Scope:
        posting = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin", "content-type": "application/json"}
        headers = {"host": HOST, "cookie": f"cabin={self.cookie}"} | (posting if asked.body is not None else {})
        path, _, query = asked.path.partition("?")
        return _scope_of("http", path, headers) | {"method": asked.method, "query_string": query.encode()}


@dataclass(slots=True)
class _Said:
    """What an application has sent of an answer."""

    until: bytes | None = None
    """what of the body is enough; else all of it"""
    status: int = 0
    head: bytearray = field(default_factory=bytearray)
    body: bytearray = field(default_factory=bytearray)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                self.head += name + b": " + value + b"\r\n"
            return
        self.body += message.get("body", b"")
        if self.until in self.body if self.until else not message.get("more_body"):
            self.enough.set()

    async def leave(self) -> Message:
        """Whoever asked goes when it has enough."""
        await self.enough.wait()
        return {"type": "http.disconnect"}


class _Talk:
    """A WebSocket's two directions."""

    def __init__(self) -> None:
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._to_app.put_nowait({"type": "websocket.connect"})

    async def run(self, app: ASGIApp) -> None:
        scope = _scope_of("websocket", "/viss", {"host": HOST}) | {"subprotocols": ["VISSv2"], "query_string": b""}
        await app(scope, self._to_app.get, self._from_app.put)

    async def ask(self, message: str) -> str:
        self._to_app.put_nowait({"type": "websocket.receive", "text": message})
        while (told := await self._from_app.get())["type"] != "websocket.send":
            pass
        return str(told["text"])

    def leave(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})


def _scope_of(kind: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},  # as uvicorn says
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


@contextlib.asynccontextmanager
async def by_application(vehicle: Vehicle, folder: Path) -> AsyncIterator[ByApplication]:
    """All that is served, and nothing between."""
    launch = Launch(folder)
    cookie = launch.redeem((folder / "launch_token").read_text().strip()) or ""
    door, stream = Door(frozenset({HOST}), launch.knows), Stream(vehicle.cockpit, QUIET)
    app = application(vehicle.cockpit, stream, launch, door, QUIET, more=_viss(vehicle))
    talk = _Talk()
    async with asyncio.TaskGroup() as group:
        group.create_task(talk.run(app), name="viss")
        yield ByApplication(app, cookie, talk)
        talk.leave()


@dataclass(frozen=True, slots=True)
class BySockets:
    """`Doors` of a server."""

    served: Served
    app: ClientConnection

    async def answers(self, asked: Sequence[Asked]) -> Sequence[Told]:
        """On one connection, one after the other."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.served.port)
        try:
            for one in asked:
                headers = self.served.own(Connection="") if one.body is None else self.served.posting(Connection="")
                head = [f"{one.method} {one.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
                content = one.body or b""
                writer.write("\r\n".join([*head, f"Content-Length: {len(content)}", "", ""]).encode() + content)
            return [await _answer(reader) for _ in asked]
        finally:
            writer.close()

    async def streamed(self) -> bytes:
        reader, writer = await self.served.opened("GET", "/api/v1/stream", self.served.own())
        try:
            await reader.readuntil(b"event: view")
            return await reader.readuntil(b"\n\n")
        finally:
            writer.close()

    async def said(self, message: str) -> str:
        await self.app.send(message)
        return str(await self.app.recv())


@contextlib.asynccontextmanager
async def by_sockets(vehicle: Vehicle, folder: Path) -> AsyncIterator[BySockets]:
    """The server as it runs."""
    async with serving(vehicle.cockpit, folder, more=_viss(vehicle)) as served:
        address = f"ws://127.0.0.1:{served.port}/viss"
        async with connect(address, subprotocols=["VISSv2"], proxy=None) as app:  # type: ignore[list-item]  # a text of its own type
            yield BySockets(served, app)


def _viss(vehicle: Vehicle) -> Any:
    return viss_routes(lambda: VissSession(vehicle.latest, vehicle.driving.may_tell), vehicle.clock)


async def _answer(reader: asyncio.StreamReader) -> Told:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    assert length, head  # what is streamed has none, and nothing may be but the Views
    return Told(int(head.split()[1]), head, await reader.readexactly(int(length)))

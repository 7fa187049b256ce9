"""Every byte that leaves the head unit's server, on real sockets, whatever is in the calendar and however it drives.

`CABIN_WIRE` examples; each takes a twentieth to a tenth of a second.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from cabin.records import Answer, Drive, Market, Meeting, Purpose
from cabin.web.actions import routes
from cabin.web.viss import VissSession
from cabin.web.viss_door import viss_routes
from tests.cabin.models import meetings
from tests.cabin.vehicles import LOCK, SPEED, Vehicle, trip_of
from tests.cabin.web.serving import Served, serving

EXAMPLES = int(os.environ.get("CABIN_WIRE", "150"))
NOW_MS = 1_795_366_800_000
WORD = "QXZ"
"""in every secret that a test plants, and in nothing else"""
PROFILE = "QXZQXZQXZ"
DRIVING = (Drive.MOVING, Drive.IDLING, Drive.UNKNOWN)
READS = (
    "/",
    "/nothing/here",
    "/api/v1/view",
    "/api/v1/trips",
    "/api/v1/trips/QXZtrip",
    "/api/v1/link/{key}",
    "/api/v1/link/{key}/qr.svg",
    "/api/v1/export?format=csv",
    "/api/v1/export?format=json",
    "/viss/Vehicle/Speed",
    f"/viss/{LOCK}",
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
MESSAGES = (
    {"action": "get", "path": SPEED},
    {"action": "get", "path": "Vehicle"},
    {"action": "set", "path": SPEED, "value": "1"},
    {"action": "subscribe", "path": "calendar", "filter": {"type": "timebased", "parameter": {"period": "100"}}},
    {"action": "meetings"},
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A calendar and what the vehicle does."""

    meetings: list[Meeting]
    drive: Drive
    market: Market


def scenes() -> st.SearchStrategy[Scene]:
    mine = meetings().map(lambda one: replace(one, profile=PROFILE))
    soon = st.builds(
        lambda one, wait_s: replace(one, start_s=NOW_MS // 1000 + wait_s), mine, st.integers(0, 300)
    )  # what is reminded of
    return st.builds(
        Scene, st.lists(mine | soon, min_size=1, max_size=12), st.sampled_from(DRIVING), st.sampled_from(Market)
    )


@dataclass
class Wire:
    """A cockpit, its server, and whoever asks it: a page, an app of VISS."""

    vehicle: Vehicle
    served: Served
    app: ClientConnection

    def become(self, scene: Scene) -> None:
        """From parked at once to what the scene has."""
        one = self.vehicle
        one.clock.now, one.dialer.state, one.driving.chosen.market = NOW_MS, "idle", scene.market
        one.meetings = scene.meetings
        if scene.drive is Drive.UNKNOWN:
            one.clock.wait(1500)
        else:
            one.drive(50.0 if scene.drive is Drive.MOVING else 0.0)
        assert one.driving.view()["drive"] == scene.drive.value

    async def answers(self, keys: Sequence[str]) -> list[tuple[str, int, bytes]]:
        """(path, status, body) of all that can be asked; on one connection, one after the other."""
        asked: list[tuple[str, str, dict[str, object] | None]]
        asked = [("GET", path.replace("{key}", key), None) for path in READS for key in keys[: path.count("{") or 1]]
        asked += [("POST", path, _with(body, key)) for path, body in ACTS for key in keys[: str(body).count("{k") or 1]]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.served.port)
        try:
            for method, path, body in asked:
                headers = self.served.own(Connection="") if body is None else self.served.posting(Connection="")
                head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
                content = b"" if body is None else json.dumps(body).encode()
                writer.write("\r\n".join([*head, f"Content-Length: {len(content)}", "", ""]).encode() + content)
            return [(path, *await _answer(reader)) for _, path, _ in asked]
        finally:
            writer.close()

    async def streamed(self) -> bytes:
        """The first View of a new stream."""
        reader, writer = await self.served.opened("GET", "/api/v1/stream", self.served.own())
        try:
            await reader.readuntil(b"data: ")
            return await reader.readuntil(b"\n\n")
        finally:
            writer.close()

    async def said(self) -> list[str]:
        """What VISS answers."""
        told = []
        for message in MESSAGES:
            await self.app.send(json.dumps(message))
            told.append(str(await self.app.recv()))
        return told

    async def judge(self, scene: Scene) -> None:
        """Park, and see everything; drive off, and see what the table has."""
        self.vehicle.meetings = scene.meetings
        self.vehicle.clock.now = NOW_MS
        self.vehicle.park()
        parked = json.loads(await self.streamed())
        assert parked["profile"] == PROFILE
        self.become(scene)
        keys = [one.key for one in scene.meetings]
        told = [*await self.said()]
        assert_cut(json.loads(await self.streamed()), scene)
        for path, status, body in await self.answers([keys[0], keys[-1]]):
            if path == "/api/v1/view":
                assert_cut(json.loads(body), scene)
            else:
                told.append(body.decode())
                needs_parked = path.startswith(
                    ("/api/v1/trips", "/api/v1/link", "/api/v1/export", "/api/v1/con", "/api/v1/pro", "/api/v1/lan")
                )
                assert (status == 423) == needs_parked, path
        assert not [one for one in told if _is_secret(one)]


def assert_cut(view: dict[str, Any], scene: Scene) -> None:
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
    assert not _is_secret(json.dumps(view))


def _is_secret(text: str) -> bool:
    return any(word in text for word in (WORD, "+4969", "123456789", "https", "max_speed"))


def _with(body: dict[str, object], key: str) -> dict[str, object]:
    return {name: key if value == "{key}" else value for name, value in body.items()}


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = head.partition("content-length: ")[2].partition("\r\n")[0]
    assert length, head  # what is streamed has none, and nothing may be but the Views
    return int(head.split()[1]), await reader.readexactly(int(length))


@contextlib.contextmanager
def wire(folder: Path) -> Iterator[tuple[asyncio.Runner, Wire]]:
    """It runs as long as the runner does something for it."""
    vehicle = Vehicle(profiles=[PROFILE])
    vehicle.driving.chosen.profile = PROFILE
    vehicle.answers[PROFILE, Purpose.CALENDAR] = Answer.YES
    vehicle.trips = [trip_of(PROFILE, "QXZtrip")]
    viss = viss_routes(lambda: VissSession(vehicle.latest, lambda _: True), vehicle.clock)
    ready: asyncio.Queue[Wire] = asyncio.Queue()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving(vehicle.cockpit, folder, more=viss) as served:
            address = f"ws://127.0.0.1:{served.port}/viss"
            async with connect(address, subprotocols=["VISSv2"], proxy=None) as app:  # type: ignore[list-item]  # a text of its own type
                ready.put_nowait(Wire(vehicle, served, app))
                await stop.wait()

    with asyncio.Runner() as runner:
        server = runner.get_loop().create_task(serve(), name="wire")
        try:
            yield runner, runner.run(ready.get())
        finally:
            stop.set()
            runner.run(asyncio.wait_for(server, 5))


@pytest.mark.timeout(60 + EXAMPLES // 5)
def test_no_byte_beyond_the_table_leaves_by_any_door(tmp_path: Path) -> None:
    with wire(tmp_path) as (runner, one):

        @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
        @given(scenes())
        def holds(scene: Scene) -> None:
            runner.run(one.judge(scene))

        holds()


def test_every_door_is_tried() -> None:
    tried = {path.partition("?")[0].replace("QXZtrip", "{key}") for path in (*READS, *(path for path, _ in ACTS))}
    assert {route.path for route in routes(Vehicle().cockpit)} <= tried

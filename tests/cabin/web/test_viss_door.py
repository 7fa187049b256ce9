"""VISS over real sockets, with somebody else's client."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cabin.clock import SystemClock
from cabin.records import SignalInfo, Tick
from cabin.tapin.latest import Latest
from cabin.web.viss import VissSession
from cabin.web.viss_door import MOST_CLIENTS, viss_routes
from tests.cabin.web.fake_cockpit import FakeCockpit
from tests.cabin.web.serving import Served, serving

SPEED = "Vehicle.Speed"


@dataclass(slots=True)
class Vehicle:
    """Its latest values, by the real clock."""

    clock: SystemClock = field(default_factory=SystemClock)
    latest: Latest = field(default_factory=Latest)
    seq: int = 0

    def drive(self, speed: float) -> None:
        self.seq += 1
        now_ms = self.clock.now_ms()
        tick = Tick(now_ms, self.seq, 1, full=False, values={SPEED: (speed, 0)})
        self.latest.take(tick, now_ms=now_ms, up_ms=self.clock.up_ms())


@pytest.fixture
def vehicle() -> Vehicle:
    made = Vehicle()
    made.latest.reconfigure({SPEED: SignalInfo("km/h")})
    made.drive(53.5)
    return made


@pytest.fixture
async def served(vehicle: Vehicle, tmp_path: Path) -> AsyncIterator[Served]:
    more = viss_routes(lambda: VissSession(vehicle.latest, lambda _: True), vehicle.clock)
    async with serving(FakeCockpit(), tmp_path, more=more) as running:
        yield running


def client(served: Served, **given: Any) -> connect:
    return connect(f"ws://127.0.0.1:{served.port}/viss", **{"subprotocols": ["VISSv2"], "proxy": None} | given)


async def asked(socket: ClientConnection, **message: object) -> Any:
    await socket.send(json.dumps(message))
    return json.loads(await socket.recv())


async def test_a_signal_is_read_by_its_path_without_a_cookie(served: Served) -> None:
    reply = await served.get("/viss/Vehicle/Speed", Cookie="")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["data"]["dp"]["value"] == "53.5"
    assert (await served.get("/viss/Vehicle/Nothing", Cookie="")).status == 404


async def test_a_client_reads_and_follows(served: Served, vehicle: Vehicle) -> None:
    async with client(served) as socket:
        assert socket.subprotocol == "VISSv2"
        read = await asked(socket, action="get", path=SPEED, requestId="1")
        assert read["data"]["dp"]["value"] == "53.5"
        wanted = {"type": "timebased", "parameter": {"period": "100"}}
        subscribed = await asked(socket, action="subscribe", path=SPEED, filter=wanted, requestId="2")
        vehicle.drive(54.5)
        event = json.loads(await socket.recv())
        assert (event["action"], event["subscriptionId"]) == ("subscription", subscribed["subscriptionId"])
        assert event["data"]["dp"]["value"] == "54.5"


async def test_nothing_is_set(served: Served) -> None:
    async with client(served) as socket:
        assert (await asked(socket, action="set", path=SPEED, value="1", requestId="1"))["error"]["number"] == "403"


async def test_another_site_and_another_protocol_are_refused(served: Served) -> None:
    for given in (
        {"origin": "http://evil.example"},
        {"subprotocols": ["chat"]},
    ):
        with pytest.raises(InvalidStatus, match="403"):
            await client(served, **given)


async def test_bytes_end_the_talk(served: Served) -> None:
    async with client(served) as socket:
        await socket.send(b"\x00")
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_a_client_too_many_is_refused_until_one_leaves(served: Served) -> None:
    sockets = [await client(served) for _ in range(MOST_CLIENTS)]
    with pytest.raises(InvalidStatus, match="403"):
        await client(served)
    await sockets.pop().close()
    await asyncio.sleep(0.05)
    sockets.append(await client(served))
    for socket in sockets:
        await socket.close()


async def test_a_stop_ends_every_talk(vehicle: Vehicle, tmp_path: Path) -> None:
    more = viss_routes(lambda: VissSession(vehicle.latest, lambda _: True), vehicle.clock)
    async with serving(FakeCockpit(), tmp_path, more=more) as served:
        socket = await client(served)
    async with asyncio.timeout(1):
        with pytest.raises(ConnectionClosed):
            await socket.recv()

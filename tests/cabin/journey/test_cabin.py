"""The cabin as the head unit starts it: a process, a real broker, the page's own requests."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cabin.journey.cabin_process import (
    LOCK,
    SPEED,
    CabinProcess,
    PlayedAgent,
    cabin_process,
    played_agent,
    variables,
)
from tests.cabin.journey.locks import ticking_of, transitions
from tests.tap.broker import CABIN, Mosquitto, Reader, mosquitto

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass
class Car:
    """Parked, with its page open."""

    broker: Mosquitto
    agent: PlayedAgent
    cabin: CabinProcess
    ticking: asyncio.Task[None]

    async def park(self) -> Any:
        self.agent.values |= {SPEED: 0.0, LOCK: 1.0}
        return await self.cabin.until_view(drive="parked")

    async def drive(self, speed: float = 50.0) -> Any:
        self.agent.values |= {SPEED: speed, LOCK: 0.0}
        return await self.cabin.until_view(drive="moving")


@asynccontextmanager
async def car(folder: Path, more: int = 0, **environment: str) -> AsyncIterator[Car]:
    async with mosquitto(folder / "broker") as broker, played_agent(broker, more) as agent:
        variables_of = variables(folder / "cabin", broker, **environment)
        async with cabin_process(folder / "cabin", variables_of) as cabin, ticking_of(agent) as ticking:
            one = Car(broker, agent, cabin, ticking)
            await one.park()
            yield one


@pytest.mark.timed
async def test_it_follows_the_vehicle_and_ends_at_a_signal(tmp_path: Path) -> None:
    async with car(tmp_path) as one:
        view = await one.drive(53.0)
        assert view["tiles"][0]["value"] == 53.0
        assert view["locked"]
        async with one.cabin.stream(), one.cabin.stream():
            code, took_s = await one.cabin.stop()
        assert code == 0
        assert took_s <= 2.0
        assert [event["event"] for event in one.cabin.events if event["level"] == "error"] == []


@pytest.mark.timed
async def test_the_page_locks_within_a_quarter_of_a_second_and_opens_after_three(tmp_path: Path) -> None:
    """A few times; `python -m tests.cabin.journey.measure --locks 1000` does it a thousand times."""
    async with car(tmp_path) as one:
        one.ticking.cancel()
        locked_ms, opened_s = await transitions(one.cabin, one.agent, 3)
        assert max(locked_ms) <= 250
        assert min(opened_s) >= 3.0


@pytest.mark.timed
async def test_an_agent_that_falls_silent_locks_and_dashes_the_page(tmp_path: Path) -> None:
    async with car(tmp_path) as one, one.cabin.stream() as seen:
        one.ticking.cancel()
        began = time.monotonic()
        locked_s = await _first(seen, lambda view: view["locked"]) - began
        dashed_s = await _first(seen, lambda view: all(tile["value"] is None for tile in view["tiles"])) - began
        assert locked_s <= 1.5
        assert dashed_s <= 3.5


@pytest.mark.timed
async def test_a_broker_that_dies_locks_the_page_and_one_that_is_back_opens_it(tmp_path: Path) -> None:
    async with mosquitto(tmp_path / "broker") as broker:
        environment = variables(tmp_path / "cabin", broker)
        async with cabin_process(tmp_path / "cabin", environment) as cabin:
            async with played_agent(broker) as agent, ticking_of(agent):
                await cabin.until_view(drive="parked")
                async with cabin.stream() as seen:
                    began = time.monotonic()
                    await broker.kill()
                    assert await _first(seen, lambda view: view["locked"]) - began <= 1.5
            await broker.start()
            async with played_agent(broker) as agent, ticking_of(agent):
                await cabin.until_view(drive="parked")


async def _first(seen: AsyncIterator[Any], is_so: Any) -> float:
    async with asyncio.timeout(10):
        async for view in seen:
            if is_so(view):
                return time.monotonic()
    raise AssertionError("the stream ended")


async def test_the_agent_hears_each_decision(tmp_path: Path) -> None:
    async with car(tmp_path) as one, one.broker.reader("cabin/#", user="agent") as reader:
        await one.cabin.served.post("/api/v1/profile", {"profile": "p1"})
        asked = {"purpose": "trips", "answer": "YES", "text_id": "trips.en", "text_version": 1}
        reply = await one.cabin.served.post("/api/v1/consent", asked)
        assert reply.json()["consent"]["trips"] == "YES"
        await _said(reader, private=False, trips="YES")
        await one.cabin.served.post("/api/v1/private", {"on": True})
        await _said(reader, private=True, trips="YES")
        await one.cabin.served.post("/api/v1/consent", asked | {"answer": "NO"})
        await _said(reader, private=True, trips="NO")


async def _said(reader: Reader, *, private: bool, trips: str) -> None:
    """Return when the cabin has said this, whatever it said before."""
    async with asyncio.timeout(20):
        times = 1
        while True:
            said: Any = (await reader.heard("cabin/v1/consent", times))[-1]
            if (said["private"], said["purposes"]["trips"]) == (private, trips):
                return
            times = len(reader.on("cabin/v1/consent")) + 1


async def test_no_location_is_told_to_anybody_without_consent(tmp_path: Path) -> None:
    async with car(tmp_path) as one:
        assert (await one.cabin.served.get("/viss/Vehicle/Speed")).status == 200
        refused = await one.cabin.served.get("/viss/Vehicle/CurrentLocation/Latitude")
        assert refused.status == 404
        await one.cabin.served.post("/api/v1/profile", {"profile": "p1"})
        asked = {"purpose": "location", "answer": "YES", "text_id": "location.en", "text_version": 1}
        await one.cabin.served.post("/api/v1/consent", asked)
        told = await one.cabin.served.get("/viss/Vehicle/CurrentLocation/Latitude")
        assert told.json()["data"]["dp"]["value"] == "52.5"


async def test_whoever_is_not_the_agent_cannot_play_it(tmp_path: Path) -> None:
    async with car(tmp_path) as one, one.broker.client(CABIN) as other:
        forged = {"t": 0, "seq": 10**9, "boot": 9, "full": True, "v": {SPEED: [0, 0], LOCK: [1, 0]}}
        await one.drive()
        for _ in range(5):
            await other.publish("tap/v1/tick", json.dumps(forged), qos=1)
        assert (await one.cabin.view())["drive"] == "moving"

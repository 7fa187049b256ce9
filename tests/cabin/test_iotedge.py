"""The cabin's twin through the real SDK and the local hub: from a patch in the cloud to a meeting in the car."""

import asyncio
import gc
import json
import logging
import statistics
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from azure.iot.device import exceptions

from cabin.calendar.store import Calendar
from cabin.clock import SystemClock
from cabin.errors import HubWedged
from cabin.iotedge import REFUSALS, Hub, TimeLimits
from cabin.records import Market
from cabin.twin import CabinTwin
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.hub import LocalHub, Way
from tests.cabin.calendar.bridge import at_hour, sealed_item
from tests.uplink.desk import set_environment, until
from tests.uplink.fakes import Told

VEHICLE, CABIN = "demo-vehicle", "cabin"
SHORT = TimeLimits(create_s=2.0, connect_s=1.5, subscribe_s=1.0, twin_s=1.0, method_s=1.0, shutdown_s=1.0)
UTC = ZoneInfo("UTC")

pytestmark = pytest.mark.filterwarnings(r"ignore:unclosed <socket.socket fd=\d+, family=2,:ResourceWarning")
"""paho 1 leaves the pair of sockets that wakes its thread to the garbage collector"""


@pytest.fixture(autouse=True)
def _what_the_sdk_left_is_found_while_it_is_excused() -> Iterator[None]:
    yield
    gc.collect()


class Car:
    """A cabin's calendar and twin, at a hub."""

    def __init__(self, folder: Path, hub: LocalHub) -> None:
        self.hub, self.log, self.clock = hub, Told(), SystemClock()
        self.calendar = Calendar(folder / "calendar", self.clock, self.log)
        self.twin = CabinTwin(self.calendar, folder / "twin.json", market=Market.STRICT, language="en", log=self.log)
        self.edge = Hub(self.twin, self.log, keep_alive_s=3, limits=SHORT)
        self.changed = asyncio.Event()
        self.calendar.follow(self.changed.set)

    @property
    def now_s(self) -> float:
        return self.clock.now_ms() / 1000

    def titles(self, profile: str = "p1") -> list[str]:
        return [one.title for one in self.calendar.meetings(profile, self.now_s, UTC)]

    def item(self, name: str, version: int = 1) -> dict[str, object]:
        assert self.calendar.key
        return at_hour(self.calendar.key, "p1", name, self.now_s + 600, version)

    def meeting(self, name: str, n: int) -> dict[str, object]:
        """As a calendar has them: one of three can be called into."""
        assert self.calendar.key
        dial: dict[str, Any] = {"tel": "+496936505770", "id": f"{123456789 + n}"} if n % 3 == 0 else {}
        start = int(self.now_s) + 600 + n
        about: dict[str, Any] = {
            "title": f"Quarterly review {n}",
            "start": start,
            "end": start + 1800,
            "place": "Room 4",
        }
        return sealed_item(self.calendar.key, "p1", name, until_s=start + 86_400, **about, **dial)

    async def desire(self, patch: dict[str, object]) -> None:
        await asyncio.to_thread(AdminClient(self.hub.folder).patch_desired, VEHICLE, CABIN, json.dumps(patch))

    async def reported(self) -> dict[str, Any]:
        twin = json.loads(await asyncio.to_thread(AdminClient(self.hub.folder).twin, VEHICLE, CABIN))
        reported: dict[str, Any] = twin["reported"]
        return reported

    async def call(self, name: str, payload: object) -> tuple[int, Any]:
        admin = AdminClient(self.hub.folder)
        result = await asyncio.to_thread(admin.invoke, VEHICLE, CABIN, name, json.dumps(payload), 5.0)
        return result.status, json.loads(result.payload)

    @asynccontextmanager
    async def driving(self) -> AsyncIterator[None]:
        """Started as the cabin is, until the end of the block."""
        await self.calendar.restore()
        await self.calendar.allow()
        await self.twin.restore()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.edge.run(stop), name="hub")
            try:
                yield
            finally:
                stop.set()
        await self.calendar.close()
        await self.twin.close()


@asynccontextmanager
async def hub_at(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch, way: Way = "connection_string"
) -> AsyncIterator[LocalHub]:
    hub = LocalHub(folder / "hub", address=address, device=VEHICLE, module=CABIN)
    await hub.start()
    try:
        set_environment(monkeypatch, hub.environment(way))
        yield hub
    finally:
        await hub.stop()


def at_the_hub(car: Car) -> bool:
    return car.edge.connected


@pytest.mark.timed
@pytest.mark.parametrize(("way", "address"), [("connection_string", "127.0.0.130"), ("workload", "127.0.0.131")])
async def test_a_patch_is_a_meeting_within_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    waited_s: list[float] = []
    async with hub_at(tmp_path, address, monkeypatch, way) as hub:
        car = Car(tmp_path / "car", hub)
        async with car.driving():
            await until(lambda: at_the_hub(car))
            loop = asyncio.get_running_loop()
            for n in range(10):
                item = car.item(f"k{n}")
                car.changed.clear()
                began = loop.time()
                await car.desire({"calendar": {"p1": {f"k{n}": item}}})
                await until(lambda n=n: len(car.titles()) == n + 1)  # type: ignore[misc]
                waited_s.append(loop.time() - began)
            await car.desire({"calendar": {"p1": {"k0": None}}})
            await until(lambda: len(car.titles()) == 9)
            for _ in range(100):
                if (await car.reported())["calendar"]["items"] == {"p1": 9}:
                    break
            reported = await car.reported()
    assert max(waited_s) <= 1.0
    print(f"patch to meeting: median {statistics.median(waited_s) * 1000:.0f} ms, worst {max(waited_s) * 1000:.0f} ms")  # noqa: T201  # the figure of docs/cabin.md
    assert car.calendar.key
    assert reported["calendar"] == {
        "key": car.calendar.key.public_text,
        "key_id": car.calendar.key.id,
        "items": {"p1": 9},
        "refused": 0,
    }
    assert car.log.at("warning") + car.log.at("error") == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_hundred_meetings_fit_a_twin_and_are_there_after_a_start_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_at(tmp_path, "127.0.0.136", monkeypatch) as hub:
        car = Car(tmp_path / "car", hub)
        async with car.driving():
            await until(lambda: at_the_hub(car))
            items = {f"k{n}": car.meeting(f"k{n}", n) for n in range(100)}
            size = len(json.dumps({"p1": items}, separators=(",", ":")))
            await car.desire({"calendar": {"p1": items}})
            await until(lambda: len(car.titles()) == 100)
        again = Car(tmp_path / "car", hub)
    async with again.driving():
        assert len(again.titles()) == 100
        await until(lambda: "twin.hub_lost" in again.log.at("warning"))
    assert size <= 24 * 1024
    print(f"100 items: {size} bytes of twin")  # noqa: T201
    assert b'"title"' not in b"".join(path.read_bytes() for path in (tmp_path / "car").rglob("*") if path.is_file())


async def test_what_was_withdrawn_while_the_car_was_away_is_gone_at_the_next_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_at(tmp_path, "127.0.0.137", monkeypatch) as hub:
        car = Car(tmp_path / "car", hub)
        async with car.driving():
            await until(lambda: at_the_hub(car))
            await car.desire({"calendar": {"p1": {"a": car.item("a"), "b": car.item("b")}}})
            await until(lambda: len(car.titles()) == 2)
        await car.desire({"calendar": {"p1": {"a": None}}, "language": "de"})
        again = Car(tmp_path / "car", hub)
        async with again.driving():
            assert again.titles() == ["a", "b"]
            await until(lambda: again.titles() == ["b"])
            assert again.twin.config.language == "de"


async def test_a_hub_that_restarts_is_found_again_and_hears_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_at(tmp_path, "127.0.0.134", monkeypatch) as hub:
        car = Car(tmp_path / "car", hub)
        async with car.driving():
            await until(lambda: at_the_hub(car))
            await hub.stop()
            await until(lambda: not at_the_hub(car))
            await car.calendar.wipe(None)
            await hub.start()
            await until(lambda: at_the_hub(car))
            assert "key" not in (await car.reported())["calendar"]
            await car.calendar.allow()
            assert car.calendar.key
            for _ in range(100):
                if "key" in (await car.reported())["calendar"]:
                    break
            assert (await car.reported())["calendar"]["key"] == car.calendar.key.public_text
    assert car.log.at("error") == []


async def test_the_cloud_calls_and_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub_at(tmp_path, "127.0.0.135", monkeypatch) as hub:
        car = Car(tmp_path / "car", hub)
        async with car.driving():
            await until(lambda: at_the_hub(car))
            filled = await car.call("calendar.fill", {"profile": "p1", "items": {"a": car.item("a")}})
            assert filled == (200, {"taken": 1, "old": 0, "refused": 0, "errors": []})
            assert car.titles() == ["a"]
            status, told = await car.call("calendar.wipe", {"profile": "p1"})
            assert (status, told["items"]) == (200, {})
            assert (await car.call("calendar.refresh", None))[0] == 200
            assert (await car.call("status", {}))[1]["status"] == "applied"
            assert (await car.call("self.destruct", {}))[0] == 404


async def test_a_hub_that_says_nothing_is_given_up_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_at(tmp_path, "127.0.0.138", monkeypatch) as hub:
        hub.no_twin_reply = True
        car = Car(tmp_path / "car", hub)
        async with car.driving():
            await until(lambda: "twin.hub_lost" in car.log.at("warning"))
            assert car.log.fields("twin.hub_lost")[0]["reason"] == "no twin within 1 s"
            hub.no_twin_reply = False
            await until(lambda: at_the_hub(car))


async def test_calls_that_never_return_end_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr("cabin.iotedge.IoTHubModuleClient.create_from_edge_environment", lambda **_: never.wait(15))
    limits = TimeLimits(create_s=0.01, hung=2)
    hub = Hub(
        CabinTwin(
            Calendar(tmp_path, SystemClock(), Told()),
            tmp_path / "twin.json",
            market=Market.STRICT,
            language="en",
            log=Told(),
        ),
        Told(),
        limits=limits,
    )
    with pytest.raises(ExceptionGroup) as raised:
        await hub.run(asyncio.Event())
    never.set()
    assert raised.group_contains(HubWedged)


def test_every_error_of_the_sdk_is_known() -> None:
    kinds = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert kinds
    assert [kind for kind in kinds if not issubclass(kind, REFUSALS)] == []

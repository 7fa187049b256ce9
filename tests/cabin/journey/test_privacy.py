"""What a NO leaves on the disk, and how long private mode lasts: the cabin's process, a broker, a hub."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.hub import LocalHub
from tests.cabin.calendar.sealing import compact, seal
from tests.cabin.journey.cabin_process import IGNITION, CabinProcess, cabin_process, played_agent, variables
from tests.cabin.journey.locks import ticking_of
from tests.cabin.journey.test_cabin import car
from tests.tap.broker import mosquitto, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

VEHICLE, CABIN, PROFILE, KEY = "demo-vehicle", "cabin", "p1", "a"
WORD = "Quince harvest"
ALLOWED = {"purpose": "calendar", "answer": "YES", "text_id": "calendar.en", "text_version": 1}


class Cloud:
    """The hub's other side, and the bridge."""

    def __init__(self, hub: LocalHub) -> None:
        self._admin = AdminClient(hub.folder)

    async def reported(self) -> Any:
        return json.loads(await asyncio.to_thread(self._admin.twin, VEHICLE, CABIN))["reported"]

    async def until_reported(self, is_so: Callable[[Any], bool]) -> Any:
        """The first that is as it shall be."""
        async with asyncio.timeout(20):
            while not is_so(reported := await self.reported()):  # noqa: ASYNC110  a hub is asked, it tells nothing
                await asyncio.sleep(0.1)
        return reported

    async def car_key(self) -> bytes:
        text = (await self.until_reported(lambda told: "key" in told.get("calendar", {})))["calendar"]["key"]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    async def send(self, public: bytes) -> str:
        """One meeting, sealed; what of it stands in the twin."""
        now_s = int(time.time())
        plain = compact({"title": WORD, "start": now_s + 60, "end": now_s + 3600, "place": WORD})
        sealed = seal(plain, public, profile=PROFILE, key=KEY, version=1, until_s=now_s + 7200)
        item = {"n": 1, "u": now_s + 7200, "s": sealed}
        desired = json.dumps({"calendar": {PROFILE: {KEY: item}}})
        await asyncio.to_thread(self._admin.patch_desired, VEHICLE, CABIN, desired)
        return sealed


@asynccontextmanager
async def cloud_of(folder: Path, address: str) -> AsyncIterator[tuple[Cloud, dict[str, str]]]:
    """A hub, and what lets the cabin find it."""
    hub = LocalHub(folder, address=address, device=VEHICLE, module=CABIN)
    await hub.start()
    try:
        yield Cloud(hub), hub.environment("connection_string")
    finally:
        await hub.stop()


def forms_of(secret: bytes) -> Iterator[bytes]:
    """As it stands, and as text."""
    yield secret
    yield secret.hex().encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield base64.urlsafe_b64encode(secret).rstrip(b"=")


def link_to(public: bytes) -> str:
    """What the driver's phone is shown, of the key that the hub was told."""
    key = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return f"https://bridge.example/link?vehicle={VEHICLE}&profile={PROFILE}&key={key}"


def kept_in(folder: Path) -> bytes:
    """Every file's name and content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join(path.name.encode() + b"\n" + path.read_bytes() for path in files)


async def titled(cabin: CabinProcess, titles: list[str]) -> None:
    async with asyncio.timeout(20), cabin.stream() as seen:
        async for view in seen:
            if [one["title"] for one in view["meetings"]] == titles:
                return


async def test_after_a_no_there_is_no_meeting_and_no_key_in_any_file(tmp_path: Path) -> None:
    folder = tmp_path / "cabin"
    async with (
        cloud_of(tmp_path / "hub", "127.0.0.189") as (cloud, hub),
        car(tmp_path, 0, CABIN_BRIDGE_URL="https://bridge.example", **hub) as one,
    ):
        post = one.cabin.served.post
        await post("/api/v1/profile", {"profile": PROFILE})
        assert (await post("/api/v1/consent", ALLOWED)).status == 200
        key = await cloud.car_key()
        assert (await one.cabin.served.get("/api/v1/bridge")).json() == {"link": link_to(key)}
        sealed = await cloud.send(key)
        await titled(one.cabin, [WORD])
        (private,) = [path.read_bytes() for path in (folder / "calendar").glob("key-*")]
        await until(lambda: sealed.encode() in kept_in(folder))  # it is shown before it is written
        began = time.monotonic()
        assert (await post("/api/v1/consent", ALLOWED | {"answer": "NO"})).status == 200
        took_s = time.monotonic() - began
        kept = kept_in(folder)
        assert took_s <= 5.0
        assert not [form for form in (WORD.encode(), sealed.encode(), *forms_of(private)) if form in kept]
        assert b"key-" not in kept
        await titled(one.cabin, [])
        await cloud.until_reported(lambda told: "key" not in told["calendar"])
        assert (await one.cabin.stop())[0] == 0
        assert not [form for form in (WORD.encode(), sealed.encode(), *forms_of(private)) if form in kept_in(folder)]
    print(f"a NO is answered, and everything gone, after {took_s:.2f} s")  # noqa: T201


async def test_private_mode_outlasts_a_restart_and_ends_with_the_ignition(tmp_path: Path) -> None:
    async with mosquitto(tmp_path / "broker") as broker, played_agent(broker) as agent, ticking_of(agent):
        agent.values[IGNITION] = 1.0
        environment = variables(tmp_path / "cabin", broker)
        async with cabin_process(tmp_path / "cabin", environment) as cabin:
            await cabin.until_view(drive="parked")
            assert (await cabin.served.post("/api/v1/private", {"on": True})).status == 200
            await cabin.stop()
        async with cabin_process(tmp_path / "cabin", environment) as cabin:
            assert (await cabin.until_view(drive="parked"))["private"]
            agent.values[IGNITION] = 0.0
            await cabin.until_view(private=False)


async def test_a_turn_of_the_ignition_is_survived_by_a_disk_that_keeps_no_choices(tmp_path: Path) -> None:
    (tmp_path / "cabin" / "choices.json").mkdir(parents=True)
    async with car(tmp_path) as one:
        await one.cabin.served.post("/api/v1/private", {"on": True})
        await one.cabin.served.post("/api/v1/profile", {"profile": PROFILE})
        for value in (0.0, 1.0):
            one.agent.values[IGNITION] = value
            await one.cabin.until_view(private=False, profile=PROFILE if not value else "guest")
        assert (await one.cabin.stop())[0] == 0
        assert "choices.choices_not_kept" in [event["event"] for event in one.cabin.events]


async def test_what_keeps_the_vehicle_from_being_parked_is_told_to_the_cloud(tmp_path: Path) -> None:
    async with (
        cloud_of(tmp_path / "hub", "127.0.0.188") as (cloud, hub),
        car(tmp_path, 0, **hub) as one,
    ):
        about = {"boot": 1, "config_version": 2, "signals": {"Vehicle.Speed": {"unit": "km/h"}}}
        await one.agent.client.publish("tap/v1/signals", json.dumps(about), qos=1, retain=True)
        await cloud.until_reported(lambda told: told.get("missing_roles") == ["park_lock"])
        told = [event for event in one.cabin.events if event["event"] == "safety.roles_missing"]
    assert [event["roles"] for event in told] == [["park_lock"]]

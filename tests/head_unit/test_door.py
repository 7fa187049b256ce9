"""The door itself; tests/journey/test_consent.py drives it through a broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from errno import ENOSPC
from pathlib import Path

import pytest

from edge_agent.app import Agent
from edge_agent.clock import SystemClock
from edge_agent.decode.bus_reports import BusReports
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.plan import compile_plan
from edge_agent.disk import Disk
from edge_agent.errors import BadSettings, MethodRefused
from edge_agent.head_unit import consenting
from edge_agent.head_unit.consent import Consent
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.head_unit.door import CabinDoor, asks_for_consent
from edge_agent.policy.collector import Collector
from edge_agent.records import MethodAnswer, Purpose
from edge_agent.settings import Settings, settings_of_environment
from edge_agent.sift import Sift
from edge_agent.spool.segments import SegmentSpool
from edge_agent.tap.latest import Latest
from edge_agent.tap.link import Message
from edge_agent.tap.local_bus import LocalBus
from edge_agent.twin.reported import Reported
from edge_agent.uplink.inbound import MethodCall
from tests.acquire.told import Told
from tests.spool.test_withdrawal import about, files_with_marker
from tests.uplink.desk import until
from tests.uplink.fakes import MemoryHub

BUSES = json.dumps([{"name": "can0", "interface": "virtual", "channel": "can0", "dbc": []}])
CABIN = {"CONSENT": "cabin", "TAP_BROKER": "mosquitto:1883"}
YES_BUT_LOCATION = Consent(3, yes=Purpose.TRIPS | Purpose.CLOUD_TELEMETRY, no=Purpose.LOCATION)


def settings_in(folder: Path, **variables: str) -> Settings:
    return settings_of_environment({"BUSES": BUSES, "DATA_FOLDER": str(folder), **variables})


@asynccontextmanager
async def door_in(folder: Path, **variables: str) -> AsyncIterator[CabinDoor]:
    """A door without a broker behind it, in a folder whose spool holds a batch of `location`."""
    told, clock, reported = Told(), SystemClock(), Reported()
    settings, catalog = settings_in(folder, **variables), Catalog([("can0", [])])
    spool = await SegmentSpool.open(folder / "spool", cap_bytes=10_000_000, log=told)
    await spool.append([about(Purpose.LOCATION, 0)])
    reports = BusReports(catalog.bus_names, reported, told)
    sift = Sift(
        Decoding(compile_plan(catalog, ()), []),
        reports,
        Collector(catalog.bus_names),
        Latest(),
        told,
        asks_for_consent=asks_for_consent(settings),
    )
    bus = LocalBus(None, Message("tap/v1/status", b""), clock=clock, random=lambda: 0.0, log=told)
    yield CabinDoor(settings, sift, spool, bus, reported, forget=lambda: None, clock=clock, log=told)
    await spool.close()


def test_a_cabin_that_nobody_could_hear_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="CONSENT: cabin is heard on the local bus, which TAP_BROKER must name"):
        asks_for_consent(settings_in(tmp_path, CONSENT="cabin"))

    assert asks_for_consent(settings_in(tmp_path, **CABIN))
    assert not asks_for_consent(settings_in(tmp_path, TAP_BROKER="mosquitto:1883"))


async def test_where_nobody_is_asked_what_an_earlier_start_was_told_wipes_nothing(tmp_path: Path) -> None:
    ConsentFile(tmp_path / "consent.json", Told()).write(YES_BUT_LOCATION, Purpose.LOCATION)
    async with door_in(tmp_path) as door, asyncio.timeout(5):
        await door.begin()
        await door.follow()
        await door.answer_trips()
        door.judge_telling()

        assert files_with_marker(tmp_path / "spool")


async def test_what_was_withdrawn_before_this_start_is_wiped_when_the_door_has_begun(tmp_path: Path) -> None:
    ConsentFile(tmp_path / "consent.json", Told()).write(YES_BUT_LOCATION, Purpose(0))
    async with door_in(tmp_path, **CABIN) as door:
        assert files_with_marker(tmp_path / "spool")

        await door.begin()

        assert files_with_marker(tmp_path / "spool") == []
        door.judge_telling()


async def test_before_anybody_was_heard_nobody_far_away_is_told_values(tmp_path: Path) -> None:
    async with door_in(tmp_path, **CABIN) as door:
        await door.begin()

        with pytest.raises(MethodRefused, match="the driver has not consented to cloud_telemetry"):
            door.judge_telling()
        assert files_with_marker(tmp_path / "spool"), "nobody withdrew anything"


async def test_what_names_a_place_needs_consent_to_location_as_well(tmp_path: Path) -> None:
    about = '{"rules": {"a": {"when": "Vehicle.CurrentLocation.Latitude > 52"}}}'
    ConsentFile(tmp_path / "consent.json", Told()).write(YES_BUT_LOCATION, Purpose(0))
    async with door_in(tmp_path, **CABIN) as door:
        await door.begin()
        door.judge_telling('{"rules": {}}')

        assert not door.may_tell_places
        with pytest.raises(MethodRefused, match="the driver has not consented to location"):
            door.judge_telling(about)


async def test_where_nobody_is_asked_places_are_told(tmp_path: Path) -> None:
    async with door_in(tmp_path) as door:
        door.judge_telling("Vehicle.CurrentLocation.Latitude > 52")
        assert door.may_tell_places


@pytest.mark.parametrize(("name", "payload"), [("latest", "null"), ("rules.test", '{"rules": {}}')])
async def test_without_consent_no_method_tells_of_values(tmp_path: Path, name: str, payload: str) -> None:
    hub, stop, answers = MemoryHub(), asyncio.Event(), list[MethodAnswer]()

    async def answered(answer: MethodAnswer) -> None:
        answers.append(answer)

    variables = CABIN | {"TAP_BROKER": "127.0.0.1:1"}  # where nobody listens
    agent = await Agent.open(settings_in(tmp_path, **variables), hub, Told())
    async with asyncio.TaskGroup() as group:
        group.create_task(agent.run(stop), name="agent")
        await until(lambda: hub.session is not None)
        assert hub.session is not None
        hub.session.inbound.hear(MethodCall(name, payload, answered))
        await until(lambda: bool(answers))
        stop.set()

    assert answers == [MethodAnswer(403, '{"error": "the driver has not consented to cloud_telemetry"}')]


async def test_a_place_that_stays_in_the_state_of_the_vehicle_is_not_told_as_wiped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, told, stop, is_full = tmp_path / "state.json", Told(), asyncio.Event(), True
    state.write_text(json.dumps({"Vehicle/CurrentLocation/Latitude": {"v": 48.1, "t_ms": 5}}))
    ConsentFile(tmp_path / "consent.json", Told()).write(YES_BUT_LOCATION, Purpose(0))
    rename = Disk.rename

    def full(disk: Disk, old: Path, new: Path) -> None:
        if is_full and new == state:
            raise OSError(ENOSPC, "No space left on device")
        rename(disk, old, new)

    monkeypatch.setattr(Disk, "rename", full)
    monkeypatch.setattr(consenting, "RETRY_S", 0.01)
    variables = CABIN | {"TAP_BROKER": "127.0.0.1:1"}  # where nobody listens
    agent = await Agent.open(settings_in(tmp_path, **variables), MemoryHub(), told)
    async with asyncio.TaskGroup() as group:
        group.create_task(agent.run(stop), name="agent")
        await told.heard("policy.consent_not_kept", times=2)
        assert told.fields("policy.consent_wiped") == []
        assert "Latitude" in state.read_text()
        is_full = False
        await told.heard("policy.consent_wiped")
        assert state.read_text() == "{}"
        stop.set()

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from cabin.records import TripSummary
from cabin.trips.outbox import MOST_WAITING, UNANSWERED, Outbox
from edge_agent.head_unit.trips_hook import trip_in
from tests.cabin.silent_log import SilentLog

SCHEMA = Path(__file__).parents[3] / "docs" / "cabin-trip-1.schema.json"
TRIP = TripSummary(
    id="t1", profile="p1", start_s=1_795_000_000, end_s=1_795_001_200, end="ignition_off", distance_km=20.1,
    distance_source="odometer", speed_distance_km=None, moving_s=1100, pause_s=100, gap_s=0, energy_kwh=3.2,
    fuel_l=None, energy_source="measured", max_speed_kmh=99.5, harsh_accelerations=1, harsh_brakes=0, harsh_corners=0,
    harsh_source="imu", start_place=(50.1, 8.6), end_place=None, completeness=0.998,
)  # fmt: skip


class Broker:
    """Takes what is published while it is there."""

    def __init__(self) -> None:
        self.is_there = True
        self.taken: list[tuple[str, bytes]] = []

    async def publish(self, topic: str, payload: bytes) -> bool:
        if self.is_there:
            self.taken.append((topic, payload))
        return self.is_there

    @property
    def ids(self) -> list[str]:
        return [json.loads(payload)["id"] for _, payload in self.taken]


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    one = Outbox(tmp_path / "outbox.jsonl", SilentLog())
    await one.open()
    yield one
    await one.close()


async def waiting_after_a_start(tmp_path: Path) -> list[str]:
    other = Outbox(tmp_path / "outbox.jsonl", SilentLog())
    await other.open()
    await other.close()
    return [trip.id for trip in other.waiting]


@asynccontextmanager
async def sending(outbox: Outbox, broker: Broker, *, agreed: bool = True) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.run(broker.publish, lambda: agreed), name="outbox")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  of another task
            await asyncio.sleep(0.005)


async def test_a_trip_is_sent_once_and_gone_when_the_agent_has_it(outbox: Outbox, tmp_path: Path) -> None:
    broker = Broker()
    async with sending(outbox, broker):
        await outbox.put(TRIP)
        await until(lambda: broker.ids == ["t1"])
        await outbox.put(replace(TRIP, id="t2"))
        await until(lambda: broker.ids == ["t1", "t2"])
        outbox.kept("t1")
        outbox.kept("t2", "the agent says no")
        await until(lambda: not (tmp_path / "outbox.jsonl").exists())
    assert outbox.waiting == ()


async def test_what_the_agent_takes_is_what_is_sent(outbox: Outbox) -> None:
    broker = Broker()
    async with sending(outbox, broker):
        await outbox.put(TRIP)
        await until(lambda: broker.taken)
    ((topic, payload),) = broker.taken
    assert topic == "cabin/v1/trip"
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(payload))
    fields = dict(trip_in(payload).fields)
    assert fields["distance_km"] == 20.1
    assert fields["start_place_latitude_deg"] == 50.1
    assert fields["end_place_longitude_deg"] is None
    assert "profile" not in fields


async def test_it_waits_over_a_start_and_is_sent_again_with_a_connection(outbox: Outbox, tmp_path: Path) -> None:
    broker = Broker()
    broker.is_there = False
    async with sending(outbox, broker):
        await outbox.put(TRIP)
        assert await waiting_after_a_start(tmp_path) == ["t1"]
        broker.is_there = True
        outbox.connected()
        await until(lambda: broker.ids == ["t1"])
        outbox.connected()
        await until(lambda: broker.ids == ["t1", "t1"])


async def test_nothing_is_sent_while_who_drives_does_not_agree(outbox: Outbox) -> None:
    broker = Broker()
    async with sending(outbox, broker, agreed=False):
        await outbox.put(TRIP)
        outbox.connected()
        await asyncio.sleep(0)
        await outbox.put(replace(TRIP, id="t2"))
    assert broker.taken == []
    assert len(outbox.waiting) == 2


async def test_forgetting_takes_it_from_the_disk(outbox: Outbox, tmp_path: Path) -> None:
    for trip in (TRIP, replace(TRIP, id="t2"), replace(TRIP, id="t3", profile="p2")):
        await outbox.put(trip)
    await outbox.forget_places("p1")
    assert [trip.start_place for trip in outbox.waiting] == [None, None, (50.1, 8.6)]
    assert (tmp_path / "outbox.jsonl").read_bytes().count(b"50.1") == 1
    await outbox.forget("p1", ["t2"])
    assert await waiting_after_a_start(tmp_path) == ["t1", "t3"]
    await outbox.forget("p1")
    assert await waiting_after_a_start(tmp_path) == ["t3"]


async def test_a_few_are_sent_at_once_and_the_rest_with_each_answer(outbox: Outbox) -> None:
    broker = Broker()
    for number in range(UNANSWERED + 2):
        await outbox.put(replace(TRIP, id=f"t{number}"))
    async with sending(outbox, broker):
        await until(lambda: len(broker.taken) == UNANSWERED)
        outbox.kept("t0")
        await until(lambda: len(broker.taken) == UNANSWERED + 1)


async def test_beyond_a_bound_the_oldest_is_given_up_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_WAITING == 1000
    monkeypatch.setattr("cabin.trips.outbox.MOST_WAITING", 2)
    log = SilentLog()
    outbox = Outbox(tmp_path / "outbox.jsonl", log)
    await outbox.open()
    for number in range(3):
        await outbox.put(replace(TRIP, id=f"t{number}"))
    await outbox.close()
    assert await waiting_after_a_start(tmp_path) == ["t1", "t2"]
    assert log.names == ["trips.outbox_full"]

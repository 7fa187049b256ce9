import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import LocalBusDown, MethodRefused
from edge_agent.head_unit.trips_hook import MOST_BYTES, NEEDS, REMEMBERED, TripsHook, TripWay
from edge_agent.policy.collector import Collector
from edge_agent.records import Batch, BootInfo, Lane, Purpose, RuleInfo, Trip
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_agent.spool.reading import read_payloads
from tests.acquire.told import Told
from tests.spool.schemas import assert_valid

SUMMARY = {"start_ms": 1_788_264_000_000, "km": 12.4, "driver": None, "place": "Wolfsburg", "cut": False}


def said(name: object = "t1", **more: object) -> bytes:
    return json.dumps({"id": name, "schema": "trip/1", "trip": SUMMARY, **more}).encode()


class World:
    """A cabin that hears answers, and a collector that numbers batches."""

    def __init__(self) -> None:
        self.told = Told()
        self.allowed = NEEDS
        self.full = self.is_down = False
        self.taken: list[Batch] = []
        self.heard: list[dict[str, object]] = []
        self.collector = Collector(["can0"])
        way = TripWay(allowed=lambda: self.allowed, take_in=self.take_in, publish=self.publish)
        self.hook = TripsHook(way, clock=SystemClock(), log=self.told)

    def take_in(self, trip: Trip, rule: RuleInfo, t_ns: int) -> Batch:
        if self.full:
            raise MethodRefused(429, "ask again later")
        self.taken.append(self.collector.take_in(trip, rule, t_ns))
        return self.taken[-1]

    async def publish(self, topic: str, payload: bytes) -> None:
        assert topic == "tap/v1/trip_kept"
        if self.is_down:
            raise LocalBusDown("there is no connection")
        self.heard.append(json.loads(payload))

    @asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.hook.run(), name="trips")
        yield
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


async def test_a_trip_is_a_hot_message_of_its_own_with_the_proof_of_completeness() -> None:
    world = World()
    world.hook.hear(said())

    (batch,) = world.taken
    envelope = seal(batch, Sender("vehicle-1", "edge-agent"), BootInfo(3, 2, 41), ())
    body = json.loads(envelope.payload)
    assert_valid(envelope.payload)
    (payload,) = read_payloads(envelope.payload, "trip")

    assert (envelope.lane, envelope.schema, envelope.rule) == (Lane.HOT, "trip/1", "cabin.trips")
    assert (envelope.content_type, envelope.content_encoding) == ("application/json", "utf-8")
    assert envelope.purposes == Purpose.TRIPS | Purpose.CLOUD_TELEMETRY
    assert (body["schema"], body["boot"], body["seq"], body["kind"]) == ("trip/1", 3, 0, "trip")
    assert (body["id"], body["trip"]) == ("t1", SUMMARY)
    assert (payload.header["trip"], payload.samples) == (SUMMARY, ())
    assert body["opened_ms"] == body["closed_ms"] > 1_600_000_000_000


async def test_it_is_answered_when_it_is_on_disk_and_again_when_it_comes_again_and_sent_once() -> None:
    world = World()
    async with world.runs():
        world.hook.hear(said())
        world.hook.hear(said())
        await asyncio.sleep(0)
        assert world.heard == []
        world.hook.answered(world.taken[0], is_on_disk=True)
        world.hook.hear(said())

    assert world.heard == [{"id": "t1"}, {"id": "t1"}]
    assert len(world.taken) == 1


async def test_one_that_the_disk_did_not_take_is_not_answered_and_taken_when_it_comes_again() -> None:
    world = World()
    async with world.runs():
        world.hook.hear(said())
        world.hook.answered(world.taken[0], is_on_disk=False)
        world.hook.hear(said())

    assert world.heard == []
    assert len(world.taken) == 2


async def test_without_consent_to_both_it_is_refused_also_when_that_is_withdrawn_on_its_way() -> None:
    world = World()
    async with world.runs():
        world.hook.hear(said("on its way"))
        world.allowed = Purpose.CLOUD_TELEMETRY
        world.hook.answered(world.taken[0], is_on_disk=False)
        world.hook.hear(said())
        world.allowed = Purpose(0)
        world.hook.hear(said())

    assert world.heard == [
        {"id": "on its way", "refused": "the driver has not consented to trips"},
        {"id": "t1", "refused": "the driver has not consented to trips"},
        {"id": "t1", "refused": "the driver has not consented to trips and cloud_telemetry"},
    ]
    assert len(world.taken) == 1


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (said(schema="trip/2"), "schema: must be 'trip/1'"),
        (said(trip={}), "trip: must be an object of 1 to 128 values"),
        (said(trip=[1]), "trip: must be an object of 1 to 128 values"),
        (said(trip={"a": {}}), "trip.a: must be a finite number, a text, true, false or null"),
        (said(trip={"a": float("nan")}), "trip.a: must be a finite number, a text, true, false or null"),
        (said(trip={"a": "x" * 2000}), "trip.a: longer than 1024 characters"),
        (said(trip={"a": "\ud800"}), "trip.a: has half a character"),
        (said(trip={"\ud800": 1}), "trip: a name has half a character"),
        (said(trip={"a": "x" * MOST_BYTES}), "16470 bytes, a trip has 16384 at most"),
    ],
)
async def test_what_is_no_trip_is_refused_in_a_sentence(payload: bytes, sentence: str) -> None:
    world = World()
    async with world.runs():
        world.hook.hear(payload)

    (answer,) = world.heard
    assert answer["id"] == "t1"
    assert str(answer["refused"])[-30:] == sentence[-30:]
    assert world.taken == []


@pytest.mark.parametrize(
    "payload", [b"nonsense", b"[]", b"{}", said(7), said(""), said("x" * 2000), said("\ud800"), b"[" * 10**5]
)
async def test_what_has_no_id_is_told_here_alone(payload: bytes) -> None:
    world = World()
    async with world.runs():
        world.hook.hear(payload)

    assert world.heard == []
    assert len(world.told.fields("policy.trip_refused")) == 1


async def test_where_too_many_wait_the_cabin_is_told_so() -> None:
    world = World()
    world.full = True
    async with world.runs():
        world.hook.hear(said())

    assert world.heard == [{"id": "t1", "refused": "ask again later"}]


async def test_an_answer_without_a_connection_is_told_and_given_again_when_the_trip_comes_again() -> None:
    world = World()
    world.is_down = True
    async with world.runs():
        world.hook.hear(said())
        world.hook.answered(world.taken[0], is_on_disk=True)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(world.told.fields("policy.trip_unanswered")) == 1
        world.is_down = False
        world.hook.hear(said())

    assert world.heard == [{"id": "t1"}]
    assert len(world.taken) == 1


async def test_so_many_ids_are_remembered_and_no_more() -> None:
    world = World()
    for at in range(REMEMBERED + 1):
        world.hook.hear(said(f"t{at}"))
        world.hook.answered(world.taken[-1], is_on_disk=True)
    world.hook.hear(said("t1"))
    assert len(world.taken) == REMEMBERED + 1
    world.hook.hear(said("t0"))

    assert len(world.taken) == REMEMBERED + 2


async def test_batches_of_rules_are_none_of_its_business() -> None:
    world = World()
    world.hook.hear(said())
    async with world.runs():
        world.hook.answered(replace(world.taken[0], trip=None), is_on_disk=True)

    assert world.heard == []

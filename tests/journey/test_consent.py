"""What the driver says in the cabin, through a real broker, to the agent's process: rules, disk, start, trips, twin."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.hub import LocalHub
from tests.journey.line import (
    VEHICLE,
    AgentProcess,
    agent_process,
    buses_variable,
    desire,
    document,
    local_hub,
    reported,
    until,
)
from tests.journey.recordings import write_drive
from tests.tap.broker import AGENT, CABIN, HOST, PASSWORDS, Mosquitto, mosquitto

SPEED = {"kind": "periodic", "every_ms": 200, "signals": ["Motion.VehicleSpeed"], "batch": {"max_age_s": 1}}
WAITING = {**SPEED, "upload": "unmetered"}
RULES = document(
    whereabouts=WAITING | {"purpose": "location"},
    airbag=WAITING | {"purpose": "safety"},
    untagged=SPEED,
)
ALL_YES = dict.fromkeys(("calendar", "trips", "location", "cloud_telemetry"), "YES")
TRIP = {"id": "trip-1", "schema": "trip/1", "trip": {"km": 12.4, "minutes": 21, "end": None}}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


async def decide(
    cabin: aiomqtt.Client, version: int, answers: Mapping[str, str] | None = None, *, private: bool = False
) -> None:
    said = {"t": 1, "version": version, "private": private, "purposes": ALL_YES | dict(answers or {})}
    await cabin.publish("cabin/v1/consent", json.dumps(said), qos=1, retain=True)


@dataclass
class Vehicle:
    """An agent, its hub, and the broker between it and the cabin."""

    home: Path
    hub: LocalHub
    broker: Mosquitto
    drive: Path

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[AgentProcess]:
        variables = {
            "BUSES": buses_variable(VEHICLE),
            "REPLAY_LOG": str(self.drive),
            "CONSENT": "cabin",
            "TAP_BROKER": f"{HOST}:{self.broker.port}",
            "TAP_USER": AGENT,
            "TAP_PASSWORD": PASSWORDS[AGENT],
            **self.hub.environment("workload"),
        }
        async with agent_process(self.home, variables) as agent:
            await agent.told("uplink.link_up")
            yield agent

    async def say(self, version: int, **answers: str) -> None:
        async with self.broker.client(CABIN) as cabin:
            await decide(cabin, version, answers)

    def spooled(self, rule: str) -> list[str]:
        """Files in which a batch of this rule is."""
        files = [path for path in (self.home / "data" / "spool").rglob("*") if path.is_file()]
        return [path.name for path in files if f'"{rule}"'.encode() in path.read_bytes()]

    def arrived(self, rule: str) -> list[bytes]:
        return [one.body for one in read_arrivals(self.hub.arrivals_path) if one.properties["rule"] == rule]

    async def reported(self, section: str) -> dict[str, object]:
        return (await reported(self.hub.folder)).get(section, {})

    async def reported_status(self, rule: str, status: str) -> dict[str, object]:
        """Of a rule, once it is so."""
        async with asyncio.timeout(20):
            while True:
                told = (await self.reported("rule_status")).get(rule)
                if isinstance(told, dict) and told["status"] == status:
                    return told
                await asyncio.sleep(0.2)


@asynccontextmanager
async def vehicle(home: Path, address: str) -> AsyncIterator[Vehicle]:
    drive = write_drive(home / "drive.log", seed=5, seconds=60)
    async with mosquitto(home / "broker") as broker, local_hub(home / "hub", address) as hub:
        await desire(hub.folder, RULES)
        yield Vehicle(home, hub, broker, drive)


async def test_a_no_stops_and_wipes_within_seconds_and_holds_at_the_next_start_without_a_broker(tmp_path: Path) -> None:
    async with vehicle(tmp_path, "127.0.0.161") as one:
        await one.say(1)
        async with one.agent() as agent:
            await until(lambda: bool(one.spooled("whereabouts") and one.spooled("airbag")), within_s=30)
            await until(lambda: bool(one.arrived("untagged")))

            began_s = time.monotonic()
            await one.say(2, location="NO", cloud_telemetry="NOT_SET")
            await agent.told("policy.consent_wiped")

            assert time.monotonic() - began_s < 5
            assert one.spooled("whereabouts") == one.spooled("untagged") == []
            assert one.spooled("airbag")
            await until(lambda: bool(agent.events("spool.batches_lost")))
            assert {event["reason"] for event in agent.events("spool.batches_lost")} == {"consent"}
            seen = len(one.arrived("untagged"))
            await asyncio.sleep(2.5)
            assert one.spooled("whereabouts") == []
            assert len(one.arrived("untagged")) == seen
            told = await one.reported_status("whereabouts", "waits_for_consent")
            assert told["lacks"] == ["location"]
            assert (await one.reported("consent"))["version"] == 2
            assert not [event for event in agent.alarms() if not str(event["event"]).startswith("uplink.unmetered")]

        await one.broker.kill()
        async with one.agent() as agent:
            followed = await agent.told("policy.consent_followed")
            assert followed["allowed"] == ["calendar", "trips"]
            await asyncio.sleep(3)
            assert one.spooled("whereabouts") == []
            assert one.spooled("airbag")
            assert len(one.arrived("untagged")) == seen


async def test_trips_go_with_consent_alone_and_private_mode_stops_what_needs_it(tmp_path: Path) -> None:
    async with (
        vehicle(tmp_path, "127.0.0.162") as one,
        one.agent() as agent,
        one.broker.reader("tap/v1/trip_kept") as reader,
    ):
        await decide(reader.client, 1)
        await agent.told("policy.consent_followed")
        await until(lambda: bool(one.spooled("whereabouts")), within_s=30)

        await reader.client.publish("cabin/v1/trip", json.dumps(TRIP), qos=1)
        assert await reader.heard("tap/v1/trip_kept") == [{"id": "trip-1"}]
        await reader.client.publish("cabin/v1/trip", json.dumps(TRIP), qos=1)
        assert await reader.heard("tap/v1/trip_kept", 2) == [{"id": "trip-1"}] * 2
        await until(lambda: bool(one.arrived("cabin.trips")))
        (body,) = one.arrived("cabin.trips")
        assert (json.loads(body)["id"], json.loads(body)["trip"]) == ("trip-1", TRIP["trip"])

        await decide(reader.client, 2, private=True)
        followed = agent.events
        await until(lambda: followed("policy.consent_followed")[-1]["version"] == 2, within_s=30)
        assert followed("policy.consent_followed")[-1]["private"] is True
        await asyncio.sleep(1)  # what was on its way by then arrives
        before = one.spooled("whereabouts"), len(one.arrived("untagged"))
        await reader.client.publish("cabin/v1/trip", json.dumps(TRIP | {"id": "trip-2"}), qos=1)
        refused = (await reader.heard("tap/v1/trip_kept", 3))[2]
        assert refused == {"id": "trip-2", "refused": "the driver has not consented to trips and cloud_telemetry"}
        await asyncio.sleep(2)
        assert before[0] != []
        assert (one.spooled("whereabouts"), len(one.arrived("untagged"))) == before

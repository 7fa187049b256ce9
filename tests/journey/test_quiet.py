"""An ignition that goes off, through the hub: what is urgent arrives, the rest stays, and comes when it is on again."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.hub import LocalHub
from tests.journey.line import (
    VEHICLE,
    AgentProcess,
    agent_process,
    assert_numbered_without_gaps,
    buses_variable,
    delivered,
    desire,
    document,
    local_hub,
    reported,
    until,
)
from tests.journey.recordings import write_drive

SPEED = {"kind": "periodic", "every_ms": 100, "signals": ["Motion.VehicleSpeed"]}
RULES = document(
    urgent=SPEED | {"priority": 0, "batch": {"max_age_s": 3600}},
    later=SPEED | {"priority": 5, "batch": {"max_age_s": 1}},
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


@dataclass
class Vehicle:
    """An agent on a drive, and its hub."""

    agent: AgentProcess
    hub: LocalHub
    home: Path

    def arrived(self, rule: str) -> int:
        return sum(each.properties["rule"] == rule for each in read_arrivals(self.hub.arrivals_path))

    def power(self) -> str:
        """What a power manager reads."""
        path = self.home / "data" / "power.json"
        return str(json.loads(path.read_text())["state"]) if path.exists() else ""

    @property
    def is_connected(self) -> bool:
        assert self.hub._switchboard is not None
        return bool(self.hub._switchboard.connected)

    async def reported_power(self, reached: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        async with asyncio.timeout(15):
            while not reached(section := (await reported(self.hub.folder)).get("power", {})):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return section


@asynccontextmanager
async def driven(
    home: Path, address: str, rules: dict[str, object], *, seconds: float, speed: int = 1
) -> AsyncIterator[Vehicle]:
    drive = write_drive(home / "drive.log", seed=5, seconds=seconds)
    variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(drive), "REPLAY_SPEED": str(speed)}
    async with local_hub(home / "hub", address) as hub:
        await desire(hub.folder, rules)
        async with agent_process(home, {**variables, **hub.environment("workload")}) as agent:
            await agent.told("uplink.link_up")
            yield Vehicle(agent, hub, home)


async def test_a_signal_brings_out_what_is_urgent_then_all_is_quiet_and_another_brings_the_rest(tmp_path: Path) -> None:
    async with driven(tmp_path, "127.0.0.126", RULES, seconds=25) as vehicle:
        agent = vehicle.agent
        await until(lambda: vehicle.arrived("later") >= 3, within_s=40)
        assert (vehicle.power(), vehicle.arrived("urgent")) == ("awake", 0)

        agent.send_signal(signal.SIGUSR1)
        await until(lambda: vehicle.power() == "quiet", within_s=40)
        assert vehicle.arrived("urgent") == 1
        assert not vehicle.is_connected
        told = await vehicle.reported_power(lambda section: section.get("state") == "quiet")
        assert isinstance(told["batches_left"], int)
        later = vehicle.arrived("later")
        await agent.told("spool.batches_appended", times=len(agent.events("spool.batches_appended")) + 3)
        assert vehicle.arrived("later") == later, "the rules go on, and what they keep stays on disk"
        assert (vehicle.power(), vehicle.is_connected) == ("quiet", False)

        agent.send_signal(signal.SIGUSR2)
        await until(lambda: vehicle.arrived("later") >= later + 3)
        assert vehicle.power() == "awake"
        await vehicle.reported_power(lambda section: section.get("state") == "awake")
        assert await agent.ended() == 0, agent.text()
        assert agent.alarms() == []
        assert [event["by"] for event in agent.events("app.power_changed")] == ["signal", "sent", "signal"]
    arrived = delivered(tmp_path / "hub")
    assert_numbered_without_gaps(arrived.payloads)
    assert [payload.header["why"] for payload in arrived.payloads if payload.rule == "urgent"] == ["quiet", "stopped"]


async def test_a_condition_makes_it_quiet_while_the_vehicle_stands_and_awake_when_it_moves(tmp_path: Path) -> None:
    """The drive stands from its second 18 to 27."""
    rules = {**RULES, "quiet": {"when": "Motion.VehicleSpeed < 1", "after_s": 1.5}}
    async with driven(tmp_path, "127.0.0.127", rules, seconds=44, speed=2) as vehicle:
        await until(lambda: vehicle.power() == "quiet", within_s=40)
        assert vehicle.arrived("urgent") == 1
        assert not vehicle.is_connected
        await until(lambda: vehicle.power() == "awake")
        await until(lambda: vehicle.is_connected, within_s=8)  # the drive's end would connect it too
        assert await vehicle.agent.ended() == 0, vehicle.agent.text()
        changes = [(event["state"], event["by"]) for event in vehicle.agent.events("app.power_changed")]
        assert changes == [("sending", "condition"), ("quiet", "sent"), ("awake", "condition")]
    assert_numbered_without_gaps(delivered(tmp_path / "hub").payloads)


async def test_a_stop_while_quiet_ends_cleanly_and_the_next_start_is_awake_and_delivers(tmp_path: Path) -> None:
    async with driven(tmp_path, "127.0.0.128", RULES, seconds=60) as vehicle:
        await until(lambda: vehicle.arrived("later") >= 2, within_s=40)
        vehicle.agent.send_signal(signal.SIGUSR1)
        await until(lambda: vehicle.power() == "quiet", within_s=40)
        vehicle.agent.terminate()
        assert await vehicle.agent.ended(8) == 0
        assert vehicle.agent.alarms() == []
    async with driven(tmp_path, "127.0.0.128", RULES, seconds=1) as vehicle:
        assert await vehicle.agent.ended() == 0
        assert vehicle.power() == "awake"
    assert_numbered_without_gaps(delivered(tmp_path / "hub").payloads)

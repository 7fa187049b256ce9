"""The whole agent on real interfaces: what somebody plays onto vcan0 is what arrives at the hub."""

import asyncio
import json
from pathlib import Path
from typing import cast

import pytest

from edge_agent.decode.dbc import load_database
from edge_agent.desk.vehicle import database_path
from edge_agent.localhub.admin_client import AdminClient
from tests.journey.line import (
    DEVICE,
    EVERYTHING,
    MODULE,
    AgentProcess,
    agent_process,
    assert_numbered_without_gaps,
    assert_same,
    command,
    delivered,
    desire,
    document,
    local_hub,
    reported,
    until,
)
from tests.journey.oracle import Bus, kept, truth
from tests.journey.recordings import recorded, write_drive
from tests.vcan.interface import VCAN0, VCAN1, candump, run

ADDRESS = "127.0.0.72"
STRANGE = 200

pytestmark = [pytest.mark.vcan, pytest.mark.timeout(100)]


async def has_seen(agent: AgentProcess, hub_folder: Path, drive: int, body: int) -> None:
    """Wait until the agent has counted that many frames of its two buses."""
    seen: dict[str, int] = {}
    async with asyncio.timeout(30):
        while seen != {"drive": drive, "body": body}:
            answer = await asyncio.to_thread(AdminClient(hub_folder).invoke, DEVICE, MODULE, "status", "null")
            seen = {name: counts["seen"] for name, counts in json.loads(answer.payload)["buses"].items()}
            assert agent.running


def all_delivered(agent: AgentProcess) -> bool:
    sealed, acked = agent.events("policy.batch_sealed"), agent.events("uplink.batch_acked")
    return "config_changed" in {batch["why"] for batch in sealed} and len(acked) == len(sealed)


async def test_a_drive_played_onto_a_bus_arrives_as_candump_recorded_it(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "drive.log", seed=5, seconds=4)
    played = sum(1 for _ in recorded(drive))
    buses = [
        {"name": "drive", "channel": VCAN0, "dbc": [str(database_path())]},
        {"name": "body", "channel": VCAN1},
    ]
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything={**EVERYTHING, "time_unit": "us"}))
        variables = {"BUSES": json.dumps(buses)} | hub.environment("connection_string")
        async with agent_process(tmp_path, variables) as agent, candump(VCAN0, tmp_path / "dump.log"):
            await agent.told("acquire.bus_opened", times=2)
            await agent.told("twin.document_applied")
            code, said = await command("replay", str(drive), "--channel", VCAN0, cwd=tmp_path)
            assert code == 0, said
            await run("cangen", VCAN1, "-g", "0", "-p", "100", "-n", str(STRANGE))
            await has_seen(agent, hub.folder, played, STRANGE)
            # Without its rule the open batch is sealed, and delivered; at a stop it would wait on disk.
            await desire(hub.folder, {"rules": {"everything": None}})
            await until(lambda: all_delivered(agent))
            agent.terminate()
            assert await agent.ended() == 0, agent.text()
            assert agent.alarms() == []
    arrived = delivered(tmp_path / "hub")
    expected = truth(recorded(tmp_path / "dump.log"), (Bus("drive", None, (database_path(),)),))
    wanted = {key: series for key, series in kept(expected.samples).items() if key[0] == "everything"}

    assert_numbered_without_gaps(arrived.payloads)
    assert_same(arrived.payloads, wanted)
    drive_bus, body_bus = cast("list[dict[str, object]]", arrived.payloads[-1].header["buses"])
    assert drive_bus | {"seen": played, "decoded": played, "unknown": 0, "dropped": 0, "error": 0} == drive_bus
    assert body_bus | {"seen": STRANGE, "decoded": 0, "unknown": STRANGE, "dropped": 0, "error": 0} == body_bus
    assert (drive_bus["state"], drive_bus["unknown_ids"]) == (None, [])


async def test_error_frames_say_what_state_a_controller_is_in(tmp_path: Path) -> None:
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        variables = {"BUSES": json.dumps([{"name": "body", "channel": VCAN1, "bitrate": 500_000}])}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            await agent.told("acquire.bus_opened")
            for frame in ("7FF#01", "20000004#0010000000000000", "20000040#0000000000000000"):
                await run("cansend", VCAN1, frame)
            assert (await agent.told("decode.bus_troubled", times=2))["state"] == "bus_off"
            await run("cansend", VCAN1, "20000100#0000000000000000")
            await agent.told("decode.bus_recovered")
            await agent.told("uplink.link_up")  # without a link at its end it has nobody to tell
            agent.terminate()
            assert await agent.ended() == 0, agent.text()
        health = (await reported(hub.folder))["health"]["body"]
    assert isinstance(health, dict)
    assert {key: health[key] for key in ("seen", "unknown", "error", "state", "unknown_ids")} == {
        "seen": 4,
        "unknown": 1,
        "error": 3,
        "state": "error_active",
        "unknown_ids": ["7ff"],
    }


async def test_a_bus_that_is_only_wanted_passes_what_the_rules_of_the_twin_want(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "drive.log", seed=5, seconds=2)
    [motion] = [one for one in load_database(database_path()).messages if one.name == "Motion"]
    played = sum(frame.can_id == motion.can_id for frame in recorded(drive))
    bus = {"name": "drive", "channel": VCAN0, "dbc": [str(database_path())], "only_wanted": True}
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        rule = {"kind": "on_change", "signals": ["Motion.VehicleSpeed"]}
        await desire(hub.folder, document(speed=rule))
        variables = {"BUSES": json.dumps([bus])} | hub.environment("connection_string")
        async with agent_process(tmp_path, variables) as agent:
            await agent.told("acquire.id_filter_set")
            code, said = await command("replay", str(drive), "--channel", VCAN0, cwd=tmp_path)
            assert code == 0, said
            seen = 0
            async with asyncio.timeout(30):
                while seen < played:
                    answer = await asyncio.to_thread(AdminClient(hub.folder).invoke, DEVICE, MODULE, "status", "null")
                    seen = json.loads(answer.payload)["buses"]["drive"]["seen"]
                    assert agent.running
            agent.terminate()
            assert await agent.ended() == 0, agent.text()

    assert seen == played > 0

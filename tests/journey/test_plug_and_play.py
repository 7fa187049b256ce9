"""A vehicle that announces its model: what the hub then knows of it, and that it behaves as the model says."""

import asyncio
import json
from pathlib import Path

import pytest

from edge_agent.desk.dtdl_own import COMMANDS
from edge_agent.localhub.admin_client import AdminClient
from tests.journey.line import (
    DEVICE,
    MODULE,
    VEHICLE,
    agent_process,
    buses_variable,
    desire,
    document,
    local_hub,
    reported,
)
from tests.journey.recordings import write_drive

ADDRESS = "127.0.0.99"
MODEL = "dtmi:com:example:vehicle;1"
SPEED = {"kind": "periodic", "every_ms": 1000, "signals": ["Motion.VehicleSpeed"]}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_a_model_is_announced_its_properties_are_acknowledged_and_its_commands_are_there(tmp_path: Path) -> None:
    variables = {
        "BUSES": buses_variable(VEHICLE),
        "REPLAY_LOG": str(write_drive(tmp_path / "drive.log", seed=5, seconds=30)),
        "REPLAY_SPEED": "1",
        "MODEL_ID": MODEL,
    }
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        service = AdminClient(hub.folder)
        await desire(hub.folder, document(speed=SPEED))
        async with agent_process(tmp_path, variables | hub.environment("workload")) as agent:
            await agent.told("twin.document_applied")
            await desire(hub.folder, {"rules": {"speed": {"every_ms": 1}}})
            await agent.told("twin.document_refused")
            answer = await asyncio.to_thread(service.invoke, DEVICE, MODULE, "nothing", "null")
            agent.terminate()
            assert await agent.ended() == 0
        twin = json.loads(await asyncio.to_thread(service.twin, DEVICE, MODULE))
        told = await reported(hub.folder)

    assert twin["modelId"] == MODEL
    assert told["schema_version"]["value"] == 1
    assert told["rules"] == {
        "value": {"speed": SPEED},
        "ac": 400,
        "av": 3,
        "ad": "rules.speed.every_ms: must be >= 10",
    }
    no_name_in_dtdl = "rules.test"
    commands = ", ".join(sorted([*(str(command["name"]) for command in COMMANDS), no_name_in_dtdl]))
    assert json.loads(answer.payload) == {"error": f"no method 'nothing'; there are: {commands}"}

"""The whole agent at an MQTT broker: what is desired while it is connected, well and badly, and what is reported."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.journey.line import VEHICLE, agent_process, buses_variable, document
from tests.journey.recordings import write_drive
from tests.uplink.broker import AGENT, PASSWORD, TOPICS, BrokerWorld, broker_world

SPEED = {"kind": "periodic", "every_ms": 1000, "signals": ["Motion.VehicleSpeed"], "batch": {"max_age_s": 1}}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def config(world: BrokerWorld, **expected: object) -> Any:
    """The reported properties, once the section `config` says so."""
    async with asyncio.timeout(30):
        while True:
            await world.settled()
            reported: Any = await world.reported()
            if expected.items() <= reported.get("config", {}).items():
                return reported
            await asyncio.sleep(0.1)


async def test_documents_that_come_while_connected_are_judged_and_are_no_new_connection(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "drive.log", seed=5, seconds=40)
    async with broker_world(tmp_path / "broker") as world:
        await world.desire(dict(document(speed=SPEED)))
        environment = {
            "UPLINK": "mqtt",
            "MQTT_HOST": "localhost",
            "MQTT_PORT": str(world.wire.port),
            "MQTT_PASSWORD": PASSWORD,
            "MQTT_CA_FILE": str(tmp_path / "broker" / "ca.pem"),
            "MQTT_CONTROL": TOPICS.control,
            "IOTEDGE_DEVICEID": AGENT,
            "IOTEDGE_MODULEID": TOPICS.module,
        }
        replay = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(drive), "REPLAY_SPEED": "1"}
        async with agent_process(tmp_path, {**environment, **replay}) as agent:
            await config(world, status="applied", running_version=2)
            await world.desire(dict(document(faster=SPEED)))
            await config(world, status="applied", running_version=3)
            await world.publish(TOPICS.of_control("desired"), b"{not json", retain=True)
            await config(world, status="refused", running_version=3)
            await agent.told("uplink.batch_acked", times=2)
            status = json.loads((await world.call("status", "null")).payload)
            agent.terminate()
            assert await agent.ended() == 0
        reported = await config(world, status="refused")

    assert reported["config"]["errors"] == [{"loc": "", "msg": "the desired properties must be a JSON object"}]
    assert reported["agent"]["boot"] == 1
    assert reported["link"]["connects"] == 1
    assert status["link_up"]
    assert len(world.arrived()) >= 2

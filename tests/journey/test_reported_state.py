"""What the twin says of a vehicle: its state over a restart, its rules, its databases, and rules on trial."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge_agent.desk.vehicle import database_path
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

ADDRESS = "127.0.0.113"
SPEED = {"kind": "periodic", "every_ms": 1000, "signals": ["Motion.VehicleSpeed"], "batch": {"max_age_s": 1}}
START_S = 1_800_000_000
NEVER = {"kind": "event", "signals": ["Motion.*"], "when": "Motion.VehicleSpeed > 290"}
DESIRED = document(speed=SPEED, never=NEVER) | {"state": {"signals": ["Body.*Open", "*.StateOfCharge"], "every_s": 5}}
SCHEMAS = json.loads((Path(__file__).parents[2] / "docs" / "methods.schema.json").read_text())["$defs"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def sections(hub_folder: Path, *names: str) -> Any:
    """The reported properties, once these sections are there."""
    async with asyncio.timeout(30):
        while not {*names} <= (twin := await reported(hub_folder)).keys():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return twin


async def call(hub_folder: Path, name: str, payload: object) -> tuple[int, Any]:
    answer = await asyncio.to_thread(AdminClient(hub_folder).invoke, DEVICE, MODULE, name, json.dumps(payload))
    return answer.status, json.loads(answer.payload)


def variables(log: Path) -> Mapping[str, str]:
    return {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": "1"}


async def test_the_state_of_a_vehicle_outlives_a_restart_and_its_rules_are_counted_and_tried(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "drive.log", seed=5, seconds=40)
    parked = tmp_path / "parked.log"
    parked.write_text("".join(f"({START_S + second}.000000) can0 7E5#01\n" for second in range(30)))

    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, DESIRED)
        async with agent_process(tmp_path, {**variables(drive), **hub.environment("workload")}) as agent:
            await agent.told("policy.batch_sealed", times=3)
            first = await sections(hub.folder, "vehicle_state", "rule_status", "spool", "link")
            found = {
                name: await call(hub.folder, name, payload)
                for name, payload in {
                    "status": None,
                    "latest": {"signals": ["Motion.*"]},
                    "flush": None,
                    "rules.test": {"rules": {"speed": SPEED, "never": NEVER}},
                }.items()
            }
            refused = await call(hub.folder, "rules.test", {"rules": {"speed": SPEED | {"signals": ["Gone"]}}})
            agent.terminate()
            assert await agent.ended() == 0
        last: Any = await reported(hub.folder)
    async with local_hub(tmp_path / "other-hub", ADDRESS) as hub:
        await desire(hub.folder, DESIRED)
        async with agent_process(tmp_path, {**variables(parked), **hub.environment("workload")}):
            again = await sections(hub.folder, "vehicle_state")

    [database] = first["databases"]
    assert database["sha256"] == hashlib.sha256(database_path().read_bytes()).hexdigest()[:12]
    assert first["link"]["connects"] == 1
    assert first["vehicle_state"].keys() == {
        "Body/DriverDoorOpen",
        "Body/PassengerDoorOpen",
        "Body/TailgateOpen",
        *(key for key in first["vehicle_state"] if key.endswith("/StateOfCharge")),
    }
    assert again["vehicle_state"] == last["vehicle_state"]
    assert last["rule_status"]["never"] == {"status": "silent", "kept": 0, "batches": 0}
    speed = last["rule_status"]["speed"]
    assert speed["status"] == "running"
    assert min(speed[each] for each in ("kept", "batches", "last_ms")) > 1

    for name, (status, answer) in found.items():
        assert status == 200, (name, answer)
        Draft202012Validator(SCHEMAS[f"{name}.answer"]).validate(answer)
    tried = found["rules.test"][1]["rules"]
    assert tried["speed"]["kept"] > 0
    assert tried["speed"]["bytes"] > 0
    assert (tried["never"]["samples"] > 0, tried["never"]["kept"]) == (True, 0)
    assert refused[0] == 400
    assert "rules.speed.signals[0]" in refused[1]["error"]

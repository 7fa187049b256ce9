"""A deployment from its template to a vehicle's first batches, as IoT Edge would do it.

The one difference: there is no container, so the folders that it would mount are looked for below another root, and a
recording stands for can0.
"""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from edge_agent.desk.vehicle import database_path
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.hub import LocalHub
from edge_agent.uplink.edge_environment import WORKLOAD
from tests.desk.manifests import hub as hub_desired
from tests.desk.manifests import project, telematics, template, twin
from tests.journey.line import (
    DEVICE,
    MODULE,
    agent_process,
    assert_numbered_without_gaps,
    command,
    delivered,
    desire,
    joined,
)
from tests.journey.recordings import recorded, write_drive

ADDRESS = "127.0.0.141"
SECONDS = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


def without_a_port(document: dict[str, Any]) -> None:
    telematics(document)["env"]["METRICS_PORT"]["value"] = "0"  # another test may have 9600


async def rendered(folder: Path) -> Path:
    """A manifest as it is handed to IoT Edge."""
    file, out = project(folder, template(without_a_port)), folder / "deployment.json"
    said = await command(
        *("manifest", str(file), "--var", "CONTAINER_REGISTRY=registry.example", "--out", str(out)),
        *("--dbc", str(database_path())),
        cwd=folder,
    )
    assert said == (0, "")
    return out


async def environment(manifest: Path, root: Path, hub: LocalHub) -> dict[str, str]:
    """As edgeAgent makes it of the manifest and of what the daemon says."""
    code, said = await command(
        *("manifest", str(manifest), "--environment", MODULE, "--root", str(root)),
        cwd=manifest.parent,
        variables=hub.environment("workload"),
    )
    assert code == 0, said
    words = [shlex.split(line) for line in said.splitlines()]
    assert {word for word, _ in words} == {"export"}
    return dict(pair.split("=", 1) for _, pair in words)


async def test_what_a_manifest_deploys_connects_through_the_workload_api_and_delivers_along_its_routes(
    tmp_path: Path,
) -> None:
    manifest = await rendered(tmp_path)
    document = json.loads(manifest.read_text())
    vehicle = tmp_path / "vehicle"
    dbc = vehicle / "srv" / "edge-agent" / "vehicle" / "vehicle.dbc"
    dbc.parent.mkdir(parents=True)
    shutil.copy(database_path(), dbc)
    drive = write_drive(tmp_path / "drive.log", seed=23, seconds=SECONDS)
    routes = [route["route"] for route in hub_desired(document)["routes"].values()]

    hub = LocalHub(tmp_path / "hub", address=ADDRESS, device=DEVICE, module=MODULE, routes=routes)
    await hub.start()
    try:
        await desire(hub.folder, twin(document))
        variables = await environment(manifest, vehicle, hub)
        assert set(WORKLOAD) < variables.keys()
        assert not re.search("key|connection", " ".join(variables), re.IGNORECASE)
        recording = {"REPLAY_LOG": str(drive), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path / "agent", variables | recording) as agent:
            assert await agent.ended() == 0, agent.text()
    finally:
        await hub.stop()

    arrived = delivered(hub.folder)
    samples = joined(arrived.payloads)
    assert_numbered_without_gaps(arrived.payloads)
    assert {arrival.properties["lane"] for arrival in read_arrivals(hub.arrivals_path)} == {"hot", "warm"}
    assert {rule for rule, _ in samples} == set(twin(document)["rules"])
    assert abs(len(samples["trip", "Motion.VehicleSpeed"]) - SECONDS) <= 1  # one a second
    (bus,) = cast("list[dict[str, object]]", arrived.payloads[-1].header["buses"])
    assert (bus["name"], bus["seen"]) == ("powertrain", sum(1 for _ in recorded(drive)))
    assert (vehicle / "srv" / "edge-agent" / "data" / "spool").is_dir()
    assert not (tmp_path / "agent" / "data").exists()

"""Rules that wait for a link that costs nothing, through the hub, while the agent runs."""

import asyncio
from pathlib import Path

import pytest

from edge_agent.localhub.arrivals import read_arrivals
from tests.journey.line import VEHICLE, agent_process, buses_variable, desire, document, local_hub, reported
from tests.journey.recordings import write_drive

ADDRESS = "127.0.0.118"
SPEED = {"kind": "periodic", "every_ms": 1000, "signals": ["Motion.VehicleSpeed"], "batch": {"max_age_s": 1}}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_batches_for_an_unmetered_link_wait_on_disk_and_go_within_seconds_once_there_is_one(
    tmp_path: Path,
) -> None:
    drive, link = write_drive(tmp_path / "drive.log", seed=5, seconds=40), tmp_path / "link.json"
    variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(drive), "LINK_FILE": str(link)}
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:

        def arrived(rule: str) -> int:
            return sum(each.properties["rule"] == rule for each in read_arrivals(hub.arrivals_path))

        async def until_arrived(rule: str, count: int, limit_s: float) -> None:
            async with asyncio.timeout(limit_s):
                while arrived(rule) < count:  # noqa: ASYNC110  there is no event for what a file says
                    await asyncio.sleep(0.1)

        await desire(hub.folder, document(now=SPEED, parked=SPEED | {"upload": "unmetered"}))
        async with agent_process(tmp_path, {**variables, **hub.environment("workload")}) as agent:
            await agent.told("uplink.unmetered_unknown")
            await until_arrived("now", 5, 30)
            assert arrived("parked") == 0

            link.write_text('{"metered": false}')
            await until_arrived("parked", 5, 20)
            async with asyncio.timeout(20):
                while (await reported(hub.folder))["link"]["said_by"] != "file":  # noqa: ASYNC110  likewise
                    await asyncio.sleep(0.1)

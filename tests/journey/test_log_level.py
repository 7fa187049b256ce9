"""A running agent is told through its twin to tell more, and then what its environment says again."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.journey.line import agent_process, desire, local_hub, reported

ADDRESS = "127.0.0.132"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def test_the_twin_says_from_which_level_on_events_are_told(tmp_path: Path) -> None:
    bus = {"name": "car", "interface": "virtual", "channel": "car"}
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        variables = {"BUSES": json.dumps([bus]), "RuntimeLogLevel": "info", **hub.environment("connection_string")}
        async with agent_process(tmp_path, variables) as agent:
            await agent.told("uplink.link_up")
            await desire(hub.folder, {"schema_version": 1, "log_level": "debug"})
            assert (await agent.told("app.log_level_changed"))["to"] == "debug"
            async with asyncio.timeout(20):
                said = {"level": "debug", "said_by": "twin"}
                while (await reported(hub.folder)).get("log_level") != said:  # noqa: ASYNC110  another process reports
                    await asyncio.sleep(0.2)
            await desire(hub.folder, {"log_level": None})
            changed = await agent.told("app.log_level_changed", times=2)
            assert (changed["to"], changed["said_by"]) == ("info", "environment")
            agent.terminate()
            assert await agent.ended() == 0
        assert (await reported(hub.folder))["log_level"] == {"level": "info", "said_by": "environment"}

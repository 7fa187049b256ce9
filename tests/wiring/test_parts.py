"""What is joined by a call alone, and would be missed by nobody: of the rest tests/journey would hear."""

import asyncio
import json
from pathlib import Path

from edge_agent.app import Agent
from edge_agent.desk.vehicle import database_path
from edge_agent.settings import BusSettings, load_settings
from edge_agent.wiring.parts import Parts
from edge_agent.wiring.source import catalog_of
from edge_agent.wiring.storage import spool_of
from tests.acquire.told import Told
from tests.observe.test_overview import RULES, recording
from tests.uplink.fakes import MemoryHub


async def test_what_is_sent_is_booked_and_what_is_acknowledged_is_timed(tmp_path: Path) -> None:
    recording(tmp_path / "drive.log")
    (tmp_path / "twin.json").write_text(json.dumps({"$version": 7, "schema_version": 1, "rules": RULES}))
    bus = BusSettings(name="car", interface="virtual", channel="car", dbc=(database_path(),))
    settings = load_settings(buses=(bus,), data_folder=tmp_path, replay_log=tmp_path / "drive.log", replay_speed=0)
    hub, told = MemoryHub(), Told()
    hub.desired = {"$version": 7, "schema_version": 1, "rules": RULES}
    spool = await spool_of(settings, told)
    parts = Parts(settings, catalog_of(settings, told), spool, hub, told, set_level=lambda _: None)
    agent = Agent(parts)
    async with asyncio.timeout(20):
        await agent.run(asyncio.Event())
    status = agent.status()

    assert status.delivered_batches == status.kept_batches == len(hub.arrived) > 0
    assert status.spent["blocks_per_day"] >= len(hub.arrived)
    assert status.spent["bytes_per_day"] == status.spent["bytes_per_month"] >= status.delivered_bytes
    assert sum(parts.latency.committed.counts) == status.kept_batches
    assert sum(parts.latency.acked.counts) == status.delivered_batches
    # Between a lease and its sending a driver's NO may come: who delivers asks whoever wipes.
    assert parts.delivery._withdrawn == spool.is_withdrawn

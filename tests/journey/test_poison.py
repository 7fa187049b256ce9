"""A replayed drive whose deliveries meet a batch that ends every connection."""

import asyncio
import json
from pathlib import Path

import pytest

from edge_agent.app import Agent
from edge_agent.desk.vehicle import database_path
from edge_agent.records import EnvelopeKey
from edge_agent.settings import BusSettings, load_settings
from tests.acquire.told import Told
from tests.observe.test_overview import recording
from tests.uplink.fakes import MemoryHub

RULES = {f"rule{number}": {"kind": "on_change", "signals": ["*"], "batch": {"max_age_s": 1}} for number in range(60)}
"""each makes two batches of the drive: enough that a few connections prove themselves"""


async def test_a_replay_ends_though_a_batch_waits_apart_which_stays_on_disk(tmp_path: Path) -> None:
    agent, told = await replayed(tmp_path, EnvelopeKey(1, 3))

    assert len(told.fields("uplink.batch_quarantined")) == 1
    assert_one_is_left(agent)


async def test_a_replay_ends_though_every_connection_dies_of_its_last_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.uplink.window.WORN_SENDS", 3)  # or it would take five minutes
    agent, told = await replayed(tmp_path, EnvelopeKey(1, 2 * len(RULES) - 1))

    assert told.fields("uplink.batch_quarantined") == []
    assert told.fields("app.drain_finished")[0]["spooled"] == 1
    assert_one_is_left(agent)


def assert_one_is_left(agent: Agent) -> None:
    assert agent.status().spooled_batches == 1
    assert agent.status().delivered_batches == agent.status().kept_batches - 1 > 0


async def replayed(tmp_path: Path, poison: EnvelopeKey) -> tuple[Agent, Told]:
    """After its end."""
    recording(tmp_path / "drive.log")
    (tmp_path / "twin.json").write_text(json.dumps({"$version": 7, "schema_version": 1, "rules": RULES}))
    hub, told = MemoryHub(), Told()
    hub.desired = {"$version": 7, "schema_version": 1, "rules": RULES}
    hub.poison = {poison}
    bus = BusSettings(name="car", interface="virtual", channel="car", dbc=(database_path(),))
    settings = load_settings(buses=(bus,), data_folder=tmp_path, replay_log=tmp_path / "drive.log", replay_speed=0)
    agent = await Agent.open(settings, hub, told)

    async with asyncio.timeout(15):
        await agent.run(asyncio.Event())
    return agent, told

"""The agent, opened and run as a process does it, is asked how it is."""

import asyncio
import json
from pathlib import Path

from edge_agent.app import Agent
from edge_agent.desk.replay import drive_frames
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.observe.health import Verdict
from edge_agent.settings import BusSettings, load_settings
from tests.acquire.told import Told
from tests.uplink.fakes import MemoryHub

DRIVE_S = 2.0
RULES = {"all": {"kind": "on_change", "signals": ["*"], "batch": {"max_age_s": 1}}}


def recording(path: Path) -> int:
    """A drive of the demonstration vehicle as candump writes it; how many frames."""
    frames = list(drive_frames(Vehicle(seed=1), DRIVE_S))
    lines = [f"({frame.t_ns / 1e9 + 1.7e9:.6f}) car {frame.can_id:03X}#{frame.data.hex().upper()}" for frame in frames]
    path.write_text("\n".join(lines) + "\n")
    return len(frames)


async def test_what_the_stages_have_done_is_told_together(tmp_path: Path) -> None:
    frames = recording(tmp_path / "drive.log")
    (tmp_path / "twin.json").write_text(json.dumps({"$version": 7, "schema_version": 1, "rules": RULES}))
    hub, told, stop = MemoryHub(), Told(), asyncio.Event()
    hub.unreachable = True
    bus = BusSettings(name="car", interface="virtual", channel="car", dbc=(database_path(),))
    agent = await Agent.open(
        load_settings(buses=(bus,), data_folder=tmp_path, replay_log=tmp_path / "drive.log", replay_speed=0), hub, told
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(agent.run(stop), name="agent")
        await told.heard("app.drain_started")
        await told.heard("policy.batch_sealed")
        stop.set()
    status, verdict = agent.status(), agent.health()

    assert (status.boot, status.config_version, status.link_up) == (1, 7, False)
    assert (status.buses["car"]["seen"], status.buses["car"]["decoded"]) == (frames, frames)
    assert status.samples >= status.kept_samples > 0
    assert (status.spooled_batches, status.delivered_batches) == (status.kept_batches, 0)
    assert verdict == Verdict(healthy=True, sentence="every stage makes progress; offline: what is kept waits on disk")

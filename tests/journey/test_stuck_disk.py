"""A stop while the disk hangs: what it did not take is counted, for the next start cannot know of it."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.app import Agent
from edge_agent.desk.vehicle import database_path
from edge_agent.disk import Disk
from edge_agent.settings import BusSettings, load_settings
from tests.acquire.told import Told
from tests.observe.test_overview import recording
from tests.uplink.fakes import MemoryHub

RULES = {f"rule{number}": {"kind": "on_change", "signals": ["*"], "batch": {"max_age_s": 1}} for number in range(12)}
"""each makes one batch of the drive, and one at the stop"""


async def test_a_drain_that_times_out_counts_what_the_disk_did_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, told, stop, goes_on = MemoryHub(), Told(), asyncio.Event(), threading.Event()
    hub.desired = {"$version": 7, "schema_version": 1, "rules": RULES}
    agent = await replaying(tmp_path, hub, told)
    monkeypatch.setattr(Disk, "fdatasync", hanging_in("spool", goes_on))
    running = asyncio.create_task(agent.run(stop), name="agent")
    await told.heard("policy.batch_sealed", times=len(RULES))
    stop.set()
    await told.heard("app.drain_timed_out")
    goes_on.set()
    async with asyncio.timeout(15):
        await running

    [fields] = told.fields("app.drain_timed_out")
    assert told.levels("app.drain_timed_out") == ["error"]
    assert (fields["count"], fields["reason"]) == (2 * len(RULES), "not_committed")


async def replaying(folder: Path, hub: MemoryHub, told: Told) -> Agent:
    recording(folder / "drive.log")
    (folder / "twin.json").write_text(json.dumps(hub.desired))
    bus = BusSettings(name="car", interface="virtual", channel="car", dbc=(database_path(),))
    settings = load_settings(
        buses=(bus,), data_folder=folder, replay_log=folder / "drive.log", replay_speed=0, drain_s=1
    )
    return await Agent.open(settings, hub, told)


def hanging_in(thread: str, goes_on: threading.Event) -> Callable[[Disk, int], None]:
    """`fdatasync`, as it is on a thread of such a name until it may go on."""
    fdatasync = Disk.fdatasync

    def hanging(disk: Disk, descriptor: int) -> None:
        if threading.current_thread().name.startswith(thread):
            goes_on.wait(15)
        fdatasync(disk, descriptor)

    return hanging

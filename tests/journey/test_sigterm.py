"""A stop is short, loses nothing, and leaves nothing behind."""

import asyncio
import re
import threading
import time
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from edge_agent.app import Agent
from edge_agent.desk.hub_process import HubProcess
from edge_agent.desk.replay import drive_frames, play
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.localhub.hub import LocalHub
from edge_agent.settings import BusSettings, load_settings
from edge_agent.uplink.iotedge import IotEdge
from tests.acquire.told import Told
from tests.journey.line import (
    EACH_SECOND,
    EVERYTHING,
    VEHICLE,
    agent_process,
    assert_numbered_without_gaps,
    assert_same,
    buses_variable,
    delivered,
    desire,
    document,
    eager,
    local_hub,
)
from tests.journey.oracle import kept, truth
from tests.journey.recordings import MOVING_S, recorded, write_drive
from tests.uplink.desk import set_environment

ADDRESS, LIVE_ADDRESS = "127.0.0.64", "127.0.0.65"
STOP_S = 8.0
"""Docker kills after 10 s"""
PROCESS_WIDE = re.compile(r"asyncio_\d+|(azure_iot_sdk_)?(pipeline|callback)|Thread-\d+ \(run_forever\)")
"""the loop's default pool; the SDK's executors (pipeline_thread.py) and handler loops (loop_management.py)"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


def variables(log: Path, hub: LocalHub, speed: float) -> dict[str, str]:
    environment = hub.environment("connection_string")
    return {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": str(speed)} | environment


@pytest.mark.parametrize("hub_is_there", [True, False], ids=["hub there", "hub away"])
async def test_sigterm_ends_a_running_agent_in_time_and_the_next_start_delivers_what_was_left(
    hub_is_there: bool, tmp_path: Path
) -> None:
    log = write_drive(tmp_path / "drive.log", seed=13, seconds=30)
    rules = document(everything=eager(EVERYTHING), each_second=eager(EACH_SECOND))
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, rules)
        async with agent_process(tmp_path, variables(log, hub, speed=1)) as agent:
            await agent.told("uplink.link_up")
            if not hub_is_there:
                await hub.stop()
            await agent.told("spool.batches_appended", times=3)
            began_s = time.monotonic()
            agent.terminate()
            assert await agent.ended(STOP_S) == 0, agent.text()
            took_s = time.monotonic() - began_s
            assert agent.events("acquire.log_ended") == []
            assert [alarm["event"] for alarm in agent.alarms()] == ([] if hub_is_there else ["uplink.link_down"])
            appended = agent.events("spool.batches_appended")[-1]["last_seq"]
    async with (
        local_hub(tmp_path / "hub", ADDRESS) as hub,
        agent_process(tmp_path, variables(log, hub, speed=0)) as agent,
    ):
        assert await agent.ended(60) == 0, agent.text()
    arrived = delivered(hub.folder)
    first = arrived.boot(1)
    (counts,) = cast("list[dict[str, int]]", first[-1].header["buses"])
    # A stop ends the last window early: what is kept is what the frames read so far give.
    wanted = kept(truth(islice(recorded(log), counts["seen"]), VEHICLE).samples)

    assert_numbered_without_gaps(first)
    assert_same(first, wanted)
    assert arrived.boot(1)[-1].seq == appended
    assert {payload.header["why"] for payload in arrived.boot(1)} == {"age", "stopped"}
    assert arrived.boot(2)[0].header["prev"] == {"boot": 1, "last_seq": appended}
    print(f"stopped in {took_s:.2f} s, {len(arrived.boot(1))} batches, {arrived.duplicates} came twice")  # noqa: T201


async def test_an_agent_on_a_live_bus_stops_in_time_and_leaves_no_task_and_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = HubProcess(tmp_path / "hub", LIVE_ADDRESS)
    await hub.start()
    try:
        set_environment(monkeypatch, hub.environment)
        await desire(tmp_path / "hub", document(everything=eager(EVERYTHING), each_second=eager(EACH_SECOND)))
        threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
        log = await driven_and_stopped(tmp_path)

        assert asyncio.all_tasks() == tasks
        assert left_over(threads) == []
        assert [line for line in log.lines if line[0] not in ("debug", "info")] == []
        await finished(tmp_path)
    finally:
        await hub.kill()
    arrived = delivered(tmp_path / "hub")
    assert_numbered_without_gaps(arrived.payloads)
    assert [payload.seq for payload in arrived.boot(1)][-1] == log.fields("spool.batches_appended")[-1]["last_seq"]


async def driven_and_stopped(home: Path) -> Told:
    """An agent in this process, a vehicle on its bus, and a stop in the middle."""
    log, stop, quit_playing = Told(), asyncio.Event(), threading.Event()
    agent = await opened(home, log)
    running = asyncio.create_task(agent.run(stop), name="agent")
    await log.heard("acquire.bus_opened")
    drive = drive_frames(Vehicle(17), 3600, begin_s=MOVING_S)
    playing = asyncio.create_task(
        play(drive, channel=str(home), speed=1, stop=quit_playing, sent=lambda _: None), name="play"
    )
    try:
        await log.heard("uplink.batch_acked", times=3)
        stop.set()
        async with asyncio.timeout(STOP_S):
            await running
    finally:
        quit_playing.set()
        await playing
    return log


async def finished(home: Path) -> None:
    """The next start, which delivers what the one before left."""
    log = Told()
    agent = await opened(home, log)
    running = asyncio.create_task(agent.run(asyncio.Event()), name="agent")
    await log.heard("uplink.link_up")
    agent.finish()
    async with asyncio.timeout(STOP_S):
        await running


async def opened(home: Path, log: Told) -> Agent:
    bus = BusSettings(name="car", interface="virtual", channel=str(home), dbc=(database_path(),))
    return await Agent.open(load_settings(buses=(bus,), data_folder=home / "data"), IotEdge(log), log)


def left_over(before: set[threading.Thread]) -> list[str]:
    """Threads that are neither the SDK's of a whole process, which it never ends, nor the loop's own pool."""
    named = {thread.name for thread in set(threading.enumerate()) - before}
    return sorted(name for name in named if not PROCESS_WIDE.fullmatch(name))

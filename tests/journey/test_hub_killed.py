"""The hub is killed in the middle of a drive and stays away: everything arrives all the same."""

import asyncio
import signal
from pathlib import Path

import pytest

from edge_agent.desk.hub_process import HubProcess
from tests.journey.line import (
    EACH_SECOND,
    EVERYTHING,
    VEHICLE,
    AgentProcess,
    agent_process,
    assert_numbered_without_gaps,
    assert_same,
    buses_variable,
    delivered,
    desire,
    document,
    eager,
)
from tests.journey.oracle import kept, truth
from tests.journey.recordings import recorded, write_drive

ADDRESS = "127.0.0.62"
OUTAGE_S = 20.0
DRIVE_S, SPEED = 128.0, 4
"""32 s in all: the outage begins and ends while the drive goes on"""


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_nothing_that_was_kept_is_lost_when_the_hub_is_killed_and_away_for_20_s(tmp_path: Path) -> None:
    log = write_drive(tmp_path / "drive.log", seed=7, seconds=DRIVE_S)
    hub = HubProcess(tmp_path / "hub", ADDRESS)
    await hub.start()
    try:
        await desire(tmp_path / "hub", document(everything=eager(EVERYTHING), each_second=eager(EACH_SECOND)))
        variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": str(SPEED)}
        async with agent_process(tmp_path, variables | hub.environment) as agent:
            await agent.told("uplink.batch_acked", times=5)
            await frozen_and_killed(hub, agent)
            before = len(delivered(tmp_path / "hub").payloads)
            await asyncio.sleep(OUTAGE_S)
            assert agent.events("acquire.log_ended") == [], "the outage was to be in the middle of the drive"
            await hub.start()
            assert await agent.ended(90) == 0
            alarms = agent.alarms()
    finally:
        await hub.kill()
    arrived = delivered(tmp_path / "hub")
    expected = kept(truth(recorded(log), VEHICLE).samples)

    assert_numbered_without_gaps(arrived.payloads)
    assert_same(arrived.payloads, expected)
    assert {alarm["event"] for alarm in alarms} == {"uplink.link_down"}
    print(  # noqa: T201
        f"{len(arrived.payloads)} batches, {before} of them before the kill; {arrived.duplicates} came twice; "
        f"{sum(payload.kept for payload in arrived.payloads)} samples"
    )


async def frozen_and_killed(hub: HubProcess, agent: AgentProcess) -> None:
    """A hub that stands still first, so that batches are on their way when it is killed."""
    assert hub._process is not None
    hub._process.send_signal(signal.SIGSTOP)
    appended = len(agent.events("spool.batches_appended"))
    await agent.told("spool.batches_appended", times=appended + 2)
    await hub.kill()

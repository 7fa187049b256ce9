"""The agent is killed at any moment and started again: what was committed arrives, each batch under its own number."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from edge_agent.localhub.hub import LocalHub
from tests.journey.line import (
    EACH_SECOND,
    EVERYTHING,
    VEHICLE,
    AgentProcess,
    agent_process,
    assert_numbered_without_gaps,
    assert_prefix,
    assert_same,
    buses_variable,
    delivered,
    desire,
    document,
    eager,
    local_hub,
)
from tests.journey.oracle import Expected, kept, truth
from tests.journey.recordings import recorded, write_drive

ADDRESS = "127.0.0.63"
DRIVE_S, SPEED = 48.0, 8

Wanted = Mapping[tuple[str, str], Sequence[Expected]]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drive(tmp_path_factory.mktemp("drive") / "drive.log", seed=11, seconds=DRIVE_S)


@pytest.fixture(scope="module")
def wanted(log: Path) -> Wanted:
    return kept(truth(recorded(log), VEHICLE).samples)


def variables(log: Path, hub: LocalHub, speed: float) -> dict[str, str]:
    environment = hub.environment("connection_string")
    # Commits are small and frequent, so that the moments of a kill are many.
    commits = {"COMMIT_S": "0.2", "COMMIT_BYTES": "2000"}
    return (
        {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": str(speed)} | commits | environment
    )


def committed(agent: AgentProcess) -> int:
    """The highest number of which it has said that it is on disk."""
    return max(int(str(event["last_seq"])) for event in agent.events("spool.batches_appended"))


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_was_committed_while_the_hub_was_away_outlives_a_kill(
    seed: int, tmp_path: Path, log: Path, wanted: Wanted
) -> None:
    moment = random.Random(seed)  # noqa: S311
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=eager(EVERYTHING), each_second=eager(EACH_SECOND)))
        async with agent_process(tmp_path, variables(log, hub, SPEED)) as agent:
            await agent.told("twin.document_applied")
            await hub.stop()
            await agent.told("spool.batches_appended", times=moment.randint(1, 10))
            await asyncio.sleep(moment.random() * 0.5)
            await agent.kill()
    await assert_started_again(tmp_path, log, wanted, at_least=committed(agent))


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("seed", [4, 5, 6])
async def test_what_was_committed_outlives_a_kill_while_it_is_delivered(
    seed: int, tmp_path: Path, log: Path, wanted: Wanted
) -> None:
    moment = random.Random(seed)  # noqa: S311
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=eager(EVERYTHING), each_second=eager(EACH_SECOND)))
        # A slow road: some batches are on their way at any moment, others wait behind them.
        hub.ack_delay_s = 0.3
        async with agent_process(tmp_path, variables(log, hub, SPEED)) as agent:
            await agent.told("uplink.batch_acked", times=moment.randint(1, 10))
            await asyncio.sleep(moment.random() * 0.5)
            await agent.kill()
    await assert_started_again(tmp_path, log, wanted, at_least=committed(agent))


async def assert_started_again(home: Path, log: Path, wanted: Wanted, *, at_least: int) -> None:
    """The second start delivers what the first left behind, says where that ended, and loses nothing of its own."""
    async with local_hub(home / "hub", ADDRESS) as hub, agent_process(home, variables(log, hub, speed=0)) as agent:
        assert await agent.ended(60) == 0, agent.text()
        assert agent.alarms() == []
    arrived = delivered(hub.folder)
    first, second = arrived.boot(1), arrived.boot(2)

    assert {payload.boot for payload in arrived.payloads} == {1, 2}
    assert_prefix(first, wanted)
    assert first[-1].seq >= at_least
    for payload in second:
        assert payload.header["prev"] == {"boot": 1, "last_seq": first[-1].seq}
        assert payload.header["evicted"] == []
    assert_numbered_without_gaps(second)
    assert_same(second, wanted)
    print(f"{len(first)} batches of the first boot, {at_least + 1} known as committed; {arrived.duplicates} came twice")  # noqa: T201

"""A recorded drive with nanoseconds in its times, through the whole line to the cloud's side."""

import re
from pathlib import Path

import pytest

from tests.journey.line import (
    EACH_SECOND,
    EVERYTHING,
    agent_process,
    assert_same,
    buses_variable,
    delivered,
    desire,
    document,
    local_hub,
)
from tests.journey.oracle import Bus, kept, truth
from tests.journey.recordings import DATA, LOGS, recorded

ADDRESS = "127.0.0.78"
FOLDER = LOGS / "toyota_auris"
BUSES = (Bus("car", None, (FOLDER / "toyota_new_mc_pt_generated.dbc",)),)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOGS.is_dir(), reason=f"NO RECORDED DRIVE WAS TESTED: {DATA} is missing"),
]


def with_nanoseconds(source: Path, path: Path) -> Path:
    """The candump log with three more digits in each time: 19 in all."""
    lines = source.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(re.sub(r"\.(\d{6})\)", rf".\g<1>{number * 379 % 1000:03d})", line) for number, line in enumerate(lines))
    )
    return path


@pytest.mark.timeout(60)
async def test_every_sample_of_a_drive_recorded_to_the_nanosecond_arrives_with_all_of_its_time(tmp_path: Path) -> None:
    drive = with_nanoseconds(FOLDER / "accel.log", tmp_path / "drive.log")
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=EVERYTHING, each_second=EACH_SECOND))
        variables = {"BUSES": buses_variable(BUSES), "REPLAY_LOG": str(drive), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            assert await agent.ended(40) == 0, agent.text()
    expected = truth(recorded(drive), BUSES).samples

    assert any(sample.t_ns % 1000 for series in expected.values() for sample in series)
    assert_same(delivered(hub.folder).payloads, kept(expected))

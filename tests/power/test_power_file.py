"""What a power manager reads."""

import json
from pathlib import Path

from edge_agent.power.power_file import PowerFile
from edge_agent.power.quiet import PowerState
from tests.acquire.told import Told


async def test_it_says_the_state_and_since_when_and_each_word_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "power.json"
    file = PowerFile(path, Told())
    for n, state in enumerate(PowerState):
        await file.write(state, 1_800_000_000_000 + n)
        assert json.loads(path.read_text()) == {"state": state.value, "since_ms": 1_800_000_000_000 + n}


async def test_a_disk_that_does_not_take_it_is_told_and_the_old_word_stands(tmp_path: Path) -> None:
    told = Told()
    await PowerFile(tmp_path / "gone" / "power.json", told).write(PowerState.QUIET, 1)
    assert [(level, name) for level, name, _ in told.lines] == [("warning", "app.power_not_kept")]

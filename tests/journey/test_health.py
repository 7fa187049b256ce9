"""Agents as processes, each with a stage that stops for ever, asked by `edge-agent health` as HEALTHCHECK does."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHIN_S = 60.0
"""from the last moment at which the stage worked"""
WELL_S = 13.0
ASK_EVERY_S = 3.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(170)]


async def health(folder: Path) -> tuple[int, str]:
    """Exit code and sentence."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge_agent", "health"),
        cwd=ROOT,
        env={"DATA_FOLDER": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip()


async def verdicts(what: str, folder: Path) -> list[tuple[float, int, str]]:
    """When it was asked, and what it said: from its first word that it is well to the first that it is not."""
    loop = asyncio.get_running_loop()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.journey.wedged_child", what, str(folder)),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    found: list[tuple[float, int, str]] = []
    try:
        async with asyncio.timeout(60):
            while (await health(folder))[0]:  # noqa: ASYNC110  the writer is another process
                await asyncio.sleep(ASK_EVERY_S)
        began_s = loop.time()
        while loop.time() < began_s + WELL_S + WITHIN_S and not (found and found[-1][1]):
            found.append((loop.time() - began_s, *await health(folder)))
            await asyncio.sleep(ASK_EVERY_S)
        assert child.returncode is None
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    return found


async def test_a_wedged_stage_is_unhealthy_within_a_minute_and_an_offline_link_never(tmp_path: Path) -> None:
    # Six processes of their own, each for a minute.
    faults = ("acquire", "loop", "spool", "uplink", "offline", "none")
    async with asyncio.TaskGroup() as group:
        tasks = {what: group.create_task(verdicts(what, tmp_path / what), name=what) for what in faults}
    found = {what: task.result() for what, task in tasks.items()}

    for what in ("offline", "none"):
        assert [code for _, code, _ in found[what]] == [0] * len(found[what]), found[what]
        assert found[what][-1][0] > WITHIN_S
    assert "offline" in found["offline"][-1][2]
    for what in ("acquire", "spool", "uplink"):
        assert found[what][0][1] == 0
        assert found[what][-1][1:][0] == 1, found[what]
        assert found[what][-1][2].startswith(f"unhealthy: {what} stands still for "), found[what]
    assert found["loop"][-1][1:] == (1, "unhealthy: the agent does not answer within 3 s")

"""The real socket, from both of its ends."""

import asyncio
import os
import time
from pathlib import Path

from edge_agent.observe.health import Verdict
from edge_agent.observe.health_answer import health_answered
from edge_agent.observe.health_probe import asked
from tests.acquire.told import Told

WELL = Verdict(healthy=True, sentence="every stage makes progress")


async def test_whoever_asks_is_told_the_verdict_of_that_moment(tmp_path: Path) -> None:
    verdicts = [WELL, Verdict(healthy=False, sentence="spool stands still for 31 s: sealed batches wait")]
    left = list(verdicts)
    async with health_answered(tmp_path, lambda: left.pop(0), Told()):
        found = [await asyncio.to_thread(asked, tmp_path), await asyncio.to_thread(asked, tmp_path)]

    assert found == verdicts


async def test_a_loop_that_is_stuck_does_not_answer_and_that_is_an_answer(tmp_path: Path) -> None:
    async with health_answered(tmp_path, lambda: WELL, Told()):
        asking = asyncio.get_running_loop().run_in_executor(None, asked, tmp_path, 0.2)
        time.sleep(0.5)  # noqa: ASYNC251  this is what is tested
        verdict = await asking

    assert verdict == Verdict(healthy=False, sentence="the agent does not answer within 0.2 s")


async def test_a_second_agent_on_a_folder_is_told_of_and_stops_nothing(tmp_path: Path) -> None:
    told = Told()
    async with health_answered(tmp_path, lambda: WELL, told), health_answered(tmp_path, lambda: WELL, told):
        assert (await asyncio.to_thread(asked, tmp_path)).healthy

    [fields] = told.fields("app.health_not_answered")
    assert "in use" in str(fields["reason"])


async def test_nothing_is_left_on_disk_and_the_next_agent_answers_again(tmp_path: Path) -> None:
    for _ in range(2):
        async with health_answered(tmp_path, lambda: WELL, Told()):
            assert (await asyncio.to_thread(asked, tmp_path)).healthy
    assert os.listdir(tmp_path) == []  # noqa: PTH208  an async function

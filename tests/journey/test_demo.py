"""The first command somebody types."""

import asyncio
import os
import re
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.desk.demo_broker import PATHS
from edge_agent.desk.vehicle import database_path
from tests.journey.line import command, delivered
from tests.journey.recordings import DATA, LOGS

ADDRESS = "127.0.0.68"
AURIS = LOGS / "toyota_auris"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


def count_of(said: str, row: str) -> int:
    match = re.search(rf"^  {row} +([\d,]+)", said, re.MULTILINE)
    assert match, said
    return int(match[1].replace(",", ""))


async def test_the_demo_survives_its_outage_and_says_that_nothing_was_lost(tmp_path: Path) -> None:
    # A hub that is back after 20 s is found within 7.5 s; the rule that was changed has 8 s left to keep something.
    arguments = ("--seconds", "36", "--outage", "2", "--address", ADDRESS, "--folder", "desk")
    code, said = await command("demo", *arguments, cwd=tmp_path, within_s=80)

    assert code == 0, said
    assert "nothing was lost" in said
    assert "Traceback" not in said
    arrived = delivered(tmp_path / "desk" / "hub")
    assert count_of(said, "samples delivered") == sum(payload.kept for payload in arrived.payloads) > 0
    assert count_of(said, "frames on the bus") > 36 * 400
    assert {payload.rule for payload in arrived.payloads} == {"trip", "dynamics", "body", "cells"}


@pytest.mark.skipif(shutil.which("mosquitto", path=PATHS) is None, reason="mosquitto is needed")
async def test_the_demo_shows_the_head_unit_a_meeting_and_a_call(tmp_path: Path) -> None:
    arguments = ("--seconds", "24", "--outage", "2", "--address", ADDRESS, "--folder", "desk")
    code, said = await command("demo", *arguments, cwd=tmp_path, within_s=80)

    assert code == 0, said
    assert re.search(r"the head unit's page: http://127\.0\.0\.1:\d+/\?launch=\S+", said)
    order = [
        "has allowed calendar and trips",
        "a meeting came through the twin",
        "no title",
        "the phone would call tel:",
    ]
    places = [said.find(words) for words in order]
    assert -1 not in places, said
    assert places == sorted(places)
    log = (tmp_path / "desk" / "cabin.log").read_text()
    assert "Fleet review" not in log
    assert "+4930" not in log


@pytest.mark.skipif(not AURIS.is_dir(), reason=f"no recorded drive: {DATA} is missing")
async def test_the_demo_plays_a_recording_of_somebody_s_own(tmp_path: Path) -> None:
    recording = ("--log", str(AURIS / "ignition.log"), "--dbc", str(AURIS / "toyota_new_mc_pt_generated.dbc"))
    arguments = ("--seconds", "8", "--outage", "2", "--address", ADDRESS)
    code, said = await command("demo", *recording, *arguments, cwd=tmp_path, within_s=60)

    assert code == 0, said
    assert "nothing was lost" in said
    assert count_of(said, "frames on the bus") == 5359
    assert os.listdir(tmp_path) == [], "without --folder it leaves nothing behind"  # noqa: PTH208


async def test_a_recording_without_its_database_is_asked_for_it(tmp_path: Path) -> None:
    code, said = await command("demo", "--log", "drive.log", "--address", ADDRESS, cwd=tmp_path)

    assert code == 1
    assert said == "error: --dbc: a recording needs its database file\n"


async def test_a_recording_that_is_missing_ends_the_demo_with_its_name(tmp_path: Path) -> None:
    recording = ("--log", "a.log", "--dbc", str(database_path()))
    code, said = await command("demo", *recording, "--address", ADDRESS, cwd=tmp_path)

    assert code == 1
    assert said == "error: a.log: No such file or directory\n"


async def test_a_hub_address_that_is_taken_ends_the_demo_with_a_sentence(tmp_path: Path) -> None:
    code, said = await command("demo", "--address", "203.0.113.1", cwd=tmp_path)

    assert code == 1
    place = "203.0.113.1:8883 is no address of this machine"
    assert said == f"error: the local hub cannot start: {place}; give --address 127.0.0.1\n"


async def test_a_demo_that_is_terminated_leaves_neither_files_nor_processes(tmp_path: Path) -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge_agent", "demo", "--address", ADDRESS),
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert demo.stdout is not None
    left = False
    try:
        async with asyncio.timeout(60):
            while b"the drive begins" not in (line := await demo.stdout.readline()):
                assert line, "it ended before"
            assert len(os.listdir(tmp_path)) == 1  # noqa: PTH208  nothing else runs
            demo.terminate()
            said, _ = await demo.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(demo.pid, 0)
            left = True
            os.killpg(demo.pid, signal.SIGKILL)

    assert not left, "a process of it lives on"
    assert demo.returncode == 128 + signal.SIGTERM
    assert re.search(r"^stopped; frames [\d,]+, delivered \d+ of \d+ batches\n\Z", said.decode(), re.MULTILINE), said
    assert os.listdir(tmp_path) == []  # noqa: PTH208

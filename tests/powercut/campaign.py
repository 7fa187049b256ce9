"""Lives of one disk: each ends by a power cut at a random moment but the last, in which everything is delivered."""

import asyncio
import json
import os
import random
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from edge_agent.desk.vehicle import database_path
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import Arrival, read_arrivals
from edge_agent.localhub.hub import LocalHub
from tests.agent_log import events_in
from tests.journey.line import DEVICE, MODULE, document
from tests.journey.recordings import write_drive
from tests.powercut.count import Life
from tests.powercut.machine import copy_out, faults_of_disk, make_disk, powered

ROOT = Path(__file__).parents[2]
ADDRESS = "127.0.0.74"
DISK_BYTES = 256 << 20
CAP_BYTES = 64 << 20
"""never reached, also where the machine is too slow for the hub: what goes at the cap is lost as agreed"""
LOOK_S = 0.002
"""less than an opening takes"""
BOOT_S = 120.0
"""within which an agent must be running on a slow machine"""
DELIVERED_S = 400.0
"""within which the last life must have delivered everything"""
STOP_S = 30.0
STARTS = 5
"""how many are timed on the machine outside"""

RULES = document(
    now={"kind": "on_change", "signals": ["*"], "priority": 1, "lane": "hot", "batch": {"max_age_s": 0.3}},
    trend={"kind": "periodic", "every_ms": 200, "signals": ["*"], "priority": 4, "batch": {"max_age_s": 0.5}},
    all={"kind": "on_change", "signals": ["*"], "priority": 8, "time_unit": "us", "batch": {"max_age_s": 0.4}},
)
"""some ten batches a second on three priorities, of both lanes"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done; the same seed makes the same choices, not the same moments."""

    cuts: int
    seed: int
    unflushed: bool = False


class When(Enum):
    """In what of the agent's life the power goes."""

    STARTING = "while the agent starts"
    OPENING = "while the spool opens"
    RUNNING = "under load"
    DELIVERING = "while it delivers"


SIGNS = {
    When.STARTING: ("", 3.0),
    When.OPENING: ("decode.database_loaded", 0.06),
    When.RUNNING: ("app.agent_started", 6.0),
    When.DELIVERING: ("uplink.link_up", 3.0),
}
"""the power goes this many seconds at most after the event was told, or after the process was begun"""


class Campaign:
    """All lives of one disk image in a folder."""

    def __init__(self, folder: Path, plan: Plan, say: Callable[[str], None]) -> None:
        self.lives: list[Life] = []
        self.starts_outside_s: list[float] = []
        self._plan, self._say = plan, say
        self._image, self._station = folder / "disk.ext4", folder
        self._random = random.Random(plan.seed)  # noqa: S311  of moments, not of secrets

    async def run(self) -> None:
        """All cuts, then one life without a load until everything is delivered; no more once a life went wrong."""
        await self._prepare()
        for number in range(1, self._plan.cuts + 1):
            await self._live(number)
            if self.lives[-1].ended:
                return
        await self._start_outside()
        await self._end(self._plan.cuts + 1)

    def arrivals(self) -> Iterator[Arrival]:
        """What the hub took, in all lives."""
        return read_arrivals(self._station / "hub" / "arrived.jsonl")

    async def _prepare(self) -> None:
        await make_disk(self._image, DISK_BYTES)
        write_drive(self._station / "drive.log", seed=self._plan.seed, seconds=60)
        hub = LocalHub(self._station / "hub", ADDRESS, DEVICE, MODULE)
        await hub.start()
        try:
            await asyncio.to_thread(AdminClient(self._station / "hub").patch_desired, DEVICE, MODULE, json.dumps(RULES))
            self._identity = hub.environment("connection_string")
        finally:
            await hub.stop()

    async def _live(self, number: int) -> None:
        first = number == 1  # its agent must be told the rules once
        when = When.RUNNING if first else self._random.choices(list(When), weights=(1, 2, 4, 3))[0]
        turns = [0.0, 2 * BOOT_S] if first or when is When.DELIVERING else self._turns()
        self._write_plan(number, turns, load=str(self._station / "drive.log"))
        async with powered(self._image, self._station):
            late = await self._moment(number, when)
        life = self._read(number)
        life = replace(life, ended=life.ended or late)
        self.lives.append(life)
        self._tell(life, when)

    def _turns(self) -> list[float]:
        """Seconds that the hub is away, there, away, there; its start takes some of those that it is there."""
        away, there = (0, 3), (3, 9)
        return [self._random.uniform(*span) for span in (away, there, away, there, away, there)]

    async def _moment(self, number: int, when: When) -> str:
        """Until the power is to go; what did not happen before that, if anything."""
        began, said, ended = (self._station / f"{number}.{name}" for name in ("started", "jsonl", "ended"))
        sign, span_s = SIGNS[when]
        if number == 1:
            sign = "spool.batches_appended"
        try:
            await _reached(lambda: ended.exists() or (began.exists() and sign.encode() in _content(said)))
        except TimeoutError:
            return f"no {sign} within {BOOT_S:g} s"
        await asyncio.sleep(self._random.uniform(0, span_s))
        return ""

    async def _start_outside(self) -> None:
        """Time whole starts on the machine outside, which is as fast as machines are, on what the last cut left."""
        copy = self._station / "outside"
        copy.mkdir()
        await copy_out(self._image, "agent", copy)
        variables = {**self._variables(interface="virtual"), "DATA_FOLDER": str(copy / "agent")}
        self.starts_outside_s = [await _start_s(copy / f"{number}.jsonl", variables) for number in range(STARTS)]

    async def _end(self, number: int) -> None:
        self._write_plan(number, [0.0, 10 * DELIVERED_S], load="none")
        async with powered(self._image, self._station) as machine:
            try:
                await _reached(lambda: _all_delivered(self._read(number)), DELIVERED_S, 0.2)
                (self._station / "stop").touch()
                async with asyncio.timeout(STOP_S):
                    await machine.wait()
            except TimeoutError:
                self._say("not everything was delivered in time, or the machine did not go off")
        faults = await faults_of_disk(self._image)
        life = self._read(number)
        self.lives.append(Life(number, life.events, life.started_s, _last_end(life.ended, faults)))

    def _write_plan(self, number: int, turns: list[float], load: str) -> None:
        variables = {
            **self._variables(interface="socketcan"),
            "ROOT": str(ROOT),
            "PYTHON": sys.executable,
            "AGENT": "tests.powercut.unflushed" if self._plan.unflushed else "edge_agent",
            "ADDRESS": ADDRESS,
            "LIFE": str(number),
            "LOAD": load,
            "HUB_TURNS": " ".join(f"{seconds:g}" for seconds in turns),
        }
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        (self._station / "plan").write_text("".join(lines))

    def _variables(self, interface: str) -> dict[str, str]:
        """The agent's environment."""
        bus = {"name": "car", "interface": interface, "channel": "vcan0", "dbc": [str(database_path())]}
        return {
            "BUSES": json.dumps([bus]),
            "DATA_FOLDER": "/run/data/agent",
            "SPOOL_CAP_BYTES": str(CAP_BYTES),
            "COMMIT_S": "0.2",
            "RuntimeLogLevel": "debug",
            **self._identity,
        }

    def _read(self, number: int) -> Life:
        started, ended = (_content(self._station / f"{number}.{name}").decode() for name in ("started", "ended"))
        events = tuple(events_in(_content(self._station / f"{number}.jsonl").decode(errors="replace")))
        said = _content(self._station / f"{number}.err").decode().strip()[-300:]
        return Life(number, events, float(started) if started else None, f"{ended}: {said}" if ended else "")

    def _tell(self, life: Life, when: When) -> None:
        opened = next(life.told("spool.opened"), {"pending": "?"})
        appended = sum(1 for _ in life.told("spool.batches_appended"))
        acked = sum(1 for _ in life.told("uplink.batch_acked"))
        boot = "no boot" if life.boot is None else f"boot {life.boot}, {opened['pending']} waited"
        seconds = "" if life.opening_s is None else f", recovered in {life.opening_s:.3f} s"
        done = f"{appended} appends, {acked} delivered"
        self._say(f"cut {life.number}/{self._plan.cuts} {when.value}: {boot}{seconds}; {done}")


async def _reached(reached: Callable[[], bool], within_s: float = BOOT_S, look_s: float = LOOK_S) -> None:
    """Wait for what a file shows. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not reached():  # noqa: ASYNC110  the writer is in another machine
            await asyncio.sleep(look_s)


async def _start_s(said: Path, variables: Mapping[str, str]) -> float:
    """Seconds from the begin of an agent's process to its word that it runs; then it is killed."""
    began_s = time.monotonic()
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge_agent", "run"), env={**os.environ, **variables}, cwd=ROOT, stdout=out
        )
    try:
        await _reached(lambda: b'"app.agent_started"' in _content(said))
        return time.monotonic() - began_s
    finally:
        process.kill()
        await process.wait()


def _all_delivered(life: Life) -> bool:
    opened = next(life.told("spool.opened"), None)
    return opened is not None and opened["pending"] == sum(1 for _ in life.told("uplink.batch_acked"))


def _last_end(ended: str, faults: str) -> str:
    """What is wrong with the end of the last life: it must have left in order, and the disk too."""
    left = "" if ended.startswith("0:") else f"did not leave in order: {ended or 'the power was cut'}"
    return "; ".join(filter(None, (left, faults)))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""

"""A line under load, and a hub that is made to fail: one fault after another, each with what came of it."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edge_agent.desk.hub_process import HubProcess
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.records import EnvelopeKey
from edge_agent.uplink.deliver import UNREACHABLE
from edge_agent.uplink.iotedge import IotEdge
from edge_agent.uplink.quarantine import PATIENCE
from tests.soak.battery import HURRIED_HEALTHY_S, HURRIED_PATIENCE, Trial, trials
from tests.soak.count import Arrived, Course, Tried, grown
from tests.soak.hasty import HastyUplink
from tests.soak.line import DEVICE, MODULE, Line, Said, digest
from tests.soak.vitals import Vitals, vitals
from tests.uplink.fakes import Recorder

ADDRESS = "127.0.0.111"
WARM_UP_S = 5.0
GIVE_UP_S = 90.0
"""A recovery that takes longer is none."""
DRAIN_S = 300.0
REST_S = 25.0
"""A client that waits for a CONNACK ends when paho gives up, after the keep-alive of 20 s."""
HURRIED_BELOW_S = 300.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and which dice."""

    minutes: float
    seed: int
    hasty: bool = False
    """the reverse, see `hasty.py`"""

    @property
    def hurried(self) -> bool:
        """Whether there is time for each fault once only."""
        return self.minutes * 60 < HURRIED_BELOW_S


class Campaign:
    """Run once; everything is left in the folder."""

    def __init__(self, folder: Path, plan: Plan, say: Say) -> None:
        self._folder = folder
        self._plan = plan
        self._say = say
        self._admin = AdminClient(folder / "hub")
        # One thread of its own: those of the loop's executor come when they are needed, and are counted.
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="admin")
        self._inbox = Recorder()

    async def run(self) -> Course:
        """The faults, then a drain. Raises what the line raises."""
        hub = HubProcess(self._folder / "hub", ADDRESS)
        await hub.start()
        os.environ.update(hub.environment)
        try:
            with (self._folder / "alarms.txt").open("w") as out:
                return await self._run(Said(out))
        finally:
            await hub.kill()
            self._asking.shutdown()

    def arrived(self) -> Iterator[Arrived]:
        """What the hub took."""
        for one in read_arrivals(self._folder / "hub" / "arrived.jsonl"):
            key = EnvelopeKey(int(one.properties["boot"]), int(one.properties["seq"]))
            yield Arrived(one.at_ms, one.device, key, digest(one.body))

    async def _run(self, log: Said) -> Course:
        healthy_s, patience = UNREACHABLE.healthy_s, PATIENCE
        if self._plan.hurried:
            healthy_s, patience = HURRIED_HEALTHY_S, HURRIED_PATIENCE
        uplink = HastyUplink(IotEdge(log)) if self._plan.hasty else IotEdge(log)
        line = await Line.open(self._folder, uplink, self._inbox, log, healthy_s=healthy_s, patience=patience)
        enough, stop = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(line.run(enough, stop), name="line")
            await asyncio.sleep(WARM_UP_S)
            start = vitals()
            tried = await self._trials(line)
            enough.set()
            drained = await self._drained(line)
            end = await _rested(start)
            stop.set()
        counts = line.delivery.counts
        return Course(
            tried,
            start=start,
            end=end,
            drained=drained,
            alarms=log.alarms,
            sessions=counts.sessions,
            uncertain=counts.uncertain,
            hurried=self._plan.hurried,
        )

    async def _trials(self, line: Line) -> list[Tried]:
        until_s = time.monotonic() + self._plan.minutes * 60
        tried: list[Tried] = []
        for trial in trials(self._plan.seed, hurried=self._plan.hurried):
            if not self._plan.hurried and time.monotonic() > until_s:
                break
            tried.append(one := await self._try(line, trial, len(tried) + 1))
            self._say(
                f"{len(tried):3} {one.name:32} {one.lasted_s:4.1f} s, recovered in {one.recovery_s:4.1f} s, "
                f"heard in {one.heard_s:4.1f} s; {line.spool.kept} kept, {line.waiting} wait, "
                f"{line.delivery.counts.uncertain} uncertain; {one.vitals.threads} threads, "
                f"{one.vitals.descriptors} descriptors, {one.vitals.resident_mb:.0f} MB"
            )
        return tried

    async def _try(self, line: Line, trial: Trial, number: int) -> Tried:
        fault, clock = trial.fault, asyncio.get_running_loop().time
        begun_ms, sessions = time.time_ns() // 1_000_000, line.delivery.counts.sessions
        await self._ask(lambda: self._admin.turn(json.dumps(fault.knobs)))
        if fault.drop:
            await self._ask(self._admin.drop)
        await asyncio.sleep(trial.lasts_s)
        await self._ask(lambda: self._admin.turn(json.dumps(dict.fromkeys(fault.knobs))))
        ended_s = clock()
        await self._ask(lambda: self._admin.patch_desired(DEVICE, MODULE, json.dumps({"after": number})))
        recovery_s = await _after(ended_s, lambda: line.spool.acked_s > ended_s)
        heard_s = await _after(ended_s, lambda: self._heard() == number)
        made = line.delivery.counts.sessions - sessions
        await asyncio.sleep(trial.healthy_s)
        return Tried(fault.name, begun_ms, trial.lasts_s, recovery_s, heard_s, made, vitals())

    def _heard(self) -> object:
        """The latest number in the twin, by a patch or by a whole document."""
        documents = (one["desired"] for one in self._inbox.documents[-1:])
        told = [one for one in (*documents, *self._inbox.patches[-1:]) if isinstance(one, dict)]
        return max((one.get("after", 0) for one in told), default=0)

    async def _drained(self, line: Line) -> bool:
        try:
            async with asyncio.timeout(DRAIN_S):
                await line.emptied()
        except TimeoutError:
            return False
        return True

    async def _ask(self, question: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._asking, question)


async def _rested(start: Vitals) -> Vitals:
    """When nothing has grown, or when it had the time not to."""
    clock = asyncio.get_running_loop().time
    until_s = clock() + REST_S
    while grown(start, now := vitals()) and clock() < until_s:  # noqa: ASYNC110  a thread that ends tells nobody
        await asyncio.sleep(0.5)
    return now


async def _after(ended_s: float, reached: Callable[[], bool]) -> float:
    """Seconds since then when it is reached; without end where it is not."""
    clock = asyncio.get_running_loop().time
    while not reached():
        if clock() > ended_s + GIVE_UP_S:
            return float("inf")
        await asyncio.sleep(0.02)
    return clock() - ended_s

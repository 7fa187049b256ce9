"""The line as it is deployed: the agent as a process that knows its environment only, and the hub it delivers to."""

import asyncio
import gzip
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from edge_agent.desk.vehicle import database_path
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.hub import LocalHub
from edge_agent.spool.reading import Payload, ReadSample, read_payloads
from tests.agent_log import events_in
from tests.journey.oracle import SECOND_NS, Bus, Expected

DEVICE, MODULE = "demo-vehicle", "telematics"
NEEDED = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
"""of this process's environment; the rest would be an accident"""

EVERYTHING = {"kind": "on_change", "signals": ["*"], "time_unit": "ns"}
EACH_SECOND = {"kind": "periodic", "every_ms": 1000, "signals": ["*"], "time_unit": "ns"}

VEHICLE = (Bus("car", None, (database_path(),)),)
"""the demonstration vehicle"""


def eager(rule: Mapping[str, object]) -> dict[str, object]:
    """The rule with small batches, so that there are many."""
    return {**rule, "batch": {"max_age_s": 2}}


def buses_variable(buses: Iterable[Bus]) -> str:
    """BUSES, for a replayed log."""
    return json.dumps(
        [
            {
                "name": bus.name,
                "interface": "virtual",
                "channel": bus.channel or bus.name,
                "dbc": [str(path) for path in bus.databases],
            }
            for bus in buses
        ]
    )


def document(**rules: object) -> dict[str, object]:
    """Desired properties with these rules."""
    return {"schema_version": 1, "rules": rules}


async def desire(hub_folder: Path, patch: Mapping[str, object]) -> None:
    await asyncio.to_thread(AdminClient(hub_folder).patch_desired, DEVICE, MODULE, json.dumps(patch))


async def reported(hub_folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(
        await asyncio.to_thread(AdminClient(hub_folder).twin, DEVICE, MODULE)
    )["reported"]
    return found


@asynccontextmanager
async def local_hub(folder: Path, address: str) -> AsyncIterator[LocalHub]:
    """A hub in this process, for tests that do not kill it."""
    hub = LocalHub(folder, address=address, device=DEVICE, module=MODULE)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


class AgentProcess:
    """`python -m edge_agent run`, with what it said."""

    def __init__(self, process: asyncio.subprocess.Process, said: Path) -> None:
        self._process = process
        self._said = said

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def text(self) -> str:
        """Everything it has written so far, to both of its outputs."""
        return self._said.read_text()

    def events(self, name: str = "") -> list[dict[str, object]]:
        """What it has told so far, or what of this name."""
        return [event for event in events_in(self.text()) if name in ("", event["event"])]

    def alarms(self) -> list[dict[str, object]]:
        return [event for event in self.events() if event["level"] not in ("debug", "info")]

    async def told(self, name: str, times: int = 1, within_s: float = 30.0) -> dict[str, object]:
        """Wait for an event; the test fails with what was said if the agent ends before."""
        try:
            async with asyncio.timeout(within_s):
                while len(found := self.events(name)) < times:
                    assert self.running, f"ended without {name}:\n{self.text()}"
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"no {name} within {within_s} s:\n{self.text()[-4000:]}") from None
        return found[times - 1]

    async def ended(self, within_s: float = 60.0) -> int:
        """Its exit code."""
        try:
            async with asyncio.timeout(within_s):
                return await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"runs on after {within_s} s:\n{self.text()[-4000:]}") from None

    def terminate(self) -> None:
        self._process.terminate()

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL; at once, whatever it is doing."""
        if self.running:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def agent_process(home: Path, variables: Mapping[str, str]) -> AsyncIterator[AgentProcess]:
    """The agent with DATA_FOLDER `home/data`; it is killed when the test is over, however that ends."""
    said = _new_file(home)
    environment = _environment({"DATA_FOLDER": str(home / "data"), "RuntimeLogLevel": "debug", **variables})
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge_agent", "run", env=environment, cwd=home, stdout=out, stderr=out
        )
    agent = AgentProcess(process, said)
    try:
        yield agent
    finally:
        await agent.kill()


def _new_file(home: Path) -> Path:
    """One a start, so that what each has said stays apart."""
    home.mkdir(parents=True, exist_ok=True)
    return home / f"said-{sum(1 for _ in home.glob('said-*')) + 1}.jsonl"


@dataclass(frozen=True)
class Delivered:
    """What a hub was handed: each batch once, in order of (boot, seq), and how often one came again."""

    payloads: tuple[Payload, ...]
    body_bytes: int
    """of payload, each batch once"""
    duplicates: int

    def boot(self, number: int) -> tuple[Payload, ...]:
        return tuple(payload for payload in self.payloads if payload.boot == number)


def delivered(hub_folder: Path) -> Delivered:
    """Read what arrived; a batch that came again must have come with the same bytes."""
    bodies: dict[tuple[str, int, int], bytes] = {}
    payloads: dict[tuple[str, int, int], Payload] = {}
    count = 0
    for arrival in read_arrivals(hub_folder / "arrived.jsonl"):
        if arrival.properties["schema"] == "candump/1":  # frames, which `captures` reads
            continue
        (payload,) = read_payloads(arrival.body, f"message {arrival.n}")
        key = payload.device, payload.boot, payload.seq
        assert (arrival.device, arrival.module) == (DEVICE, MODULE)
        assert (arrival.properties["boot"], arrival.properties["seq"]) == (str(payload.boot), str(payload.seq))
        assert bodies.setdefault(key, arrival.body) == arrival.body, f"{key} came twice, with different bytes"
        payloads[key] = payload
        count += 1
    ordered = [payloads[key] for key in sorted(payloads)]
    return Delivered(tuple(ordered), sum(map(len, bodies.values())), count - len(ordered))


def captures(hub_folder: Path) -> dict[int, bytes]:
    """The logs of frames that arrived, by their numbers."""
    return {
        int(arrival.properties["seq"]): gzip.decompress(arrival.body)
        for arrival in read_arrivals(hub_folder / "arrived.jsonl")
        if arrival.properties["schema"] == "candump/1"
    }


def joined(payloads: Iterable[Payload]) -> dict[tuple[str, str], list[ReadSample]]:
    """Samples by (rule, signal), in the order of the batches' numbers."""
    found: dict[tuple[str, str], list[ReadSample]] = defaultdict(list)
    for payload in payloads:
        assert payload.kept == payload.header["kept"] == len(payload.samples)
        for sample in payload.samples:
            found[payload.rule, sample.name].append(sample)
    return dict(found)


def samples_of(payloads: Iterable[Payload]) -> dict[tuple[str, str], list[Expected]]:
    """The same, to be compared with what the oracle expects."""
    return {
        key: [Expected(each.t_ns, each.number, each.value) for each in samples]
        for key, samples in joined(payloads).items()
    }


def assert_same(payloads: Iterable[Payload], expected: Mapping[tuple[str, str], Sequence[Expected]]) -> None:
    """No sample more, none less, none different; the first signal that differs is named."""
    found = samples_of(payloads)
    assert found.keys() == expected.keys()
    for key, series in expected.items():
        assert found[key] == series, key


def assert_numbered_without_gaps(payloads: Sequence[Payload]) -> None:
    """Of each boot: 0..n-1, by what was delivered."""
    for boot, of_boot in groupby(payloads, key=lambda payload: payload.boot):
        numbers = [payload.seq for payload in of_boot]
        assert numbers == list(range(len(numbers))), f"boot {boot}"


async def until(reached: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for what a file or another process shows; there is no event for that."""
    async with asyncio.timeout(within_s):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def assert_prefix(payloads: Sequence[Payload], expected: Mapping[tuple[str, str], Sequence[Expected]]) -> None:
    """Batches 0..n of a boot hold, of each rule and signal, the first of what was kept, up to the last batch's time."""
    assert_numbered_without_gaps(payloads)
    closed_ns: dict[str, int] = defaultdict(int)
    for payload in payloads:
        closed_ns[payload.rule] = max(closed_ns[payload.rule], *(sample.t_ns for sample in payload.samples))
    found = samples_of(payloads)
    for (rule, name), series in expected.items():
        samples = found.get((rule, name), [])
        assert samples == series[: len(samples)], (rule, name)
        for missing in series[len(samples) :][:1]:
            # A window stays open a little beyond its end, for frames that come late.
            windows = closed_ns[rule] // SECOND_NS - missing.t_ns // SECOND_NS
            assert missing.t_ns > closed_ns[rule] or (rule == "each_second" and windows <= 1), (rule, name, missing)


async def command(
    *arguments: str, cwd: Path, variables: Mapping[str, str] | None = None, stdin: str = "", within_s: float = 30.0
) -> tuple[int, str]:
    """A command as somebody types it: its exit code, and all it said."""
    environment = _environment(variables or {})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge_agent", *arguments),
        env=environment,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            said, _ = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def shell(script: str, *, cwd: Path, within_s: float = 30.0) -> tuple[int, str]:
    """Lines as they are pasted into bash: its exit code, and all that was said."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/bash", "-c", script),
        env=_environment({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}),
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(within_s):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said.decode()


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in NEEDED if name in os.environ} | dict(variables)

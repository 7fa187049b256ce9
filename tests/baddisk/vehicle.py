"""An agent in a virtual machine of its own, on a disk that fails on order: user-mode-linux, device-mapper, ext4."""

import asyncio
import json
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from edge_agent.desk.vehicle import database_path
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import Arrival, read_arrivals
from edge_agent.localhub.hub import LocalHub
from tests.agent_log import events_in
from tests.journey.line import DEVICE, MODULE, document
from tests.journey.recordings import write_drive
from tests.powercut.count import Event
from tests.powercut.machine import make_disk, powered

ROOT = Path(__file__).parents[2]
INIT = Path(__file__).with_name("init")
ADDRESS = "127.0.0.133"
DISK_BYTES = 256 << 20
MEMORY_BYTES = 100_000
"""full within seconds when there is no link"""
WITHIN_S = 60.0
"""for anything, on a machine that has other work besides"""
LOOK_S = 0.05

RULES = document(
    now={"kind": "on_change", "signals": ["*"], "priority": 1, "lane": "hot", "batch": {"max_age_s": 0.3}},
    trend={"kind": "periodic", "every_ms": 200, "signals": ["*"], "priority": 4, "batch": {"max_age_s": 0.5}},
    all={"kind": "on_change", "signals": ["*"], "priority": 8, "time_unit": "us", "batch": {"max_age_s": 0.4}},
)
"""some ten batches a second on three priorities, of both lanes"""


class Vehicle:
    """One disk image and its hub in a folder, over several lives."""

    def __init__(self, folder: Path, mount: str) -> None:
        """`mount`: options of mount(8)."""
        self._folder, self._mount = folder, mount
        self._image = folder / "disk.ext4"
        self._life = self._orders = 0

    async def prepare(self, *disk: str) -> None:
        """A new disk, made with these options of mkfs.ext4(8), and a hub that knows the rules."""
        await make_disk(self._image, DISK_BYTES, *disk)
        write_drive(self._folder / "drive.log", seed=7, seconds=60)
        hub = LocalHub(self._folder / "hub", ADDRESS, DEVICE, MODULE)
        await hub.start()
        try:
            await asyncio.to_thread(AdminClient(self._folder / "hub").patch_desired, DEVICE, MODULE, json.dumps(RULES))
            self._identity = hub.environment("connection_string")
        finally:
            await hub.stop()

    @asynccontextmanager
    async def life(self) -> AsyncIterator[None]:
        """From power on, with neither hub nor load, to a power cut."""
        self._life += 1
        self._orders = 0
        for old in (*self._folder.glob("order.*"), *self._folder.glob("done.*")):
            old.unlink()
        (self._folder / "plan").write_text(
            "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self._plan().items())
        )
        async with powered(self._image, self._folder, INIT):
            await self.until(lambda: self.told("spool.opened"), "the spool opens")
            yield

    async def order(self, *functions: str) -> None:
        """Have functions of `init` called, one after another, and wait until they have returned."""
        for function in functions:
            self._orders += 1
            order = self._folder / f"order.{self._orders}"
            draft = order.with_name("draft")
            draft.write_text(f"{function}\n")
            draft.rename(order)
            done = self._folder / f"done.{self._orders}"
            await self.until(done.exists, function)

    async def until(self, happened: Callable[[], object], what: str) -> None:
        """Wait for what the files show; fails if the agent ends before, or after `WITHIN_S`."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not happened():
                    assert not self.ended, f"waiting for: {what}; the agent ended: {self.ended}"
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            last = [event["event"] for event in self.events[-8:]]
            raise AssertionError(f"not within {WITHIN_S:g} s: {what}; last told: {last}") from None

    @property
    def events(self) -> Sequence[Event]:
        """What the agent said in this life."""
        return list(events_in(_text(self._folder / f"{self._life}.jsonl")))

    def told(self, name: str) -> Sequence[Event]:
        """The events of a name in this life."""
        return [event for event in self.events if event["event"] == name]

    @property
    def ended(self) -> str:
        """The agent's exit code and last words, if it has ended."""
        code = _text(self._folder / f"{self._life}.ended")
        return f"{code}: {_text(self._folder / f'{self._life}.err').strip()[-300:]}" if code else ""

    def arrivals(self) -> Iterator[Arrival]:
        """What the hub took, in all lives."""
        return read_arrivals(self._folder / "hub" / "arrived.jsonl")

    def _plan(self) -> dict[str, str]:
        bus = {"name": "car", "interface": "socketcan", "channel": "vcan0", "dbc": [str(database_path())]}
        return {
            # /dev and /run, in which the folder may be, are others inside.
            **{name: value.replace(str(self._folder), "/run/station") for name, value in self._identity.items()},
            "BUSES": json.dumps([bus]),
            "DATA_FOLDER": "/run/data/agent",
            "SPOOL_MEMORY_BYTES": str(MEMORY_BYTES),
            "COMMIT_S": "0.2",
            "RuntimeLogLevel": "debug",
            "ROOT": str(ROOT),
            "PYTHON": sys.executable,
            "ADDRESS": ADDRESS,
            "LIFE": str(self._life),
            "LOAD": "/run/station/drive.log",
            "MOUNT": self._mount,
        }


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""

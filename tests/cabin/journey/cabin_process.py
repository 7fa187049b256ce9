"""The cabin as a process, a broker, and an agent that a test plays."""

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt

from tests.cabin.web.serving import Served, views
from tests.tap.broker import AGENT, CABIN, HOST, PASSWORDS, Mosquitto

ROOT = Path(__file__).parents[3]
SPEED, LOCK = "Vehicle.Speed", "Vehicle.Powertrain.Transmission.IsParkLockEngaged"
PLACE = "Vehicle.CurrentLocation.Latitude"
IGNITION, ODOMETER = "Vehicle.Powertrain.ElectricMotor.IsReady", "Vehicle.TraveledDistance"
"""are told when a test sets them"""
SIGNALS = {
    SPEED: {"unit": "km/h", "min": 0, "max": 300},
    LOCK: {"unit": "", "min": 0, "max": 1},
    PLACE: {"unit": "degrees", "min": -90, "max": 90},
    IGNITION: {"unit": "", "min": 0, "max": 1},
    ODOMETER: {"unit": "km"},
}


@dataclass
class PlayedAgent:
    """Publishes a tick each 100 ms, of whatever the test has set."""

    client: aiomqtt.Client
    values: dict[str, float] = field(default_factory=lambda: {SPEED: 0.0, LOCK: 1.0, PLACE: 52.5})
    seq: int = 0
    more: int = 0
    """signals besides, all of which change with each tick"""

    async def begin(self) -> None:
        signals = SIGNALS | {f"Made.Signal{number}": {"unit": "V"} for number in range(self.more)}
        about = {"boot": 1, "config_version": 1, "signals": signals}
        await self.client.publish("tap/v1/signals", json.dumps(about), qos=1, retain=True)

    async def tick(self) -> None:
        self.seq += 1
        made = {f"Made.Signal{number}": [self.seq + number / 7, 0] for number in range(self.more)}
        body = {
            "t": time.time_ns() // 1_000_000,
            "seq": self.seq,
            "boot": 1,
            "full": True,
            "v": {name: [value, 0] for name, value in self.values.items()} | made,
        }
        # With a time limit aiomqtt may forget the cancellation of `go_on`, which `cabin/tapin/mqtt.py` tells of.
        await self.client.publish("tap/v1/tick", json.dumps(body), timeout=math.inf)

    async def go_on(self) -> None:
        """Until cancelled, or as long as there is a broker."""
        with contextlib.suppress(aiomqtt.MqttError):
            while True:
                await self.tick()
                await asyncio.sleep(0.1)


@asynccontextmanager
async def played_agent(broker: Mosquitto, more: int = 0) -> AsyncIterator[PlayedAgent]:
    client = aiomqtt.Client(
        HOST, broker.port, identifier="played-agent", username=AGENT, password=PASSWORDS[AGENT], clean_session=True
    )
    with contextlib.suppress(aiomqtt.MqttError):  # a broker that a test has killed
        async with client:
            agent = PlayedAgent(client, more=more)
            await agent.begin()
            yield agent


@dataclass
class CabinProcess:
    """A running `python -m cabin run`, and the page's own way to ask it."""

    process: asyncio.subprocess.Process
    served: Served
    events: list[dict[str, Any]]

    async def view(self) -> Any:
        return (await self.served.get("/api/v1/view")).json()

    async def until_view(self, within_s: float = 20.0, **fields: object) -> Any:
        """The first View that has these fields."""
        async with asyncio.timeout(within_s):
            async with self.stream() as seen:
                async for view in seen:
                    if all(view[name] == value for name, value in fields.items()):
                        return view
        raise AssertionError("the stream ended")

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[AsyncIterator[Any]]:
        reader, writer = await self.served.opened("GET", "/api/v1/stream", self.served.own())
        try:
            yield views(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def stop(self) -> tuple[int, float]:
        """Exit code, and how many seconds it took."""
        began = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            code = await self.process.wait()
        return code, time.monotonic() - began


def variables(folder: Path, broker: Mosquitto, **more: str) -> Mapping[str, str]:
    return {
        "CABIN_DATA_FOLDER": str(folder),
        "CABIN_WEB_PORT": "0",
        "CABIN_BROKER_HOST": HOST,
        "CABIN_BROKER_PORT": str(broker.port),
        "CABIN_BROKER_USER": CABIN,
        "CABIN_BROKER_PASSWORD": PASSWORDS[CABIN],
        **more,
    }


@asynccontextmanager
async def cabin_process(
    folder: Path, environment: Mapping[str, str], interpreter: Sequence[str] = (sys.executable,)
) -> AsyncIterator[CabinProcess]:
    """Serving when this yields; killed at the end if it still runs."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "modules" / "cabin"), "TZ": "Europe/Berlin"}
    process = await asyncio.create_subprocess_exec(
        *interpreter, "-m", "cabin", "run", env=own | dict(environment), stdout=asyncio.subprocess.PIPE
    )
    told: list[dict[str, Any]] = []
    try:
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(_listen(process, told), name="events of the cabin")
            started = await told_by(told, "app.cabin_started")
            served = Served(started["port"], folder, "")
            reply = await served.ask("GET", f"/?launch={served.token()}", served.own())
            cookie = reply.headers["set-cookie"].partition("=")[2].partition(";")[0]
            yield CabinProcess(process, Served(started["port"], folder, cookie), told)
            if process.returncode is None:
                process.kill()
            await listening
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listen(process: asyncio.subprocess.Process, told: list[dict[str, Any]]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        told.append(json.loads(line.partition(b"] ")[2]))  # noqa: PERF401  it is read while it grows


async def told_by(told: list[dict[str, Any]], name: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            for one in told:
                if one["event"] == name:
                    return one
            await asyncio.sleep(0.01)

"""An agent of which one stage stops for ever a while after the start; see test_health.py.

Arguments: what is to go wrong, and the data folder. The drive on its virtual bus and the hub are in this process.
"""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from edge_agent.acquire.bus import Buses
from edge_agent.app import Agent
from edge_agent.decode.decoding import Decoding
from edge_agent.desk.replay import drive_frames, play
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.observe import logs
from edge_agent.records import FrameBlock
from edge_agent.settings import BusSettings, load_settings
from edge_agent.spool.segments import SegmentSpool
from tests.uplink.fakes import MemoryHub

WELL_S = 10.0
"""for so long nothing is wrong"""
SECONDS = 150.0
BUS = "car"
RULES = {
    "schema_version": 1,
    "rules": {"all": {"kind": "on_change", "signals": ["Motion.*"], "batch": {"max_age_s": 1}}},
    "$version": 2,
}


async def for_ever() -> None:
    await asyncio.Event().wait()


def acquire_stops() -> None:
    blocks = Buses.blocks

    async def stopping(self: Buses) -> AsyncGenerator[FrameBlock, None]:
        async for block in blocks(self):
            yield block
            if block.uptime_ns > WELL_S * 1e9:
                await for_ever()

    Buses.blocks = stopping  # type: ignore[method-assign]


def decoding_stops() -> None:
    feed = Decoding.feed

    def stopping(self: Decoding, block: FrameBlock) -> Any:
        if block.uptime_ns > WELL_S * 1e9:
            time.sleep(SECONDS)
        return feed(self, block)

    Decoding.feed = stopping  # type: ignore[method-assign]


def spool_stops() -> None:
    append = SegmentSpool.append
    began_s = time.monotonic()

    async def stopping(self: SegmentSpool, envelopes: Any) -> Any:
        if time.monotonic() > began_s + WELL_S + 2:
            await for_ever()
        return await append(self, envelopes)

    SegmentSpool.append = stopping  # type: ignore[method-assign]


FAULTS = {"acquire": acquire_stops, "loop": decoding_stops, "spool": spool_stops}


async def main(what: str, folder: Path) -> None:
    hub = MemoryHub()
    hub.desired = dict(RULES)
    hub.unreachable = what == "offline"
    hub.never_ack, hub.send_limit_s = what == "uplink", SECONDS
    settings = load_settings(
        buses=(BusSettings(name=BUS, interface="virtual", channel=BUS, dbc=(database_path(),)),), data_folder=folder
    )
    agent = await Agent.open(settings, hub, logs.configure("info"))
    async with asyncio.TaskGroup() as group:
        group.create_task(agent.run(asyncio.Event()), name="agent")
        await asyncio.sleep(0.5)
        await play(
            drive_frames(Vehicle(seed=1), SECONDS), channel=BUS, speed=1.0, stop=threading.Event(), sent=lambda _: None
        )


if __name__ == "__main__":
    FAULTS.get(sys.argv[1], lambda: None)()
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))

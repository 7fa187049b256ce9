import asyncio
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

import can
import numpy as np
import pytest
from can.interfaces.virtual import VirtualBus

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.bus import SETTLE_NS, Buses
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.records import ClockQuality, FrameBlock, FrameFlag
from tests.acquire.told import Told, frames_in
from tests.uplink.virtual_time import LoopClock, in_virtual_time

SOON = Backoff(first_s=0.001, cap_s=0.01)


@dataclass
class HandClock:
    """A clock that goes only when it is moved."""

    wall_ns: int = 1_700_000_000_000_000_000
    up_ns: int = 0
    synced: bool | None = None

    def now_ns(self) -> int:
        return self.wall_ns

    def uptime_ns(self) -> int:
        return self.up_ns

    def go(self, ns: int) -> None:
        self.wall_ns += ns
        self.up_ns += ns

    def both_ns(self) -> tuple[int, int]:
        return self.wall_ns, self.up_ns

    def is_synced(self) -> bool | None:
        return self.synced


@contextmanager
def virtual(fd: bool = False, name: str = "drive") -> Iterator[tuple[BusAddress, can.BusABC]]:
    """A bus of its own, and somebody who sends on it."""
    channel = uuid.uuid4().hex
    with can.Bus(channel=channel, interface="virtual", ignore_config=True) as sender:
        yield BusAddress(name, "virtual", channel, fd), sender


async def until(blocks: AsyncGenerator[FrameBlock, None], frames: int) -> list[FrameBlock]:
    found: list[FrameBlock] = []
    while sum(map(len, found)) < frames:
        found.append(await anext(blocks))
    return found


async def opened(buses: Buses, told: Told, count: int = 1) -> AsyncGenerator[FrameBlock, None]:
    """Blocks from when `count` buses are open."""
    blocks = buses.blocks()
    first = asyncio.create_task(anext(blocks), name="first block")
    await told.heard("acquire.bus_opened", count)
    await first
    return blocks


async def test_frames_of_two_buses_come_merged_by_time_with_the_index_of_their_bus() -> None:
    told = Told()
    with virtual(name="drive") as (drive, drive_sender), virtual(name="body") as (body, body_sender):
        blocks = await opened(Buses([drive, body], log=told, clock=SystemClock(), tick_ms=20), told, 2)
        async with aclosing(blocks):
            for number in range(20):
                (drive_sender, body_sender)[number % 2].send(can.Message(arbitration_id=number))
            found = await until(blocks, 20)

    frames = [frame for block in found for frame in frames_in(block)]
    assert sorted((frame.can_id & 0xFF, frame.bus) for frame in frames) == [
        (number, number % 2) for number in range(20)
    ]
    assert all(list(block.t_ns) == sorted(block.t_ns) for block in found)
    assert ClockQuality.RECORDED not in {block.clock for block in found}
    assert {(block.data.shape[1], block.dropped) for block in found} == {(8, (0, 0))}


async def test_a_bus_with_can_fd_makes_every_block_64_bytes_wide() -> None:
    told = Told()
    with virtual(fd=True) as (drive, sender), virtual() as (body, _):
        blocks = await opened(Buses([drive, body], log=told, clock=SystemClock(), tick_ms=20), told, 2)
        async with aclosing(blocks):
            sender.send(can.Message(arbitration_id=1, is_fd=True, data=bytes(range(48))))
            (block,) = await until(blocks, 1)

    assert block.data.shape == (1, 64)
    assert [(frame.flags, frame.data) for frame in frames_in(block)] == [(FrameFlag.FD, bytes(range(48)))]


async def test_quiet_buses_give_an_empty_block_within_a_second() -> None:
    told = Told()
    with virtual() as (drive, _):
        blocks = await opened(Buses([drive], log=told, clock=SystemClock()), told)
        async with aclosing(blocks):
            one, two = await anext(blocks), await anext(blocks)

    assert len(one) == len(two) == 0
    assert 0 < two.uptime_ns - one.uptime_ns <= 1_000_000_000


@pytest.mark.parametrize("tick_ms", [10, 100, 300, 600, 800, 1000])
def test_whatever_the_tick_a_quiet_bus_gives_a_block_each_second(tick_ms: int) -> None:
    async def uptimes_ns() -> list[int]:
        async with aclosing(Buses([], log=Told(), clock=LoopClock(), tick_ms=tick_ms).blocks()) as blocks:
            return [(await anext(blocks)).uptime_ns for _ in range(4)]

    gaps_ns = np.diff(in_virtual_time(uptimes_ns()))

    assert max(gaps_ns) <= 1_000_000_000
    assert min(gaps_ns) >= 500_000_000  # and no more of them than it takes


async def test_until_stays_behind_the_newest_frame_and_goes_on_without_frames() -> None:
    told, clock = Told(), HandClock()
    with virtual() as (drive, sender):
        blocks = Buses([drive], log=told, clock=clock, tick_ms=5).blocks()
        async with aclosing(blocks):
            clock.go(10**9)
            first = asyncio.create_task(anext(blocks), name="first block")
            await told.heard("acquire.bus_opened")
            clock.go(10**9)
            before = await first
            sender.send(can.Message())
            (with_frame,) = await until(blocks, 1)
            clock.go(10**9)
            after = await anext(blocks)

    assert before.until_ns == 0
    assert with_frame.until_ns == with_frame.t_ns[-1] - SETTLE_NS
    assert after.until_ns == with_frame.until_ns + 10**9


async def test_a_clock_that_is_set_tells_the_frames_it_stamped_before_by_its_new_setting() -> None:
    told, clock = Told(), HandClock(wall_ns=time.time_ns(), synced=False)
    with virtual() as (drive, sender):
        blocks = Buses([drive], log=told, clock=clock, tick_ms=20).blocks()
        async with aclosing(blocks):
            first = asyncio.create_task(anext(blocks), name="first block")
            await told.heard("acquire.bus_opened")
            clock.go(10**9)
            before = await first
            sent_ns = time.time_ns()
            sender.send(can.Message())
            clock.wall_ns += 3_600 * 10**9
            (after,) = await until(blocks, 1)

    assert (before.clock, after.clock) == (ClockQuality.UNSYNCED, ClockQuality.SYNCED)
    assert after.epoch_ns - before.epoch_ns == 3_600 * 10**9
    assert 0 <= int(after.t_ns[0]) - sent_ns - 3_600 * 10**9 < 60 * 10**9


async def test_a_full_buffer_drops_and_counts_and_tells_what_it_dropped() -> None:
    told = Told()
    with virtual() as (drive, sender):
        blocks = await opened(Buses([drive], log=told, clock=SystemClock(), tick_ms=200, buffer_frames=5), told)
        async with aclosing(blocks):
            for number in range(12):
                sender.send(can.Message(arbitration_id=number))
            found = [await anext(blocks)]
            while sum(len(block) + block.dropped[0] for block in found) < 12:
                found.append(await anext(blocks))

    dropped = sum(block.dropped[0] for block in found)
    assert dropped > 0
    assert sum(int(str(fields["count"])) for fields in told.fields("acquire.frames_dropped")) == dropped
    assert set(told.levels("acquire.frames_dropped")) == {"error"}


async def test_a_bus_that_is_down_is_tried_again_while_the_others_go_on() -> None:
    told = Told()
    with virtual() as (drive, sender):
        down = BusAddress("body", "telepathy", "x")
        blocks = Buses([down, drive], log=told, clock=SystemClock(), tick_ms=20, backoff=SOON).blocks()
        async with aclosing(blocks):
            first = asyncio.create_task(anext(blocks), name="first block")
            await told.heard("acquire.bus_opened")
            await told.heard("acquire.bus_lost", 4)
            sender.send(can.Message(arbitration_id=7))
            frames = [*frames_in(await first)] or [*frames_in((await until(blocks, 1))[-1])]

    assert [frame.bus for frame in frames] == [1]
    assert told.levels("acquire.bus_lost")[:4] == ["warning", "debug", "debug", "debug"]
    assert told.fields("acquire.bus_lost")[0]["bus"] == "body"


async def test_a_bus_that_goes_away_comes_back_and_its_frames_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    gone = threading.Event()
    really = VirtualBus._recv_internal

    def fails_once(bus: VirtualBus, timeout: float | None) -> object:
        if gone.is_set():
            gone.clear()
            raise can.CanOperationError("Error receiving: Network is down", 100)
        return really(bus, timeout)

    monkeypatch.setattr(VirtualBus, "_recv_internal", fails_once)
    with virtual() as (drive, sender):
        blocks = await opened(Buses([drive], log=told, clock=SystemClock(), tick_ms=20, backoff=SOON), told)
        async with aclosing(blocks):
            gone.set()
            await told.heard("acquire.bus_opened", 2)
            sender.send(can.Message(arbitration_id=9))
            found = await until(blocks, 1)

    assert [frame.can_id & 0xFF for frame in frames_in(found[-1])] == [9]
    assert told.fields("acquire.bus_lost")[0]["reason"] == "Error receiving: Network is down [Error Code 100]"


async def test_a_defect_in_a_reader_ends_the_source_instead_of_a_bus_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("edge_agent.acquire.messages.frame_of", broken)
    told = Told()
    with virtual() as (drive, sender):
        blocks = await opened(Buses([drive], log=told, clock=SystemClock(), tick_ms=20), told)
        sender.send(can.Message())
        with pytest.raises(ZeroDivisionError, match="a defect"):
            await until(blocks, 1)

    assert threading.active_count() == 1 or not [one for one in threading.enumerate() if one.name.startswith("acquire")]


async def test_a_source_that_waits_for_a_bus_to_come_back_ends_at_once() -> None:
    told = Told()
    down = BusAddress("body", "telepathy", "x")
    blocks = Buses([down], log=told, clock=SystemClock(), backoff=Backoff(first_s=30)).blocks()
    task = asyncio.create_task(anext(blocks), name="block")
    await told.heard("acquire.bus_lost")
    await task
    async with asyncio.timeout(1.0):
        await blocks.aclose()

    assert not [one.name for one in threading.enumerate() if one.name.startswith("acquire-")]

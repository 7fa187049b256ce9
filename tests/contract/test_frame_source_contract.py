"""What every FrameSource keeps: the real ones, and the fake that other tests use."""

import asyncio
import threading
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing
from itertools import combinations
from pathlib import Path

import can
import numpy as np
import pytest

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.bus import Buses
from edge_agent.acquire.log import LogFile
from edge_agent.clock import SystemClock
from edge_agent.ports import FrameSource
from edge_agent.records import EXTENDED_ID, FrameBlock
from tests.acquire.told import Told, frames_in
from tests.acquire.unix_can import unix_can
from tests.contract.fake_source import FakeSource, block_of_frames

SENT = [(0x100 + number if number % 3 else EXTENDED_ID | 0x18FEF100, bytes(range(number % 9))) for number in range(60)]
"""arbitration id and data; two buses take turns"""

Blocks = Callable[[], AsyncGenerator[FrameBlock, None]]
Begin = Callable[[], Awaitable[None]]


@pytest.fixture(params=["buses", "socketcan", "log", "fake"])
def blocks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blocks]:
    """Opens a source that has all of SENT to give."""
    with ExitStack() as stack:
        source, begin = {"buses": _buses, "socketcan": _socketcan, "log": _log, "fake": _fake}[request.param](
            stack, tmp_path
        )

        async def opened() -> AsyncGenerator[FrameBlock, None]:
            given = source.blocks()
            async with aclosing(given):
                first = asyncio.create_task(anext(given), name="first block")
                await begin()
                yield await first
                async for block in given:
                    yield block

        yield opened


async def _all_sent(given: Blocks) -> list[FrameBlock]:
    found: list[FrameBlock] = []
    async with aclosing(given()) as source:
        async for block in source:
            found.append(block)
            if sum(map(len, found)) >= len(SENT):
                break
    return found


async def test_every_frame_arrives_once_and_as_it_was_sent(blocks: Blocks) -> None:
    found = [frame for block in await _all_sent(blocks) for frame in frames_in(block)]

    assert sorted((frame.bus, frame.can_id, frame.data) for frame in found) == sorted(
        (number % 2, can_id, data) for number, (can_id, data) in enumerate(SENT)
    )


async def test_the_arrays_of_a_block_have_the_shapes_and_types_of_the_record(blocks: Blocks) -> None:
    for block in await _all_sent(blocks):
        columns = (block.t_ns, block.bus, block.can_id, block.flags, block.length)
        assert [column.dtype.str for column in columns] == ["<i8", "|u1", "<u4", "|u1", "<u2"]
        assert {column.shape for column in columns} == {(len(block),)}
        assert (block.data.shape, block.data.dtype.str) == ((len(block), 8), "|u1")
        assert block.data.flags.c_contiguous
        assert block.dropped == (0, 0)


async def test_time_does_not_go_back_within_a_block_nor_from_end_to_end(blocks: Blocks) -> None:
    found = await _all_sent(blocks)

    assert all((np.diff(block.t_ns) >= 0).all() for block in found)
    assert all(later.t_ns[0] >= earlier.until_ns for earlier, later in combinations(found, 2) if len(later))
    assert sorted(block.until_ns for block in found) == [block.until_ns for block in found]
    assert sorted(block.uptime_ns for block in found) == [block.uptime_ns for block in found]


async def test_data_beyond_a_frames_length_are_zero(blocks: Blocks) -> None:
    for block in await _all_sent(blocks):
        assert not block.data[np.arange(8) >= block.length[:, None]].any()


async def test_leaving_early_leaves_no_thread_and_no_task(blocks: Blocks) -> None:
    async with aclosing(blocks()) as source:
        await anext(source)

    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("acquire-")]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_ends_within_a_second_and_leaves_no_thread(blocks: Blocks) -> None:
    begun = asyncio.Event()

    async def use() -> None:
        async with aclosing(blocks()) as source:
            async for _ in source:
                begun.set()
        await asyncio.Event().wait()

    user = asyncio.create_task(use(), name="user")
    await begun.wait()
    user.cancel()
    async with asyncio.timeout(1.0):
        await asyncio.gather(user, return_exceptions=True)

    assert user.cancelled()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("acquire-")]


def _buses(stack: ExitStack, _: Path) -> tuple[FrameSource, Begin]:
    channels = [uuid.uuid4().hex, uuid.uuid4().hex]
    told = Told()
    addresses = [BusAddress(f"can{index}", "virtual", channel) for index, channel in enumerate(channels)]
    senders = [
        stack.enter_context(can.Bus(channel=channel, interface="virtual", ignore_config=True)) for channel in channels
    ]

    async def begin() -> None:
        await told.heard("acquire.bus_opened", len(channels))
        for number, (can_id, data) in enumerate(SENT):
            extended = bool(can_id & EXTENDED_ID)
            message = can.Message(arbitration_id=can_id & ~EXTENDED_ID, is_extended_id=extended, data=data)
            senders[number % 2].send(message)

    return Buses(addresses, log=told, clock=SystemClock(), tick_ms=20), begin


def _socketcan(stack: ExitStack, _: Path) -> tuple[FrameSource, Begin]:
    interfaces = stack.enter_context(unix_can(2))
    told = Told()
    addresses = [BusAddress(f"can{index}", "socketcan", one.channel) for index, one in enumerate(interfaces)]

    async def begin() -> None:
        await told.heard("acquire.bus_opened", len(interfaces))
        for number, (can_id, data) in enumerate(SENT):
            interfaces[number % 2].send(can_id, data)

    return Buses(addresses, log=told, clock=SystemClock(), tick_ms=20), begin


def _log(_: ExitStack, tmp_path: Path) -> tuple[FrameSource, Begin]:
    path = tmp_path / "drive.log"
    path.write_text(
        "".join(
            f"({1_700_000_000 + number * 0.004:.6f}) can{number % 2} "
            f"{can_id & ~EXTENDED_ID:0{8 if can_id & EXTENDED_ID else 3}X}#{data.hex()}\n"
            for number, (can_id, data) in enumerate(SENT)
        )
    )
    return LogFile(path, log=Told(), clock=SystemClock(), channels={"can0": 0, "can1": 1}, buses=2), _at_once


def _fake(_: ExitStack, __: Path) -> tuple[FrameSource, Begin]:
    frames = [(number * 1000, number % 2, can_id, data) for number, (can_id, data) in enumerate(SENT)]
    return FakeSource([block_of_frames(frames[at : at + 25], buses=2) for at in range(0, 60, 25)]), _at_once


async def _at_once() -> None:
    """Nothing has to happen for the frames to be there."""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.feed import feed
from edge_agent.channel import Channel, WhenFull
from edge_agent.errors import LogRefused
from edge_agent.records import FrameBlock
from tests.acquire.told import Told
from tests.contract.fake_source import FakeSource, block_of_frames
from tests.uplink.virtual_time import in_virtual_time

BUSES = ("front", "rear")


def a_block(front: int, rear: int = 0, dropped: tuple[int, int] = (0, 0)) -> FrameBlock:
    frames = [(i, int(i >= front), 0x100, b"") for i in range(front + rear)]
    return block_of_frames(frames, buses=2, dropped=dropped)


def begun() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def accounted(blocks: list[FrameBlock]) -> list[int]:
    """Of each bus, the frames in the blocks and those the blocks tell as lost."""
    frames = sum((np.bincount(block.bus, minlength=2) for block in blocks), np.zeros(2, np.int64))
    return [int(frames[bus]) + sum(block.dropped[bus] for block in blocks) for bus in range(2)]


async def test_blocks_are_passed_on_until_the_source_ends() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 9, WhenFull.WAIT)
    blocks = [a_block(1), a_block(2, dropped=(0, 5))]

    await feed(FakeSource(blocks), frames, BUSES, begin=begun(), log=Told())

    found = [block async for block in frames]
    assert [len(block) for block in found] == [1, 2]
    assert [block.dropped for block in found] == [(0, 0), (0, 5)]
    assert [block.until_ns for block in found] == [block.until_ns for block in blocks]


async def test_nothing_is_read_before_it_may_begin() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 9, WhenFull.WAIT)
    begin = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(feed(FakeSource([a_block(1)]), frames, BUSES, begin=begin, log=Told()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(frames) == 0
        begin.set()

    assert len(frames) == 1


async def test_a_log_that_waits_for_its_rules_says_so_once() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 9, WhenFull.WAIT)
    begin, told = asyncio.Event(), Told()
    async with asyncio.TaskGroup() as group:
        group.create_task(feed(FakeSource([a_block(1)]), frames, BUSES, begin=begin, log=told))
        await asyncio.sleep(0)
        assert told.lines == [("info", "acquire.log_held_back", {"until": "the first rules"})]
        begin.set()

    assert len(told.lines) == 1


async def test_what_need_not_wait_tells_nothing() -> None:
    told = Told()
    await feed(FakeSource([a_block(1)]), Channel("frames", 9, WhenFull.WAIT), BUSES, begin=begun(), log=told)
    assert not told.lines


async def test_what_a_full_channel_gives_up_is_told_by_the_block_that_takes_its_room() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 1, WhenFull.DROP_OLDEST)
    told = Told()
    blocks = [a_block(3, 1, dropped=(0, 7)), a_block(2), a_block(5, 0, dropped=(1, 1))]

    await feed(FakeSource(blocks), frames, BUSES, begin=begun(), log=told)

    [last] = [block async for block in frames]
    assert (len(last), last.dropped) == (5, (3 + 2 + 1, 1 + 7 + 1))
    assert [(fields["bus"], fields["count"]) for fields in told.fields("acquire.frames_dropped")] == [
        ("front", 3),
        ("rear", 1),
        ("front", 2),
    ]  # what the blocks told was told by whoever lost it


@given(
    sizes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), max_size=12),
    reads=st.lists(st.booleans(), max_size=12),
    size=st.integers(1, 3),
)
def test_however_slowly_blocks_are_taken_every_frame_is_in_a_block_or_told_as_lost(
    sizes: list[tuple[int, int, int]], reads: list[bool], size: int
) -> None:
    blocks = [a_block(front, rear, dropped=(0, lost)) for front, rear, lost in sizes]

    found = in_virtual_time(taken_in_turns(blocks, reads, size))

    assert accounted(found) == accounted(blocks)


async def taken_in_turns(blocks: list[FrameBlock], reads: list[bool], size: int) -> list[FrameBlock]:
    frames: Channel[FrameBlock] = Channel("frames", size, WhenFull.DROP_OLDEST)
    found: list[FrameBlock] = []

    class InTurns:
        async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
            for i, block in enumerate(blocks):
                yield block
                if len(frames) and i < len(reads) and reads[i]:
                    found.append(await frames.get())

    await feed(InTurns(), frames, BUSES, begin=begun(), log=Told())
    return found + [block async for block in frames]


async def test_stopping_it_ends_the_stream_and_closes_the_source() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 9, WhenFull.WAIT)
    closed = asyncio.Event()

    class Endless:
        async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
            try:
                while True:
                    yield a_block(1)
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(feed(Endless(), frames, BUSES, begin=begun(), log=Told()))
        await frames.get()
        feeding.cancel()

    assert closed.is_set()
    assert all(len(block) == 1 for block in [block async for block in frames])


async def test_a_log_that_cannot_be_read_on_ends_the_stream_and_is_the_answer() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 9, WhenFull.WAIT)

    class Broken:
        async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
            yield a_block(1)
            raise LogRefused("drive.blf", "not a BLF file", 1)

    refusal = await feed(Broken(), frames, BUSES, begin=begun(), log=Told())

    assert str(refusal) == "drive.blf: not a BLF file (after 1 frames)"
    assert len([block async for block in frames]) == 1


async def test_any_other_failure_of_a_source_ends_the_stream_and_is_raised() -> None:
    frames: Channel[FrameBlock] = Channel("frames", 9, WhenFull.WAIT)

    class Broken:
        async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
            yield a_block(1)
            raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        await feed(Broken(), frames, BUSES, begin=begun(), log=Told())

    assert len([block async for block in frames]) == 1

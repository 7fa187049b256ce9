import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.channel import Channel, EndOfStream, WhenFull
from tests.uplink.virtual_time import in_virtual_time


def waiting(size: int) -> Channel[int]:
    return Channel("numbers", size, WhenFull.WAIT)


def dropping(size: int) -> Channel[int]:
    return Channel("numbers", size, WhenFull.DROP_OLDEST)


async def settled() -> None:
    """Every task has gone as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_items_come_out_in_the_order_they_went_in() -> None:
    channel = waiting(3)
    for item in (1, 2, 3):
        assert await channel.put(item) is None

    assert len(channel) == 3
    assert [await channel.get() for _ in range(3)] == [1, 2, 3]
    assert (channel.put_total, channel.taken_total, channel.dropped_total, len(channel)) == (3, 3, 0, 0)


async def test_a_full_waiting_channel_holds_the_writer_until_something_is_taken() -> None:
    channel = waiting(1)
    await channel.put(1)

    async with asyncio.TaskGroup() as group:
        writer = group.create_task(channel.put(2))
        await settled()
        assert not writer.done()
        assert await channel.get() == 1
        await writer

    assert await channel.get() == 2
    assert channel.dropped_total == 0


async def test_a_full_dropping_channel_gives_back_what_had_to_go() -> None:
    channel = dropping(2)

    assert [await channel.put(item) for item in range(5)] == [None, None, 0, 1, 2]
    assert (channel.put_total, channel.dropped_total, len(channel)) == (5, 3, 2)
    assert [await channel.get(), await channel.get()] == [3, 4]


async def test_a_writer_can_make_the_room_itself_and_learn_what_goes_before_it_writes() -> None:
    channel = dropping(1)
    assert channel.make_room() is None
    await channel.put(1)

    assert channel.make_room() == 1
    assert await channel.put(2) is None
    assert channel.dropped_total == 1


async def test_a_waiting_channel_never_makes_room() -> None:
    channel = waiting(1)
    await channel.put(1)

    assert channel.make_room() is None
    assert len(channel) == 1


async def test_after_the_end_what_is_inside_is_still_taken() -> None:
    channel = waiting(2)
    await channel.put(1)
    await channel.put(2)
    channel.close()
    channel.close()

    assert [item async for item in channel] == [1, 2]
    with pytest.raises(EndOfStream, match="numbers"):
        await channel.get()


async def test_the_end_wakes_a_reader_that_waits() -> None:
    channel = waiting(1)

    async with asyncio.TaskGroup() as group:
        reader = group.create_task(anext(aiter(channel), None))
        await settled()
        channel.close()

    assert reader.result() is None


@pytest.mark.parametrize("channel", [waiting(1), dropping(1)])
async def test_writing_after_the_end_is_a_mistake_that_is_named(channel: Channel[int]) -> None:
    channel.close()

    with pytest.raises(AssertionError, match="channel 'numbers' was written after its end"):
        await channel.put(1)


async def test_a_cancelled_put_that_waited_loses_its_item_and_no_other() -> None:
    channel = waiting(1)
    await channel.put(1)
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(channel.put(2))
        await settled()
        writer.cancel()

    await asyncio.gather(channel.get(), channel.put(3))
    assert await channel.get() == 3


# --- any order of what writer and reader do ------------------------------------------------------


@dataclass
class Scene:
    """One writer and one reader at a channel, each with at most one call under way."""

    channel: Channel[int]
    written: int = 0
    taken: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    writer: asyncio.Task[None] | None = None
    reader: asyncio.Task[int] | None = None

    async def write(self) -> None:
        if self.writer is None or self.writer.done():
            self.writer = asyncio.create_task(self._put(self.written))
            self.written += 1

    async def _put(self, item: int) -> None:
        displaced = await self.channel.put(item)
        if displaced is not None:
            self.dropped.append(displaced)

    async def read(self) -> None:
        self.reader = self.reader or asyncio.create_task(self.channel.get())

    async def cancel_read(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.wait([self.reader])
            self._take()

    async def write_and_cancel_read(self) -> None:
        """The reader is cancelled after it was woken, and before it has run."""
        await self.write()
        await asyncio.sleep(0)
        await self.cancel_read()

    async def run_on(self) -> None:
        await settled()
        if self.reader is not None and self.reader.done():
            self._take()

    def _take(self) -> None:
        assert self.reader is not None
        if not self.reader.cancelled():
            self.taken.append(self.reader.result())
        self.reader = None


STEPS = st.lists(
    st.sampled_from([Scene.write, Scene.read, Scene.cancel_read, Scene.write_and_cancel_read, Scene.run_on]),
    max_size=40,
)


@given(steps=STEPS, size=st.integers(1, 3), when_full=st.sampled_from(list(WhenFull)))
def test_cancelling_a_reader_at_any_moment_loses_nothing(
    steps: list[Callable[[Scene], Awaitable[None]]], size: int, when_full: WhenFull
) -> None:
    in_virtual_time(play(steps, Channel("numbers", size, when_full)))


async def play(steps: list[Callable[[Scene], Awaitable[None]]], channel: Channel[int]) -> None:
    scene = Scene(channel)
    for step in [*steps, Scene.run_on, Scene.cancel_read]:
        await step(scene)
    while len(scene.taken) + len(scene.dropped) < scene.written:
        scene.taken.append(await channel.get())
        await settled()

    assert scene.taken == [item for item in range(scene.written) if item not in scene.dropped]
    assert (channel.put_total, channel.taken_total) == (scene.written, len(scene.taken))
    assert channel.dropped_total == len(scene.dropped)

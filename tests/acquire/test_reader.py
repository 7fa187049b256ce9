import asyncio
import gc
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import can
import pytest

from edge_agent.acquire.pythoncan import BusAddress
from edge_agent.acquire.reader import BusReader, MessageBus
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from tests.acquire.told import Told


@contextmanager
def reading(told: Told, *, fd: bool = False, capacity: int = 100) -> Iterator[tuple[BusReader, can.BusABC]]:
    channel = uuid.uuid4().hex
    address = BusAddress("drive", "virtual", channel, fd)
    reader = BusReader(
        address, partial(MessageBus, address, 2), log=told, clock=SystemClock(), backoff=Backoff(), capacity=capacity
    )
    reader.start()
    with can.Bus(channel=channel, interface="virtual", ignore_config=True) as sender:
        try:
            yield reader, sender
        finally:
            reader.ask_to_end()
            reader.wait_for_end()


def sent_whole(sender: can.BusABC, messages: list[can.Message]) -> None:
    for message in messages:
        sender.send(message)


async def taken(reader: BusReader, count: int) -> tuple[list[int], int, int]:
    """Ids, losses and the width of the last columns, when `count` frames have been taken or lost."""
    ids: list[int] = []
    dropped = width = 0
    while len(ids) + dropped < count:
        one = reader.take()
        ids += [int(can_id) & 0xFFF for part in one.parts for can_id in part.can_id]
        dropped += one.dropped
        width = one.parts[-1].data.shape[1] if one.parts else width
        await asyncio.sleep(0)
    return ids, dropped, width


async def test_everything_read_is_taken_once_and_in_its_order() -> None:
    told = Told()
    with reading(told) as (reader, sender):
        await told.heard("acquire.bus_opened")
        sent_whole(sender, [can.Message(arbitration_id=number) for number in range(50)])

        assert await taken(reader, 50) == (list(range(50)), 0, 8)
        assert reader.take() == ((), 0, 0)


async def test_a_can_fd_frame_on_a_bus_configured_without_is_given_and_not_cut() -> None:
    told = Told()
    with reading(told) as (reader, sender):
        await told.heard("acquire.bus_opened")
        sent_whole(sender, [can.Message(arbitration_id=1, is_fd=True, data=bytes(20))])

        assert await taken(reader, 1) == ([1], 0, 64)


async def test_the_thread_is_named_after_its_bus_and_ends_when_asked() -> None:
    told = Told()
    with reading(told):
        await told.heard("acquire.bus_opened")
        assert "acquire-drive" in [thread.name for thread in threading.enumerate()]

    assert "acquire-drive" not in [thread.name for thread in threading.enumerate()]


async def test_a_bus_that_is_up_for_long_is_told_as_lost_with_a_warning_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise can.CanOperationError("gone")

    monkeypatch.setattr("can.interfaces.virtual.VirtualBus._recv_internal", down)
    told = Told()
    address = BusAddress("drive", "virtual", uuid.uuid4().hex)
    healthy = Backoff(first_s=0.001, healthy_s=0.0)
    reader = BusReader(
        address, partial(MessageBus, address, 0), log=told, clock=SystemClock(), backoff=healthy, capacity=1
    )
    reader.start()
    await told.heard("acquire.bus_lost", 3)
    reader.ask_to_end()
    reader.wait_for_end()

    assert set(told.levels("acquire.bus_lost")) == {"warning"}


async def test_the_bus_is_shut_down_and_python_can_does_not_warn_of_it(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    with reading(told):
        await told.heard("acquire.bus_opened")
    # python-can warns when a bus is forgotten before it was shut down.
    gc.collect()

    assert [record.getMessage() for record in caplog.records if record.name.startswith("can")] == []

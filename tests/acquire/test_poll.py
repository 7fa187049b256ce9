import asyncio
import errno
import os
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pytest

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.can_frame import Filters, IdFilter, filter_bytes
from edge_agent.acquire.poll import SocketCanReader
from edge_agent.acquire.recvmmsg import AT_ONCE, Datagrams
from edge_agent.acquire.socketcan import RECEIVE_BYTES
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.records import Frames
from tests.acquire.told import Told, reading, taken
from tests.acquire.unix_can import UnixCan, fd, unix_can

WANTED: Filters = (IdFilter(0x123, 0x8000_07FF),)


@contextmanager
def several(
    told: Told,
    *,
    fd: Mapping[int, bool] = {},
    backoff: Backoff = Backoff(),  # noqa: B008  frozen
    receive_bytes: int = RECEIVE_BYTES,
) -> Iterator[tuple[SocketCanReader, Backlog, tuple[UnixCan, ...]]]:
    """Two buses, the first and the third of three."""
    with unix_can(2) as interfaces:
        addresses = {
            index: BusAddress(f"can{index}", "socketcan", one.channel, fd.get(index, False))
            for index, one in zip((0, 2), interfaces, strict=True)
        }
        reader = SocketCanReader(
            addresses,
            buses=3,
            tick_s=0.02,
            log=told,
            clock=SystemClock(),
            backoff=backoff,
            receive_bytes=receive_bytes,
        )
        yield reader, Backlog(3, 100_000, 64 if fd else 8), interfaces


def of_bus(parts: list[Frames], bus: int) -> list[int]:
    return [int(can_id) for part in parts for can_id in part.can_id[part.bus == bus]]


async def test_one_thread_reads_all_buses_and_a_block_holds_what_all_had() -> None:
    told = Told()
    with several(told) as (reader, backlog, (one, two)), reading(reader, backlog):
        await told.heard("acquire.bus_opened", 2)
        assert reader.opened == {"can0", "can2"}
        assert [thread.name for thread in threading.enumerate() if "acquire" in thread.name] == ["acquire-socketcan"]
        for number in range(50):
            one.send(number, b"")
            two.send(0x100 | number, b"")
        parts = await taken(backlog, 100)

    assert of_bus(parts, 0) == list(range(50))
    assert of_bus(parts, 2) == [0x100 | number for number in range(50)]
    assert len(parts) < 50, "frames come together"
    assert reader.opened == frozenset()


async def test_more_than_a_bus_gives_at_once_all_arrives_in_its_order() -> None:
    told = Told()
    count = 2 * AT_ONCE + 7
    with several(told) as (reader, backlog, (one, two)), reading(reader, backlog):
        await told.heard("acquire.bus_opened", 2)

        def send() -> None:
            for number in range(count):
                one.send(number % 0x7FF, struct.pack("<Q", number))
                two.send(number % 0x7FF, struct.pack("<Q", number))

        await asyncio.to_thread(send)
        parts = await taken(backlog, 2 * count)

    for bus in (0, 2):
        mine = np.concatenate([part.data[part.bus == bus].view("<u8")[:, 0] for part in parts])
        assert mine.tolist() == list(range(count))


async def test_a_classic_bus_beside_one_with_can_fd_is_as_wide() -> None:
    told = Told()
    with several(told, fd={2: True}) as (reader, backlog, (one, two)), reading(reader, backlog):
        await told.heard("acquire.bus_opened", 2)
        two.send_bytes(fd(3, bytes([0xEE]) * 64))
        await taken(backlog, 1)
        one.send(1, b"abc")
        (part,) = await taken(backlog, 1)

    assert bytes(part.data[0]) == b"abc".ljust(64, b"\0")


async def test_what_the_kernel_lost_is_counted_for_its_bus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    told, lost = Told(), {0: 0}
    with several(told) as (reader, backlog, (one, two)), reading(reader, backlog):
        await told.heard("acquire.bus_opened", 2)
        first = one.receiver.fileno()
        monkeypatch.setattr(
            "edge_agent.acquire.socketcan.overruns", lambda source: lost[0] if source.fileno() == first else 0
        )
        lost[0] = 5
        two.send(1, b"")
        overruns = [0, 0, 0]
        async with asyncio.timeout(5):
            while not any(overruns):
                overruns = list(backlog.take().overruns)
                await asyncio.sleep(0.001)

    assert overruns == [5, 0, 0]


async def test_a_bus_that_fails_is_opened_again_while_the_other_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    soon = Backoff(first_s=0.001, cap_s=0.01)
    with several(told, backoff=soon) as (reader, backlog, (failing, steady)), reading(reader, backlog):
        await told.heard("acquire.bus_opened", 2)
        really, number, failures = Datagrams.receive, failing.receiver.fileno(), [True, True]

        def down_twice(self: Datagrams, source: socket.socket) -> int:
            if source.fileno() == number and failures:
                failures.pop()
                raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
            return really(self, source)

        monkeypatch.setattr(Datagrams, "receive", down_twice)
        failing.send(1, b"unread")
        await told.heard("acquire.bus_opened", 3)
        failing.send(2, b"")
        steady.send(3, b"")
        parts = await taken(backlog, 2)

    assert (of_bus(parts, 0), of_bus(parts, 2)) == ([2], [3])
    assert [fields["reason"] for fields in told.fields("acquire.bus_lost")] == ["Network is down"]


async def test_a_bus_that_waits_for_its_next_try_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    with several(told, backoff=Backoff(first_s=60)) as (reader, backlog, (absent, steady)):
        really = socket.socket.getsockopt

        def is_down(self: socket.socket, level: int, option: int, *more: int) -> object:
            down = option == socket.SO_ERROR and absent.channel.encode() in self.getsockname()
            return errno.ENETDOWN if down else really(self, level, option, *more)

        monkeypatch.setattr("socket.socket.getsockopt", is_down)
        with reading(reader, backlog):
            await told.heard("acquire.bus_lost")
            await told.heard("acquire.bus_opened")
            for _ in range(2):
                steady.send(3, b"")
                await taken(backlog, 1)
            assert reader.opened == {"can2"}

    assert len(told.fields("acquire.bus_lost")) == 1


async def test_filters_are_set_on_open_buses_soon_after_they_are_wanted() -> None:
    told = Told()
    with several(told) as (reader, backlog, (one, two)), reading(reader, backlog):
        await told.heard("acquire.bus_opened", 2)
        reader.pass_only({2: WANTED})
        await told.heard("acquire.id_filter_set")

        assert two.receiver.filters[-1] == filter_bytes(WANTED)
        assert filter_bytes(WANTED) not in one.receiver.filters
    assert told.fields("acquire.id_filter_set") == [{"bus": "can2", "filters": 1}]

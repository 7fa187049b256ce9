import asyncio
import errno
import os
import socket
import struct
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.block import Frame
from edge_agent.acquire.bus import Buses
from edge_agent.acquire.pythoncan import BusAddress
from edge_agent.acquire.recvmmsg import BLOCK_ROWS, Datagrams
from edge_agent.acquire.socketcan import RECEIVE_BYTES, SocketCan, SocketCanBus, columns_of_rows
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.errors import BusDown
from edge_agent.records import EXTENDED_ID, FrameBlock, FrameFlag
from tests.acquire.told import Told, frames_in
from tests.acquire.unix_can import CLASSIC, FD, UnixCan, classic, fd, unix_can

REMOTE, ERROR = 0x4000_0000, 0x2000_0000
AT_ONCE = threading.Event()
AT_ONCE.set()

ids = st.integers(0, 0x7FF) | st.integers(0, 0x1FFF_FFFF).map(lambda number: number | EXTENDED_ID)
marks = st.sampled_from([0, 0, 0, REMOTE, ERROR])
classic_rows = st.builds(
    lambda can_id, mark, length, data: CLASSIC.pack(can_id | mark, length, data),
    ids, marks, st.integers(0, 8), st.binary(min_size=8, max_size=8),
)  # fmt: skip
fd_rows = st.builds(FD.pack, ids, st.integers(0, 64), st.integers(0, 7), st.binary(min_size=64, max_size=64))


def frame_by_struct(row: bytes, t_ns: int, bus: int) -> Frame:
    """One frame read by the book: linux/can.h."""
    if len(row) == FD.size:
        word, length, _, data = FD.unpack(row)
    else:
        word, length, data = CLASSIC.unpack(row)
    flags = FrameFlag(0)
    if word & REMOTE:
        flags |= FrameFlag.REMOTE
        data = b""
    if word & ERROR:
        flags |= FrameFlag.ERROR
    if len(row) == FD.size:
        flags |= FrameFlag.FD
    return Frame(t_ns, bus, word & ~(REMOTE | ERROR), flags.value, length, data[:length])


@given(st.lists(st.one_of(classic_rows, fd_rows), max_size=30), st.integers(0, 255))
def test_rows_mean_what_struct_reads_in_them_and_are_zero_beyond_their_length(rows: list[bytes], bus: int) -> None:
    given = np.full((len(rows), FD.size), 0xEE, np.uint8)
    for at, row in enumerate(rows):
        given[at, : len(row)] = np.frombuffer(row, np.uint8)
    lengths = np.array([len(row) for row in rows], np.int64)
    columns = columns_of_rows(given, lengths, np.arange(len(rows), dtype=np.int64), bus)

    for at, row in enumerate(rows):
        expected = frame_by_struct(row, at, bus)
        found = [columns.t_ns[at], columns.bus[at], columns.can_id[at], columns.flags[at], columns.length[at]]
        assert found == list(expected[:5])
        assert bytes(columns.data[at]) == expected.data.ljust(64, b"\0")


@given(st.lists(classic_rows, max_size=30))
def test_a_classic_bus_gives_8_bytes_and_arrays_of_its_own(rows: list[bytes]) -> None:
    given = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), 16).copy()
    columns = columns_of_rows(given, np.full(len(rows), 16), np.zeros(len(rows), np.int64), 0)
    given[:] = 0xEE

    assert columns.data.shape == (len(rows), 8)
    assert columns.data.flags.c_contiguous
    assert [
        frame_by_struct(row, 0, 0) for row in rows
    ] == [
        Frame(0, 0, int(can_id), int(flags), int(length), b"" if flags & FrameFlag.REMOTE else bytes(data[:length]))
        for can_id, flags, length, data in zip(
            columns.can_id, columns.flags, columns.length, columns.data, strict=True
        )
    ]  # fmt: skip


@contextmanager
def opened(*, fd: bool = False) -> Iterator[tuple[SocketCanBus, UnixCan]]:
    with unix_can() as (interface,):
        bus = SocketCanBus(BusAddress("drive", "socketcan", interface.channel, fd), 3)
        try:
            yield bus, interface
        finally:
            bus.close()


def test_a_block_read_from_a_bus_holds_all_that_waited_with_the_kernels_times() -> None:
    backlog = Backlog(100, fd=False)
    with opened() as (bus, interface):
        began_ns = time.time_ns()
        for number in range(20):
            interface.send(number, bytes(range(number % 9)))
        bus.read_into(backlog, AT_ONCE)
    (part,) = backlog.take().parts

    assert part.can_id.tolist() == list(range(20))
    assert set(part.bus.tolist()) == {3}
    assert began_ns <= part.t_ns[0]
    assert (np.diff(part.t_ns) >= 0).all()
    assert (part.t_ns % 1000 != 0).any(), "finer than a microsecond"


def test_a_can_fd_bus_gives_classic_frames_too_and_tells_them_apart() -> None:
    backlog = Backlog(100, fd=True)
    with opened(fd=True) as (bus, interface):
        interface.send_bytes(fd(1, bytes([0xEE]) * 64))
        bus.read_into(backlog, AT_ONCE)
        backlog.take()
        interface.send_bytes(classic(2, b"abc"))
        interface.send_bytes(fd(3, bytes(range(48))))
        bus.read_into(backlog, AT_ONCE)
    (part,) = backlog.take().parts

    assert part.flags.tolist() == [0, FrameFlag.FD]
    assert part.length.tolist() == [3, 48]
    assert [bytes(row) for row in part.data] == [b"abc".ljust(64, b"\0"), bytes(range(48)).ljust(64, b"\0")]


def test_a_failure_is_told_after_the_frames_that_came_ahead_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives a socket's error first, though frames wait behind it."""
    really, failed = Datagrams.receive, list[bool]()

    def down_once(self: Datagrams) -> int:
        if not failed:
            failed.append(True)
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        return really(self)

    backlog = Backlog(100, fd=False)
    with opened() as (bus, interface):
        interface.send(7, b"last")
        monkeypatch.setattr(Datagrams, "receive", down_once)
        bus.read_into(backlog, AT_ONCE)
        with pytest.raises(BusDown, match="bus 'drive' cannot be read: Network is down"):
            bus.read_into(backlog, AT_ONCE)

    assert [part.can_id.tolist() for part in backlog.take().parts] == [[7]]


def test_a_failure_that_stays_is_told_at_its_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_: Datagrams) -> int:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    backlog = Backlog(100, fd=False)
    with opened() as (bus, interface):
        interface.send(7, b"last")
        monkeypatch.setattr(Datagrams, "receive", down)
        bus.read_into(backlog, AT_ONCE)
        with pytest.raises(BusDown, match="No such device"):
            bus.read_into(backlog, AT_ONCE)


def test_an_interface_that_is_down_is_told_when_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    really = socket.socket.getsockopt

    def is_down(self: socket.socket, level: int, option: int, *more: int) -> object:
        return errno.ENETDOWN if option == socket.SO_ERROR else really(self, level, option, *more)

    with unix_can() as (interface,):
        monkeypatch.setattr("socket.socket.getsockopt", is_down)
        with pytest.raises(BusDown, match="Network is down"):
            SocketCanBus(BusAddress("drive", "socketcan", interface.channel), 0)


def test_a_receive_buffer_that_stays_small_is_told_once_however_often_the_bus_is_opened() -> None:
    told = Told()
    with unix_can() as (interface,):
        address = BusAddress("drive", "socketcan", interface.channel)
        impossible = SocketCan(address, 0, receive_bytes=(1 << 31) - 1, log=told)
        for _ in range(2):
            impossible().close()
        modest = SocketCan(address, 0, receive_bytes=65_536, log=told)
        modest().close()

    (fields,) = told.fields("acquire.receive_buffer_small")
    assert fields["bus"] == "drive"
    assert 0 < int(str(fields["bytes"])) < int(str(fields["wanted_bytes"])) == (1 << 31) - 1


def test_without_the_right_to_more_the_kernels_usual_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    really = socket.socket.setsockopt
    asked = []

    def unprivileged(self: socket.socket, level: int, option: int, value: int) -> None:
        asked.append(option)
        if option == 33:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        really(self, level, option, value)

    with unix_can() as (interface,):
        monkeypatch.setattr("socket.socket.setsockopt", unprivileged)
        bus = SocketCanBus(BusAddress("drive", "socketcan", interface.channel), 0)
        bus.close()

    assert asked.index(33) + 1 == asked.index(socket.SO_RCVBUF)
    assert 0 < bus.receive_bytes <= RECEIVE_BYTES


async def until(blocks: AsyncGenerator[FrameBlock, None], frames: int) -> list[FrameBlock]:
    found: list[FrameBlock] = []
    while sum(len(block) + sum(block.dropped) for block in found) < frames:
        found.append(await anext(blocks))
    return found


async def test_many_frames_of_two_buses_all_arrive_in_the_order_of_the_kernels_times() -> None:
    told = Told()
    with unix_can(2) as interfaces:
        addresses = [BusAddress(f"can{at}", "socketcan", one.channel) for at, one in enumerate(interfaces)]
        async with aclosing(Buses(addresses, log=told, clock=SystemClock(), tick_ms=20).blocks()) as blocks:
            first = asyncio.create_task(anext(blocks), name="first block")
            await told.heard("acquire.bus_opened", 2)

            def send() -> None:
                for number in range(4 * BLOCK_ROWS):
                    interfaces[number % 2].send(number % 0x7FF, struct.pack("<Q", number))

            sending = asyncio.create_task(asyncio.to_thread(send), name="send")
            found = await until(blocks, 4 * BLOCK_ROWS - len(await first))
            found.append(first.result())
            await sending

    numbers = [struct.unpack("<Q", frame.data)[0] for block in found for frame in frames_in(block)]
    assert sorted(numbers) == list(range(4 * BLOCK_ROWS))
    assert all((np.diff(block.t_ns) >= 0).all() for block in found)
    assert told.levels("acquire.frames_dropped") == []


async def test_a_bus_that_fails_is_opened_again_while_the_other_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    with unix_can(2) as (failing, steady):
        addresses = [BusAddress(name, "socketcan", one.channel) for name, one in (("a", failing), ("b", steady))]
        buses = Buses(addresses, log=told, clock=SystemClock(), tick_ms=20, backoff=Backoff(first_s=0.001, cap_s=0.01))
        async with aclosing(buses.blocks()) as blocks:
            first = asyncio.create_task(anext(blocks), name="first block")
            await told.heard("acquire.bus_opened", 2)
            await first
            really, failures = Datagrams.receive, [True, True]

            def down_twice(self: Datagrams) -> int:
                if threading.current_thread().name == "acquire-a" and failures:
                    failures.pop()
                    raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
                return really(self)

            monkeypatch.setattr(Datagrams, "receive", down_twice)
            failing.send(1, b"unread")
            await told.heard("acquire.bus_opened", 3)
            failing.send(2, b"")
            steady.send(3, b"")
            found = await until(blocks, 2)

    assert sorted(frame.can_id for block in found for frame in frames_in(block)) == [2, 3]
    assert [fields["reason"] for fields in told.fields("acquire.bus_lost")] == ["Network is down"]

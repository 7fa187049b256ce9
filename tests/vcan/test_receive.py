"""What arrives from real SocketCAN interfaces, and how exactly."""

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import closing

import can
import pytest

from edge_agent.acquire.block import Frame
from edge_agent.acquire.recvmmsg import SO_TIMESTAMPNS
from edge_agent.records import EXTENDED_ID, FrameFlag
from tests.vcan.interface import VCAN0, VCAN1, run, sender, watching

pytestmark = [pytest.mark.vcan, pytest.mark.timeout(60)]

MANY = 3000


def rows(frames: Sequence[Frame]) -> list[tuple[int, int, int, bytes]]:
    return [(frame.can_id, frame.flags, frame.length, frame.data) for frame in frames]


async def test_what_cansend_sends_arrives_as_it_was_typed() -> None:
    async with watching(VCAN0, fd=True) as watch:
        for typed in ("123#DEADBEEF", "7FF#", "18FEF100#0102030405060708", "123#R4", "123##1" + "AB" * 20):
            await run("cansend", VCAN0, typed)
        frames = await watch.arrived(5)

    assert rows(frames) == [
        (0x123, 0, 4, bytes.fromhex("DEADBEEF")),
        (0x7FF, 0, 0, b""),
        (EXTENDED_ID | 0x18FEF100, 0, 8, bytes(range(1, 9))),
        (0x123, FrameFlag.REMOTE, 4, bytes(4)),
        (0x123, FrameFlag.FD, 20, b"\xab" * 20),
    ]


async def test_every_frame_of_two_generators_arrives_in_its_order_and_merged_by_time() -> None:
    generated = ("-g", "0", "-p", "100", "-n", "1000", "-I", "100", "-L", "8", "-D", "i")
    async with watching(VCAN0, VCAN1) as watch:
        await asyncio.gather(run("cangen", VCAN0, *generated), run("cangen", VCAN1, *generated))
        frames = await watch.arrived(2000)

    for bus in (0, 1):
        mine = [frame for frame in frames if frame.bus == bus]
        assert [struct.unpack("<Q", frame.data)[0] for frame in mine] == list(range(1000))
        assert [frame.t_ns for frame in mine] == sorted(frame.t_ns for frame in mine)
    assert watch.dropped == 0
    assert watch.most > 1, "frames travel in blocks"


async def test_can_fd_and_classic_frames_of_python_can_arrive_from_both_buses() -> None:
    sizes = (0, 1, 7, 8, 12, 16, 20, 24, 32, 48, 64)
    async with watching(VCAN0, VCAN1, fd=True) as watch:
        with sender(VCAN0, fd=True) as one, sender(VCAN1, fd=True) as two:
            for at, size in enumerate(sizes):
                (one, two)[at % 2].send(can.Message(arbitration_id=at, is_fd=True, data=bytes(range(size))))
                (one, two)[at % 2].send(can.Message(arbitration_id=at, is_extended_id=False, data=b"\xee" * (at % 9)))
        frames = await watch.arrived(2 * len(sizes))

    expected: list[tuple[int, int, int, bytes]] = []
    for at, size in enumerate(sizes):
        expected.append((EXTENDED_ID | at, FrameFlag.FD, size, bytes(range(size))))
        expected.append((at, 0, at % 9, b"\xee" * (at % 9)))
    assert sorted(rows(frames)) == sorted(expected)
    assert {frame.bus for frame in frames} == {0, 1}


async def test_a_bus_without_can_fd_gets_the_classic_frames_alone() -> None:
    async with watching(VCAN0) as watch:
        with sender(VCAN0, fd=True) as bus:
            bus.send(can.Message(arbitration_id=1, is_fd=True, data=bytes(64)))
            bus.send(can.Message(arbitration_id=2, is_extended_id=False, data=b"ab"))
        frames = await watch.arrived(1)

    assert rows(frames) == [(2, 0, 2, b"ab")]


async def test_times_are_to_the_nanosecond_those_that_another_socket_is_given() -> None:
    with closing(socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)) as other:
        other.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        other.bind((VCAN0,))
        async with watching(VCAN0) as watch:
            began_ns = time.time_ns()
            await run("cangen", VCAN0, "-g", "1", "-n", "50")
            frames = await watch.arrived(50)
            ended_ns = time.time_ns()
        stamps = []
        for _ in range(50):
            _, ((_, _, stamp),), *_ = other.recvmsg(16, 64)
            seconds, nanoseconds = struct.unpack("@ll", stamp)
            stamps.append(seconds * 1_000_000_000 + nanoseconds)

    assert [frame.t_ns for frame in frames] == stamps
    assert began_ns <= stamps[0] <= stamps[-1] <= ended_ns
    assert stamps == sorted(stamps)


async def test_frames_that_found_no_room_are_counted_exactly_though_none_follows() -> None:
    async with watching(VCAN0, receive_bytes=1) as watch:
        with sender(VCAN0) as bus:
            message = can.Message(arbitration_id=1, data=bytes(8))
            await asyncio.to_thread(lambda: [bus.send(message) for _ in range(MANY)])
        frames = await watch.arrived(MANY)
    told = watch.told.fields("acquire.frames_dropped")

    assert len(frames) + watch.dropped == MANY
    assert watch.dropped > MANY / 2
    assert sum(int(str(fields["count"])) for fields in told) == watch.dropped
    assert {(fields["bus"], str(fields["reason"]).startswith("the kernel's")) for fields in told} == {(VCAN0, True)}


async def test_the_buffer_that_is_asked_for_holds_what_a_stalled_reader_leaves() -> None:
    async with watching(VCAN0) as watch:
        with sender(VCAN0) as bus:
            message = can.Message(arbitration_id=1, data=bytes(8))
            # On this thread: the loop is held up until all are sent.
            for _ in range(MANY):
                bus.send(message)
        frames = await watch.arrived(MANY)

    assert (len(frames), watch.dropped) == (MANY, 0)
    assert watch.told.levels("acquire.receive_buffer_small") == []


async def test_remote_and_error_frames_are_flagged() -> None:
    async with watching(VCAN0) as watch:
        with sender(VCAN0) as bus:
            bus.send(can.Message(arbitration_id=0x18FF0001, is_remote_frame=True, dlc=3))
            bus.send(can.Message(arbitration_id=0x40, is_extended_id=False, is_error_frame=True, dlc=8, data=bytes(8)))
        frames = await watch.arrived(2)

    assert [(frame.can_id, frame.flags, frame.length) for frame in frames] == [
        (EXTENDED_ID | 0x18FF0001, FrameFlag.REMOTE, 3),
        (0x40, FrameFlag.ERROR, 8),
    ]

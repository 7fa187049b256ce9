"""What it costs to receive: python-can's recv, frame by frame, beside blocks, over the same kind of socket."""

import logging
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import can

from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, merge
from edge_agent.acquire.pythoncan import BusAddress
from edge_agent.acquire.socketcan import SocketCanBus
from tests.acquire.unix_can import classic, fd, unix_can

BURSTS = (20, 200)
"""frames of a tick: a quiet bus, and a full one (4000 frames/s, 50 ms)"""
ROUNDS = 200
AT_ONCE = threading.Event()
AT_ONCE.set()

Drain = Callable[[int], None]


def bench_receive() -> None:
    """One table; trust the ratios."""
    logging.getLogger("can").setLevel(logging.CRITICAL)  # it says that the stand-in is no CAN socket
    print(
        "\nreceive: a stand-in for SocketCAN (datagrams of a unix socket, the kernel's times); a real CAN_RAW socket's"
    )
    print("share of the kernel is not in it")
    for frame, width, kind in (
        (classic(0x123, bytes(range(8))), CLASSIC_BYTES, "classic"),
        (fd(0x123, bytes(range(64))), FD_BYTES, "CAN FD, 64 bytes"),
    ):
        for burst in BURSTS:
            theirs, ours = _costs(frame, burst, fd=width == FD_BYTES)
            print(f"  {kind}, {burst} frames at a time")
            print(f"    {'python-can, recv':<50} {theirs:8.2f} us/frame")
            print(f"    {'this agent, a block':<50} {ours:8.2f} us/frame   {theirs / ours:6.1f} x python-can")


def _costs(frame: bytes, burst: int, *, fd: bool) -> tuple[float, float]:
    """Median microseconds a frame of the two ways, in turns; sending is not measured."""
    with unix_can(2) as (one, two), _python_can(one.channel, fd=fd) as theirs, _own(two.channel, fd=fd) as ours:
        costs: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for interface, drain, cost in ((one, theirs, costs[0]), (two, ours, costs[1])):
                for _ in range(burst):
                    interface.send_bytes(frame)
                began = time.process_time_ns()
                drain(burst)
                cost.append((time.process_time_ns() - began) / 1000 / burst)
    return statistics.median(costs[0]), statistics.median(costs[1])


@contextmanager
def _python_can(channel: str, *, fd: bool) -> Iterator[Drain]:
    with can.Bus(channel=channel, interface="socketcan", fd=fd, ignore_config=True) as bus:

        def drain(frames: int) -> None:
            for _ in range(frames):
                assert bus.recv(1.0) is not None

        yield drain


@contextmanager
def _own(channel: str, *, fd: bool) -> Iterator[Drain]:
    width = FD_BYTES if fd else CLASSIC_BYTES
    backlog = Backlog(1 << 16, fd=fd)
    with closing(SocketCanBus(BusAddress("bench", "socketcan", channel, fd), 0)) as bus:

        def drain(frames: int) -> None:
            bus.read_into(backlog, AT_ONCE)
            assert len(merge(backlog.take().parts, width)) == frames

        yield drain

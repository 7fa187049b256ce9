"""What it costs to receive: python-can's recv, frame by frame, beside blocks, over the same kind of socket."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import can
import structlog

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, merge
from edge_agent.acquire.poll import SocketCanReader
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from tests.acquire.unix_can import UnixCan, classic, fd, unix_can

BUSES = 4
TICK_FRAMES = (5, 20, 50, 100, 200)
"""frames of one bus in a tick of 50 ms: 100 a second, and a full bus of 500 kbit/s, 4000 a second"""
ROUNDS = 100

Drain = Callable[[int], None]


def bench_receive() -> None:
    """One table; trust the ratios."""
    print(f"\nreceive: a tick of 50 ms of {BUSES} stand-ins for SocketCAN (datagrams of unix sockets, kernel's times);")
    print("a real CAN_RAW socket's share of the kernel is not in it")
    for frame, width, kind in (
        (classic(0x123, bytes(range(8))), CLASSIC_BYTES, "classic"),
        (fd(0x123, bytes(range(64))), FD_BYTES, "CAN FD, 64 bytes"),
    ):
        print(f"  {kind:<42} python-can, recv   this agent, a block")
        for burst in TICK_FRAMES:
            theirs, ours = _costs(frame, burst, fd=width == FD_BYTES)
            print(
                f"    {burst:3} frames a bus, {20 * burst:4} a second {theirs:19.2f} us/frame {ours:13.2f} us/frame"
                f"   {theirs / ours:6.1f} x python-can"
            )


def _costs(frame: bytes, burst: int, *, fd: bool) -> tuple[float, float]:
    """Median microseconds a frame of the two ways, in turns; sending is not measured."""
    with (
        unix_can(2 * BUSES) as interfaces,
        _python_can(interfaces[:BUSES], fd=fd) as theirs,
        _own(interfaces[BUSES:], fd=fd) as ours,
    ):
        ways = ((interfaces[:BUSES], theirs), (interfaces[BUSES:], ours))
        rounds = [[_cost(receivers, drain, frame, burst) for receivers, drain in ways] for _ in range(ROUNDS)]
    return statistics.median(cost for cost, _ in rounds), statistics.median(cost for _, cost in rounds)


def _cost(interfaces: tuple[UnixCan, ...], drain: Drain, frame: bytes, burst: int) -> float:
    for interface in interfaces:
        for _ in range(burst):
            interface.send_bytes(frame)
    began = time.thread_time_ns()
    drain(burst)
    return (time.thread_time_ns() - began) / 1000 / burst / BUSES


@contextmanager
def _python_can(interfaces: tuple[UnixCan, ...], *, fd: bool) -> Iterator[Drain]:
    with ExitStack() as stack:
        buses = [
            stack.enter_context(can.Bus(channel=one.channel, interface="socketcan", fd=fd, ignore_config=True))
            for one in interfaces
        ]

        def drain(frames: int) -> None:
            for bus in buses:
                for _ in range(frames):
                    assert bus.recv(1.0) is not None

        yield drain


@contextmanager
def _own(interfaces: tuple[UnixCan, ...], *, fd: bool) -> Iterator[Drain]:
    width = FD_BYTES if fd else CLASSIC_BYTES
    backlog = Backlog(BUSES, 1 << 16, width)
    reader = SocketCanReader(
        {at: BusAddress(f"bench{at}", "socketcan", one.channel, fd) for at, one in enumerate(interfaces)},
        buses=BUSES,
        tick_s=0.05,
        log=structlog.get_logger(),
        clock=SystemClock(),
        backoff=Backoff(),
    )
    reader.keep_open()

    def drain(frames: int) -> None:
        reader.read_round(backlog)
        assert len(merge(backlog.take().parts, width)) == BUSES * frames

    try:
        yield drain
    finally:
        reader.close()

"""vcan interfaces as `ip` makes them, frames as others send and record them, and the buses as the agent reads them."""

import asyncio
import fcntl
import socket
import struct
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path

import can

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.block import Frame
from edge_agent.acquire.bus import Buses
from edge_agent.acquire.socketcan import RECEIVE_BYTES
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from tests.acquire.told import Told, frames_in
from tests.journey.line import until

VCAN0, VCAN1 = "vcan0", "vcan1"
SIOCSIFFLAGS = 0x8914
RECEIVERS = Path("/proc/net/can/rcvlist_all")
"""one line for each socket that takes all frames of an interface"""


async def run(*words: str) -> None:
    """A command that must succeed."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, (words, said.decode())


async def link(*words: str) -> None:
    """`ip link ...`."""
    await run("ip", "link", *words)


def set_down(interface: str) -> None:
    """What `ip link set INTERFACE down` does, without the time that a command takes."""
    with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", interface.encode(), 0))


def exists(interface: str) -> bool:
    return interface in {name for _, name in socket.if_nameindex()}


async def make(interface: str) -> None:
    """The interface, anew and up."""
    await link("add", interface, "type", "vcan")
    await link("set", interface, "mtu", "72", "up")


@contextmanager
def sender(interface: str, *, fd: bool = False) -> Iterator[can.BusABC]:
    """python-can on an interface."""
    with can.Bus(channel=interface, interface="socketcan", fd=fd, ignore_config=True) as bus:
        yield bus


def receivers(interface: str) -> int:
    return RECEIVERS.read_text().split().count(interface)


@asynccontextmanager
async def candump(interface: str, path: Path) -> AsyncIterator[None]:
    """A recording of the interface that can-utils make meanwhile, with the kernel's times cut to microseconds."""
    before = receivers(interface)
    with path.open("wb") as out:
        process = await asyncio.create_subprocess_exec("candump", "-L", "-r", "8000000", interface, stdout=out)
    try:
        await until(lambda: receivers(interface) > before)
        yield
    finally:
        process.terminate()
        await process.wait()


class Watch:
    """What the agent's source gives of some buses."""

    def __init__(self, buses: Buses, told: Told) -> None:
        self.buses = buses
        self.told = told
        self.frames: list[Frame] = []
        self.dropped = 0
        self.most = 0
        """frames of the largest block"""

    async def read(self) -> None:
        """Until cancelled."""
        async with aclosing(self.buses.blocks()) as blocks:
            async for block in blocks:
                self.frames += frames_in(block)
                self.dropped += sum(block.dropped)
                self.most = max(self.most, len(block))

    async def arrived(self, count: int) -> list[Frame]:
        """The frames, when `count` have arrived or been counted as lost."""
        await until(lambda: len(self.frames) + self.dropped >= count)
        return self.frames


@asynccontextmanager
async def watching(
    *interfaces: str, fd: bool = False, receive_bytes: int = RECEIVE_BYTES, only_wanted: Collection[str] = ()
) -> AsyncIterator[Watch]:
    """Buses of the interfaces' names, all open."""
    buses = Buses(
        [BusAddress(name, "socketcan", name, fd) for name in interfaces],
        log=(told := Told()),
        clock=SystemClock(),
        tick_ms=20,
        only_wanted=only_wanted,
        backoff=Backoff(first_s=0.02, cap_s=0.2),
        receive_bytes=receive_bytes,
    )
    watch = Watch(buses, told)
    reading = asyncio.create_task(watch.read(), name="watch")
    try:
        await watch.told.heard("acquire.bus_opened", len(interfaces))
        yield watch
    finally:
        reading.cancel()
        await asyncio.wait((reading,))

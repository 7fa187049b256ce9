"""Datagrams on a unix socket in place of a SocketCAN interface: the same bytes, and the kernel's own times.

Our own code runs above it, and python-can's. What only a CAN socket does (error frames, lost frames, an interface that
goes down) is shown on real interfaces, in tests/vcan.
"""

import socket
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

CLASSIC = struct.Struct("=IB3x8s")
FD = struct.Struct("=IBB2x64s")


class CanSocket(socket.socket):
    """Keeps the id filters that a CAN socket would take; it lets everything through."""

    def __init__(self, interfaces: Mapping[str, "UnixCan"]) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.filters: list[bytes] = []
        self._interfaces = interfaces

    def bind(self, address: tuple[str]) -> None:  # type: ignore[override]
        """To an interface, by its name."""
        self._interfaces[address[0]].attach(self)

    def bind_path(self, path: str) -> None:
        super().bind(path)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:  # type: ignore[override]
        if level != socket.SOL_CAN_RAW:
            super().setsockopt(level, option, value)
        elif option == socket.CAN_RAW_FILTER:
            assert isinstance(value, bytes)
            self.filters.append(value)


class UnixCan:
    """One interface, and somebody who sends on it."""

    receiver: CanSocket
    """the socket that was opened last"""

    def __init__(self) -> None:
        self.channel = uuid.uuid4().hex[:12]
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.bind(f"\0{self.channel}-sender")

    def attach(self, receiver: CanSocket) -> None:
        """Bind a receiver; as it is connected to the sender, its queue is bounded by the sender's buffer alone."""
        self.receiver = receiver
        receiver.bind_path(f"\0{self.channel}")
        receiver.connect(f"\0{self.channel}-sender")

    def send_bytes(self, frame: bytes) -> None:
        self._sender.sendto(frame, f"\0{self.channel}")

    def send(self, can_id: int, data: bytes) -> None:
        self.send_bytes(classic(can_id, data))

    def close(self) -> None:
        self._sender.close()


def classic(can_id: int, data: bytes) -> bytes:
    """A struct can_frame."""
    return CLASSIC.pack(can_id, len(data), data)


def fd(can_id: int, data: bytes) -> bytes:
    """A struct canfd_frame."""
    return FD.pack(can_id, len(data), 0, data)


@contextmanager
def unix_can(count: int = 1) -> Iterator[tuple[UnixCan, ...]]:
    """Interfaces that we, and python-can, find by their channel while this lasts."""
    interfaces = {one.channel: one for one in (UnixCan() for _ in range(count))}
    with pytest.MonkeyPatch.context() as patch:
        for place in ("edge_agent.acquire.socketcan.raw_socket", "can.interfaces.socketcan.socketcan.create_socket"):
            patch.setattr(place, lambda: CanSocket(interfaces))
        try:
            yield tuple(interfaces.values())
        finally:
            for one in interfaces.values():
                one.close()

"""`python -m bench.udp_can`: the agent as its container starts it, with UDP on the loopback in place of SocketCAN.

A bus of the channel `40001` hears what is sent to that port. UDP's sockets count what finds no room as CAN sockets do.
"""

import socket
import sys

from can.interfaces.socketcan import socketcan

HOST = "127.0.0.1"


class UdpCan(socket.socket):
    """A CAN socket as far as python-can can tell."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:  # type: ignore[override]
        """Filters and the like are let be."""
        if level != socket.SOL_CAN_RAW:
            super().setsockopt(level, option, value)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for one in holders:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in holders]
    finally:
        for one in holders:
            one.close()


def _bind(sock: socket.socket, channel: str = "0") -> None:
    sock.bind((HOST, int(channel)))


if __name__ == "__main__":
    socketcan.create_socket = UdpCan
    socketcan.bind_socket = _bind
    sys.argv[1:] = ["run"]
    from edge_agent.__main__ import main

    main()

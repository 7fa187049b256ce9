"""`python -m bench.udp_can`: the agent as its container starts it, with UDP on the loopback in place of SocketCAN.

A bus of the channel `40001` hears what is sent to that port. UDP's sockets count what finds no room as CAN sockets do.
"""

import socket
import sys

from edge_agent.acquire import socketcan

HOST = "127.0.0.1"


class UdpCan(socket.socket):
    """A CAN socket as far as the agent can tell; an interface's name is a port."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:  # type: ignore[override]
        """Filters and the like are let be."""
        if level != socket.SOL_CAN_RAW:
            super().setsockopt(level, option, value)

    def bind(self, address: tuple[str]) -> None:  # type: ignore[override]
        """To that port."""
        super().bind((HOST, int(address[0])))


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


if __name__ == "__main__":
    socketcan.raw_socket = UdpCan
    sys.argv[1:] = ["run"]
    from edge_agent.__main__ import main

    main()

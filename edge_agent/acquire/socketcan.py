"""One SocketCAN bus, opened and read in bulk without python-can, which is 3 MB that no other bus here would need."""

import os
import socket

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.can_frame import Filters, filter_bytes
from edge_agent.acquire.recvmmsg import Datagrams, ask_for_times, overruns
from edge_agent.errors import BusDown

RECEIVE_BYTES = 4 << 20
"""Receive buffer asked for: about two seconds of a full 500 kbit/s bus; the usual one holds 60 ms."""

SO_RCVBUFFORCE = 33
CAN_RAW_ERR_FILTER = 2
"""linux/can/raw.h; Python 3.11 has no names for these two"""


class SocketCanBus:
    """One open bus, used by one thread. Raises BusDown, from the constructor too."""

    def __init__(self, address: BusAddress, receive_bytes: int = RECEIVE_BYTES) -> None:
        self.down: BusDown | None = None
        """why the bus is gone, once all that came before is read"""
        self._name = address.name
        self._failure: OSError | None = None
        self._overruns = 0
        try:
            self._socket = raw_socket()
        except OSError as error:
            raise BusDown(self._name, _told(error), act="opened") from error
        try:
            self.receive_bytes = _enlarged(self._socket, receive_bytes)
            ask_for_times(self._socket)
            _bind(self._socket, address)
            _raise_waiting_error(self._socket)
        except OSError as error:
            self._socket.close()
            raise BusDown(self._name, _told(error), act="opened") from error

    def fileno(self) -> int:
        """The socket's number, to wait on."""
        return self._socket.fileno()

    def pass_only(self, filters: Filters | None) -> None:
        """Have the kernel hold back all ids but these; None passes all. Error frames always pass. Raises BusDown."""
        try:
            self._socket.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FILTER, filter_bytes(filters))
        except OSError as error:
            raise BusDown(self._name, _told(error)) from error

    def receive(self, datagrams: Datagrams) -> int:
        """Add what is there to `datagrams`; how many frames it is. A failure is told by `down`.

        The kernel gives a socket's error before the frames that came ahead of it, so it is read on once.
        """
        try:
            count = datagrams.receive(self._socket)
        except OSError as error:
            if self._failure is None:
                self._failure = error
                return self.receive(datagrams)
            count = 0
        if self._failure is not None and count < datagrams.at_once:
            self.down = BusDown(self._name, _told(self._failure))
        return count

    def overrun(self) -> int:
        """Frames that found the receive buffer full since the call before."""
        before, self._overruns = self._overruns, overruns(self._socket)
        return (self._overruns - before) % (1 << 32)

    def close(self) -> None:
        """Release the bus; it may be gone already."""
        self._socket.close()


def raw_socket() -> socket.socket:
    """A CAN socket of no interface yet. Raises OSError, where the kernel has no SocketCAN."""
    return socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)


def _bind(can_socket: socket.socket, address: BusAddress) -> None:
    """Have it hear its interface: all ids, error frames too, and CAN FD where it was asked for."""
    can_socket.setsockopt(socket.SOL_CAN_RAW, CAN_RAW_ERR_FILTER, socket.CAN_ERR_MASK)
    if address.fd:
        can_socket.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FD_FRAMES, 1)
    can_socket.bind((address.channel,))


def _enlarged(can_socket: socket.socket, wanted: int) -> int:
    """Ask for a receive buffer; how large it is now. Beyond net.core.rmem_max it takes CAP_NET_ADMIN."""
    try:
        can_socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, wanted)
    except PermissionError:
        can_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    # The kernel doubles what is asked for, to have room for its own records (socket(7)).
    return can_socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


def _raise_waiting_error(can_socket: socket.socket) -> None:
    """Raise OSError for an interface that is down: it can be bound, then the error waits (raw.c, raw_bind)."""
    number = can_socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def _told(error: OSError) -> str:
    return error.strerror or str(error)

"""SocketCAN in bulk: python-can opens and configures the bus, its frames are then read in blocks."""

import os
import select
import socket
import threading

import numpy as np

from edge_agent import events
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Columns
from edge_agent.acquire.pythoncan import BusAddress, PythonCanBus
from edge_agent.acquire.recvmmsg import BLOCK_ROWS, Datagrams
from edge_agent.errors import BusDown
from edge_agent.records import I64, U8, FrameFlag

RECEIVE_BYTES = 4 << 20
"""Receive buffer asked for: about two seconds of a full 500 kbit/s bus; the usual one holds 60 ms."""

WAIT_MS = 100
"""How long a read waits for the first frame."""

GATHER_S = 0.05
"""How long a read lets frames come together: 4 x 4000 frames/s cost 6 % of a core, at 20 ms 10 %, at 0 55 % (x86)."""

SMALL_GATHER_S = 0.02
"""The same where RECEIVE_BYTES were not given: a third of what the usual buffer holds."""

CLASSIC_ROW = 16
FD_ROW = 72
"""struct can_frame and struct canfd_frame, linux/can.h"""

SO_RCVBUFFORCE = 33
_ROW_HEAD = 8
_ID_BITS = np.uint32(0x9FFF_FFFF)
_MARKS_SHIFT = 29
_FLAGS_OF_MARKS: U8 = np.array([0, FrameFlag.ERROR, FrameFlag.REMOTE, FrameFlag.ERROR | FrameFlag.REMOTE], np.uint8)
"""by bits 30 and 29 of an id, CAN_RTR_FLAG and CAN_ERR_FLAG of linux/can.h; its bit 31 is our EXTENDED_ID"""
_REMOTE_ROWS = 256
_KEPT: U8 = np.tri(2 * _REMOTE_ROWS, FD_BYTES, -1, dtype=np.uint8) * np.uint8(255)
"""[length] a mask of the bytes that count: what the kernel leaves beyond them is not said to be zero"""
_KEPT[_REMOTE_ROWS:] = 0  # a remote frame has no data, its length is what it asks for
_KEPT_OF_ROWS = {CLASSIC_ROW: np.ascontiguousarray(_KEPT[:, :CLASSIC_BYTES]), FD_ROW: _KEPT}


def columns_of_rows(rows: U8, row_lengths: I64, t_ns: I64, bus: int) -> Columns:
    """Columns of frames as the kernel lays them out, [n, 16] or [n, 72] with CAN FD; nothing of `rows` is kept."""
    word = rows.view(np.uint32)[:, 0]
    length = rows[:, 4].astype(np.uint16)
    flags = _FLAGS_OF_MARKS[word >> _MARKS_SHIFT & 3]
    kept = length + (flags & np.uint8(FrameFlag.REMOTE)) * np.uint16(_REMOTE_ROWS)
    if rows.shape[1] == FD_ROW:
        flags |= (row_lengths == FD_ROW) * np.uint8(FrameFlag.FD)
    return Columns(
        t_ns=t_ns,
        bus=np.full(len(rows), bus, np.uint8),
        can_id=word & _ID_BITS,
        flags=flags,
        length=length,
        data=rows[:, _ROW_HEAD:] & _KEPT_OF_ROWS[rows.shape[1]].take(kept, axis=0),
    )


class SocketCanBus:
    """One open SocketCAN bus, used by one thread. Raises BusDown, from the constructor too.

    All ids are let through: a filter in the kernel would save time, but unknown ids could not be counted.
    """

    def __init__(self, address: BusAddress, index: int, receive_bytes: int = RECEIVE_BYTES) -> None:
        self._name = address.name
        self._index = index
        self._more = False
        self._failure: OSError | None = None
        self._bus = PythonCanBus(address)
        try:
            self.receive_bytes = _enlarged(self._bus.socket, receive_bytes)
            self._gather_s = GATHER_S if self.receive_bytes >= RECEIVE_BYTES else SMALL_GATHER_S
            self._datagrams = Datagrams(self._bus.socket, FD_ROW if address.fd else CLASSIC_ROW)
            self._overruns = 0
            self._poll = select.poll()
            self._poll.register(self._bus.socket, select.POLLIN)
            _raise_waiting_error(self._bus.socket)
        except OSError as error:
            self._bus.close()
            raise BusDown(self._name, _told(error)) from error

    def read_into(self, backlog: Backlog, stop: threading.Event) -> None:
        """Read one block, and wait for it where nothing is known to be there; `stop` ends the wait early."""
        if not self._more and self._failure is None:
            if not self._poll.poll(WAIT_MS):
                return
            stop.wait(self._gather_s)
        try:
            count = self._datagrams.receive()
            backlog.add_block(self._columns(count), self._overrun())
        except OSError as error:
            self._fail(error)
            return
        self._more = count == BLOCK_ROWS
        if self._failure is not None and not self._more:
            raise BusDown(self._name, _told(self._failure)) from self._failure

    def close(self) -> None:
        """Release the bus; it may be gone already."""
        self._bus.close()

    def _fail(self, error: OSError) -> None:
        """Read on once: the kernel gives a socket's error before the frames that came ahead of it."""
        if self._failure is not None:
            raise BusDown(self._name, _told(error)) from error
        self._failure = error

    def _columns(self, count: int) -> Columns:
        received = self._datagrams
        return columns_of_rows(received.rows[:count], received.lengths(count), received.times_ns(count), self._index)

    def _overrun(self) -> int:
        before, self._overruns = self._overruns, self._datagrams.overruns()
        return (self._overruns - before) % (1 << 32)


class SocketCan:
    """Opens one bus each time it is called; a receive buffer that stays small is told once. Raises BusDown."""

    def __init__(self, address: BusAddress, index: int, *, receive_bytes: int, log: events.Log) -> None:
        self._address, self._index = address, index
        self._receive_bytes = receive_bytes
        self._log = log
        self._told = False

    def __call__(self) -> SocketCanBus:
        """The bus, open."""
        bus = SocketCanBus(self._address, self._index, self._receive_bytes)
        if bus.receive_bytes < self._receive_bytes and not self._told:
            self._told = True
            events.receive_buffer_small(
                self._log, bus=self._address.name, size=bus.receive_bytes, wanted=self._receive_bytes
            )
        return bus


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

"""The door to the kernel's recvmmsg: all that waits in a socket with one call, and the kernel's time of each."""

import ctypes
import errno
import os
import socket

import numpy as np

from edge_agent.records import I64, U8

BLOCK_ROWS = 512
SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; Python's socket module has no name for it"""
SO_MEMINFO = 55
_MEMINFO_BYTES = 36
_MEMINFO_DROPS = 8
"""linux/sock_diag.h, SK_MEMINFO_DROPS: the last of nine 32-bit numbers"""
_AGAIN = (errno.EAGAIN, errno.EINTR)


class _Vector(ctypes.Structure):
    """The layout of struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """The layout of struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_bytes", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_bytes", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """The layout of struct mmsghdr."""

    _fields_ = (("message", _Message), ("length", ctypes.c_uint))


class _Stamp(ctypes.Structure):
    """The layout of a control message with a struct timespec, the only one asked for."""

    _fields_ = (
        ("bytes", ctypes.c_size_t),
        ("level", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


_libc = ctypes.CDLL(None, use_errno=True)


class Datagrams:
    """A socket's datagrams in arrays that are used again by every call; `socket` stays its owner's."""

    def __init__(self, source: socket.socket, row_bytes: int) -> None:
        """Raises OSError."""
        source.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket = source
        self.rows: U8 = np.zeros((BLOCK_ROWS, row_bytes), np.uint8)
        """[BLOCK_ROWS, row_bytes] the datagrams; of a shorter one the end of its row is of an earlier one"""
        self._stamps = np.zeros(BLOCK_ROWS, np.dtype(_Stamp))
        self._vectors = np.zeros(BLOCK_ROWS, np.dtype(_Vector))
        self._vectors["base"] = _addresses(self.rows)
        self._vectors["bytes"] = row_bytes
        self._headers = np.zeros(BLOCK_ROWS, np.dtype(_Header))
        messages = self._headers["message"]
        messages["vectors"] = _addresses(self._vectors)
        messages["vector_count"] = 1
        messages["control"] = _addresses(self._stamps)
        self._control_bytes = messages["control_bytes"]
        self._first_header = ctypes.c_void_p(self._headers.ctypes.data)

    def receive(self) -> int:
        """How many datagrams were there and are now the first rows; never waits. Raises OSError."""
        self._control_bytes[:] = self._stamps.itemsize  # the kernel wrote there what it used
        count: int = _libc.recvmmsg(
            self._socket.fileno(), self._first_header, BLOCK_ROWS, int(socket.MSG_DONTWAIT), None
        )
        if count >= 0:
            return count
        number = ctypes.get_errno()
        if number in _AGAIN:
            return 0
        raise OSError(number, os.strerror(number))

    def lengths(self, count: int) -> I64:
        """[count] bytes of each datagram received last."""
        return self._headers["length"][:count].astype(np.int64)

    def times_ns(self, count: int) -> I64:
        """[count] when the kernel got each of them; it stamps every one (net/socket.c, __sock_recv_timestamp)."""
        stamps = self._stamps[:count]
        times_ns: I64 = stamps["seconds"].astype(np.int64) * 1_000_000_000 + stamps["nanoseconds"]
        return times_ns

    def overruns(self) -> int:
        """Datagrams lost so far because the receive buffer was full; wraps at 2**32. Raises OSError.

        SO_RXQ_OVFL gives the same counter, but only with the next datagram that finds room: a bus that falls
        silent after a burst would keep its losses to itself.
        """
        info = self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO_BYTES)
        return int(np.frombuffer(info, np.uint32)[_MEMINFO_DROPS])


def _addresses(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> I64:
    """Where each row of an array begins."""
    return array.ctypes.data + np.arange(len(array)) * array.strides[0]

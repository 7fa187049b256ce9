"""The door to the kernel's recvmmsg: all that waits in a socket with one call, and the kernel's time of each."""

import ctypes
import errno
import os
import socket
import sys

import numpy as np

from edge_agent.records import I64, U8

AT_ONCE = 1024
"""Datagrams taken from one socket before the next has its turn."""

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
    """Datagrams of several sockets one after the other, in arrays that are used again."""

    def __init__(self, sockets: int, row_bytes: int, at_once: int = AT_ONCE) -> None:
        """Room for `at_once` datagrams of each of `sockets`."""
        capacity = sockets * at_once
        self.at_once = at_once
        self.count = 0
        """how many there are"""
        self._rows: U8 = np.zeros((capacity, row_bytes), np.uint8)
        self._stamps = np.zeros(capacity, np.dtype(_Stamp))
        self._vectors = np.zeros(capacity, np.dtype(_Vector))
        self._vectors["base"] = _addresses(self._rows)
        self._vectors["bytes"] = row_bytes
        self._headers = np.zeros(capacity, np.dtype(_Header))
        messages = self._headers["message"]
        messages["vectors"] = _addresses(self._vectors)
        messages["vector_count"] = 1
        messages["control"] = _addresses(self._stamps)
        messages["control_bytes"] = self._stamps.itemsize
        self._lengths = self._headers["length"]
        self._control_bytes = messages["control_bytes"]
        self._seconds = self._stamps["seconds"]
        self._nanoseconds = self._stamps["nanoseconds"]
        self._first_header: int = self._headers.ctypes.data

    def receive(self, source: socket.socket) -> int:
        """Add up to `at_once` datagrams that are there; how many there were. Never waits. Raises OSError."""
        place = ctypes.c_void_p(self._first_header + self.count * self._headers.itemsize)
        count: int = _libc.recvmmsg(source.fileno(), place, self.at_once, int(socket.MSG_DONTWAIT), None)
        if count >= 0:
            self.count += count
            return count
        number = ctypes.get_errno()
        if number in _AGAIN:
            return 0
        raise OSError(number, os.strerror(number))

    @property
    def rows(self) -> U8:
        """[count, row_bytes] the datagrams; of a shorter one the end of its row is of an earlier one."""
        return self._rows[: self.count]

    @property
    def lengths(self) -> I64:
        """[count] bytes of each."""
        return self._lengths[: self.count].astype(np.int64)

    @property
    def times_ns(self) -> I64:
        """[count] when the kernel got each; it stamps every one (net/socket.c, __sock_recv_timestamp)."""
        times_ns: I64 = self._seconds[: self.count] * 1_000_000_000
        times_ns += self._nanoseconds[: self.count]
        return times_ns

    def clear(self) -> None:
        """Begin again."""
        self._control_bytes[: self.count] = self._stamps.itemsize  # the kernel wrote there what it used
        self.count = 0


def ask_for_times(source: socket.socket) -> None:
    """Have the kernel stamp what a socket receives from now on. Raises OSError."""
    source.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def overruns(source: socket.socket) -> int:
    """Datagrams lost so far because the receive buffer was full; wraps at 2**32. Raises OSError.

    SO_RXQ_OVFL gives the same counter, but only with the next datagram that finds room: a bus that falls
    silent after a burst would keep its losses to itself.
    """
    info = source.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO_BYTES)
    return int.from_bytes(info[4 * _MEMINFO_DROPS :], sys.byteorder)


def _addresses(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> I64:
    """Where each row of an array begins."""
    return array.ctypes.data + np.arange(len(array)) * array.strides[0]

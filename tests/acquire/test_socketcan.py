import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.can_frame import CLASSIC_ROW, FD_ROW, IdFilter, filter_bytes
from edge_agent.acquire.recvmmsg import Datagrams
from edge_agent.acquire.socketcan import RECEIVE_BYTES, SocketCanBus
from edge_agent.errors import BusDown
from tests.acquire.unix_can import UnixCan, classic, fd, unix_can


@contextmanager
def opened(*, fd: bool = False) -> Iterator[tuple[SocketCanBus, UnixCan]]:
    with (
        unix_can() as (interface,),
        closing(SocketCanBus(BusAddress("drive", "socketcan", interface.channel, fd))) as bus,
    ):
        yield bus, interface


def test_all_that_waits_is_received_at_once_with_the_kernels_times() -> None:
    datagrams = Datagrams(1, CLASSIC_ROW)
    with opened() as (bus, interface):
        began_ns = time.time_ns()
        sent = [classic(number, bytes(range(number % 9))) for number in range(20)]
        for one in sent:
            interface.send_bytes(one)

        assert (bus.receive(datagrams), bus.receive(datagrams)) == (20, 0)
    assert [bytes(row) for row in datagrams.rows] == sent
    assert began_ns <= datagrams.times_ns[0]
    assert (np.diff(datagrams.times_ns) >= 0).all()
    assert (datagrams.times_ns % 1000 != 0).any(), "finer than a microsecond"


def test_a_can_fd_bus_gives_frames_of_both_lengths() -> None:
    datagrams = Datagrams(1, FD_ROW)
    with opened(fd=True) as (bus, interface):
        interface.send_bytes(classic(2, b"abc"))
        interface.send_bytes(fd(3, bytes(range(48))))
        bus.receive(datagrams)

    assert datagrams.lengths.tolist() == [16, 72]


def test_a_failure_is_told_after_the_frames_that_came_ahead_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives a socket's error first, though frames wait behind it."""
    really, failed = Datagrams.receive, list[bool]()

    def down_once(self: Datagrams, source: socket.socket) -> int:
        if not failed:
            failed.append(True)
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        return really(self, source)

    monkeypatch.setattr(Datagrams, "receive", down_once)
    datagrams = Datagrams(1, CLASSIC_ROW, at_once=2)
    with opened() as (bus, interface):
        for number in range(3):
            interface.send(number, b"last")
        first, down = bus.receive(datagrams), bus.down
        datagrams.clear()
        second = bus.receive(datagrams)

    assert (first, second) == (2, 1)
    assert down is None, "there may be more"
    assert str(bus.down) == "bus 'drive' cannot be read: Network is down"


def test_a_failure_that_stays_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> int:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    monkeypatch.setattr(Datagrams, "receive", down)
    with opened() as (bus, interface):
        interface.send(7, b"last")

        assert bus.receive(Datagrams(1, CLASSIC_ROW)) == 0
    assert bus.down is not None
    assert bus.down.reason == "No such device"


def test_an_interface_that_is_down_is_told_when_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    really = socket.socket.getsockopt

    def is_down(self: socket.socket, level: int, option: int, *more: int) -> object:
        return errno.ENETDOWN if option == socket.SO_ERROR else really(self, level, option, *more)

    with unix_can() as (interface,):
        monkeypatch.setattr("socket.socket.getsockopt", is_down)
        with pytest.raises(BusDown, match="Network is down"):
            SocketCanBus(BusAddress("drive", "socketcan", interface.channel))


def test_without_the_right_to_more_the_kernels_usual_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    really = socket.socket.setsockopt
    asked = []

    def unprivileged(self: socket.socket, level: int, option: int, value: int) -> None:
        asked.append(option)
        if option == 33:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        really(self, level, option, value)

    monkeypatch.setattr("socket.socket.setsockopt", unprivileged)
    with opened() as (bus, _):
        assert asked.index(33) + 1 == asked.index(socket.SO_RCVBUF)
        assert 0 < bus.receive_bytes <= RECEIVE_BYTES


def test_filters_are_set_on_the_open_socket_and_taken_off_again() -> None:
    wanted = (IdFilter(0x123, 0x8000_07FF),)
    with opened() as (bus, interface):
        bus.pass_only(wanted)
        bus.pass_only(None)

        assert interface.receiver.filters[-2:] == [filter_bytes(wanted), filter_bytes(None)]


def test_an_interface_that_is_gone_takes_no_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as (bus, interface):

        def gone(*_: object) -> None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

        monkeypatch.setattr(interface.receiver, "setsockopt", gone)
        with pytest.raises(BusDown, match="No such device"):
            bus.pass_only(())

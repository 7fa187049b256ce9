import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.can_frame import CLASSIC_ROW, FILTERS_MAX, IdFilter, filter_bytes
from edge_agent.acquire.line import Line
from edge_agent.acquire.recvmmsg import Datagrams
from edge_agent.acquire.socketcan import RECEIVE_BYTES
from edge_agent.backoff import Backoff
from tests.acquire.told import Told
from tests.acquire.unix_can import UnixCan, unix_can

S = 1_000_000_000
ONE, OTHER = (IdFilter(1, 0x8000_07FF),), (IdFilter(2, 0x8000_07FF),)
TOO_MANY = tuple(IdFilter(number, 0x8000_07FF) for number in range(FILTERS_MAX + 1))


@contextmanager
def line(told: Told, receive_bytes: int = RECEIVE_BYTES) -> Iterator[tuple[Line, UnixCan]]:
    with unix_can() as (interface,):
        address = BusAddress("drive", "socketcan", interface.channel)
        one = Line(0, address, log=told, backoff=Backoff(first_s=2.0), receive_bytes=receive_bytes)
        try:
            yield one, interface
        finally:
            one.close()


def fail(one: Line, monkeypatch: pytest.MonkeyPatch, uptime_ns: int) -> None:
    def down(*_: object) -> int:
        raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))

    with monkeypatch.context() as patch:
        patch.setattr(Datagrams, "receive", down)
        assert one.bus is not None
        one.bus.receive(Datagrams(1, CLASSIC_ROW))
    one.leave_if_down(uptime_ns)


def test_a_bus_that_is_lost_is_left_alone_until_its_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    with line(told) as (one, _):
        one.keep_open(None, 0)
        one.leave_if_down(0)
        open_at = [one.is_open]
        fail(one, monkeypatch, 5 * S)
        open_at.append(one.is_open)
        for uptime_ns in (one.due_ns - 1, one.due_ns):
            one.keep_open(None, uptime_ns)
            open_at.append(one.is_open)

    assert 6 * S <= one.due_ns <= 8 * S
    assert open_at == [True, False, False, True]
    assert len(told.fields("acquire.bus_opened")) == 2
    assert [fields["reason"] for fields in told.fields("acquire.bus_lost")] == ["Network is down"]


def test_a_receive_buffer_that_stays_small_is_told_once_however_often_the_bus_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told()
    with line(told, receive_bytes=(1 << 31) - 1) as (one, _):
        one.keep_open(None, 0)
        fail(one, monkeypatch, 0)
        one.keep_open(None, 5 * S)

    (fields,) = told.fields("acquire.receive_buffer_small")
    assert fields["bus"] == "drive"
    assert 0 < int(str(fields["bytes"])) < int(str(fields["wanted_bytes"])) == (1 << 31) - 1


def test_a_modest_receive_buffer_is_small_and_told_to_nobody() -> None:
    told = Told()
    with line(told, receive_bytes=65_536) as (one, _):
        one.keep_open(None, 0)

        assert one.is_small
    assert told.fields("acquire.receive_buffer_small") == []


def test_filters_follow_what_is_wanted_and_hold_for_a_bus_that_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    with line(told) as (one, interface):
        one.keep_open(ONE, 0)
        first = interface.receiver
        for wanted in (ONE, OTHER, tuple(OTHER)):
            one.keep_open(wanted, 0)
        fail(one, monkeypatch, 0)
        one.keep_open(OTHER, 5 * S)

        assert first.filters[-2:] == [filter_bytes(ONE), filter_bytes(OTHER)]
        assert interface.receiver.filters[-1] == filter_bytes(OTHER)
    assert [fields["filters"] for fields in told.fields("acquire.id_filter_set")] == [1, 1, 1]


def test_more_filters_than_the_kernel_takes_leave_the_bus_open_and_are_told_once() -> None:
    told = Told()
    with line(told) as (one, interface):
        for wanted in (ONE, TOO_MANY, ONE, TOO_MANY[::-1]):
            one.keep_open(wanted, 0)

        assert interface.receiver.filters[-4:] == [filter_bytes(wanted) for wanted in (ONE, None, ONE, None)]
    (fields,) = told.fields("acquire.id_filter_left_open")
    assert fields == {"bus": "drive", "filters": FILTERS_MAX + 1, "limit": FILTERS_MAX}
    assert told.levels("acquire.id_filter_left_open") == ["warning"]


def test_a_bus_that_takes_no_filters_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    with line(told) as (one, interface):
        one.keep_open(None, 0)

        def gone(*_: object) -> None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

        monkeypatch.setattr(interface.receiver, "setsockopt", gone)
        one.keep_open(ONE, 0)

        assert not one.is_open
    assert [fields["reason"] for fields in told.fields("acquire.bus_lost")] == ["No such device"]

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import can
import pytest
from can.interfaces.virtual import VirtualBus

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.messages import MessageReader
from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from tests.acquire.told import Told, reading, taken

SOON = Backoff(first_s=0.001, cap_s=0.01)


@contextmanager
def virtual(told: Told, *, fd: bool = False) -> Iterator[tuple[MessageReader, can.BusABC]]:
    channel = uuid.uuid4().hex
    address = BusAddress("drive", "virtual", channel, fd)
    with can.Bus(channel=channel, interface="virtual", ignore_config=True) as sender:
        yield MessageReader(address, 2, log=told, clock=SystemClock(), backoff=SOON), sender


async def test_everything_read_is_held_once_and_in_its_order() -> None:
    told, backlog = Told(), Backlog(3, 100, 8)
    with virtual(told) as (reader, sender), reading(reader, backlog):
        await told.heard("acquire.bus_opened")
        for number in range(50):
            sender.send(can.Message(arbitration_id=number))
        parts = await taken(backlog, 50)

    assert [int(can_id) & 0xFFF for part in parts for can_id in part.can_id] == list(range(50))
    assert {int(bus) for part in parts for bus in part.bus} == {2}


async def test_a_can_fd_frame_on_a_bus_configured_without_is_given_and_not_cut() -> None:
    told, backlog = Told(), Backlog(3, 100, 8)
    with virtual(told) as (reader, sender), reading(reader, backlog):
        await told.heard("acquire.bus_opened")
        sender.send(can.Message(arbitration_id=1, is_fd=True, data=bytes(range(20))))
        (part,) = await taken(backlog, 1)

    assert bytes(part.data[0]) == bytes(range(20)).ljust(64, b"\0")


async def test_a_bus_is_open_until_it_is_lost_and_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    told, gone = Told(), threading.Event()
    really = VirtualBus._recv_internal

    def fails_once(bus: VirtualBus, timeout: float | None) -> object:
        if gone.is_set():
            gone.clear()
            raise can.CanOperationError("gone")
        return really(bus, timeout)

    monkeypatch.setattr(VirtualBus, "_recv_internal", fails_once)
    with virtual(told) as (reader, _):
        assert reader.opened == frozenset()
        with reading(reader, Backlog(3, 100, 8)):
            await told.heard("acquire.bus_opened")
            gone.set()
            await told.heard("acquire.bus_opened", 2)
        assert reader.opened == frozenset()

    assert [fields["reason"] for fields in told.fields("acquire.bus_lost")] == ["gone"]


async def test_the_bus_is_shut_down_and_python_can_does_not_warn_of_it(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    with virtual(told) as (reader, _), reading(reader, Backlog(3, 100, 8)):
        await told.heard("acquire.bus_opened")
        assert reader.opened == {"drive"}

    # python-can warns when a bus is forgotten before it was shut down.
    assert [record.getMessage() for record in caplog.records if record.name.startswith("can")] == []


async def test_an_adapter_that_counts_from_its_own_start_is_told_as_wall_time(monkeypatch: pytest.MonkeyPatch) -> None:
    told, backlog = Told(), Backlog(3, 100, 8)
    really = VirtualBus._recv_internal

    def stamped(bus: VirtualBus, timeout: float | None) -> object:
        message, filtered = really(bus, timeout)
        if message is not None:
            message.timestamp = 12.5 + message.arbitration_id / 1e6
        return message, filtered

    monkeypatch.setattr(VirtualBus, "_recv_internal", stamped)
    began_ns = SystemClock().now_ns()
    with virtual(told) as (reader, sender), reading(reader, backlog):
        await told.heard("acquire.bus_opened")
        for number in (0, 2):
            sender.send(can.Message(arbitration_id=number))
        parts = await taken(backlog, 2)

    t_ns = [int(one) for part in parts for one in part.t_ns]
    assert t_ns[1] - t_ns[0] == 2_000  # as stamped, however they were received
    assert began_ns <= t_ns[1] <= SystemClock().now_ns()

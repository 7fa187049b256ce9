import errno
import uuid
from contextlib import closing

import can
import pytest

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.block import Frame
from edge_agent.acquire.pythoncan import DOWN, PythonCanBus, frame_of, interfaces, message_of
from edge_agent.errors import BusDown
from edge_agent.records import EXTENDED_ID, FrameFlag


def test_the_microseconds_of_a_message_survive_and_nothing_finer_is_made_up() -> None:
    assert frame_of(can.Message(timestamp=1_700_000_000.123457), 0).t_ns == 1_700_000_000_123_457_000


def test_a_time_that_is_known_better_than_by_the_float_is_kept() -> None:
    message = can.Message(timestamp=1_700_000_000.123457)

    assert frame_of(message, 0, 1_700_000_000_123_456_789).t_ns == 1_700_000_000_123_456_789
    assert frame_of(message, 0, 0).t_ns == 0


def test_a_remote_frame_keeps_the_length_it_asks_for_and_has_no_data() -> None:
    frame = frame_of(can.Message(arbitration_id=0x12, is_extended_id=False, is_remote_frame=True, dlc=5), 3)

    assert frame == Frame(0, 3, 0x12, FrameFlag.REMOTE, 5, b"")


def test_an_error_frame_and_a_can_fd_frame_carry_their_flags() -> None:
    assert frame_of(can.Message(is_error_frame=True), 0).flags == FrameFlag.ERROR
    fd = frame_of(can.Message(is_fd=True, dlc=64, data=bytes(64)), 0)
    assert (fd.flags, fd.length, len(fd.data)) == (FrameFlag.FD, 64, 64)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0, 0, 0x7FF, 0, 3, b"abc"),
        Frame(0, 0, EXTENDED_ID | 0x1FFF_FFFF, 0, 0, b""),
        Frame(0, 0, 0x1, FrameFlag.REMOTE.value, 8, b""),
        Frame(0, 0, EXTENDED_ID | 0x1, FrameFlag.FD.value, 12, bytes(range(12))),
    ],
)
def test_a_frame_turned_into_a_message_comes_back_the_same(frame: Frame) -> None:
    assert frame_of(message_of(frame), 0) == frame


def test_every_exception_of_python_can_is_a_bus_that_is_down() -> None:
    theirs = [
        one
        for one in vars(can.exceptions).values()
        if isinstance(one, type) and issubclass(one, can.exceptions.CanError)
    ]

    assert len(theirs) >= 5
    assert all(issubclass(one, DOWN) for one in theirs)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (BusAddress("drive", "socketcan", "can99"), "can99|No such device|not supported"),
        (BusAddress("drive", "telepathy", "x"), "'telepathy' not supported"),
        (BusAddress("drive", "slcan", "/nowhere/tty"), "."),
        (BusAddress("drive", "udp_multicast", "no address"), "."),
    ],
)
def test_a_bus_that_cannot_be_opened_is_down_with_its_name_and_the_reason(address: BusAddress, reason: str) -> None:
    with pytest.raises(BusDown, match=reason) as caught:
        PythonCanBus(address)

    assert caught.value.bus == "drive"
    assert "cannot be opened" in str(caught.value)
    assert ("ip -details link" in caught.value.hint) == (address.interface == "socketcan")


def test_an_interface_nobody_knows_is_answered_with_those_that_are_known() -> None:
    assert {"socketcan", "virtual", "slcan"} <= set(interfaces())
    with pytest.raises(BusDown) as caught:
        PythonCanBus(BusAddress("drive", "telepathy", "x"))

    assert caught.value.hint == f"Known are {', '.join(interfaces())}"


def test_a_bus_that_was_shut_down_is_down_for_reading_and_writing_and_can_be_closed_again() -> None:
    bus = PythonCanBus(BusAddress("drive", "virtual", uuid.uuid4().hex))
    bus.close()

    with pytest.raises(BusDown, match="closed bus"):
        bus.receive(0.01)
    with pytest.raises(BusDown, match="closed bus"):
        bus.send(can.Message(), 0.01)
    bus.close()


def test_own_frames_do_not_come_back() -> None:
    with closing(PythonCanBus(BusAddress("drive", "virtual", uuid.uuid4().hex))) as bus:
        assert bus.send(can.Message(arbitration_id=1), 0.1)
        assert bus.receive(0.01) is None


def test_a_full_transmit_queue_is_told_apart_from_a_bus_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise can.CanOperationError("Failed to transmit: No buffer space available", errno.ENOBUFS)

    with closing(PythonCanBus(BusAddress("drive", "virtual", uuid.uuid4().hex))) as bus:
        monkeypatch.setattr("can.interfaces.virtual.VirtualBus.send", full)
        assert not bus.send(can.Message(), 0.1)

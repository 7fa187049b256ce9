"""The door to python-can's buses: its messages become frames, its exceptions BusDown."""

import errno
from contextlib import suppress

import can

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.block import Frame
from edge_agent.acquire.timestamps import since_epoch_ns
from edge_agent.errors import BusDown
from edge_agent.records import EXTENDED_ID, FrameFlag

DOWN = (can.CanError, NotImplementedError, OSError, TypeError, ValueError)
"""What opening, reading or writing a bus raises: python-can's own, the socket's, and for settings an interface
does not take TypeError, ValueError and (an unknown interface, interface.py) NotImplementedError."""


def frame_of(message: can.Message, bus: int, t_ns: int | None = None) -> Frame:
    """The frame that a python-can message carries; `t_ns` where its time is known better than by its float."""
    data = bytes(message.data)
    if t_ns is None:
        t_ns = since_epoch_ns(message.timestamp)
    can_id = message.arbitration_id | (EXTENDED_ID if message.is_extended_id else 0)
    length = min(message.dlc, 8) if message.is_remote_frame else len(data)
    return Frame(t_ns, bus, can_id, flags_of(message), length, data)


def flags_of(message: can.Message) -> int:
    """The FrameFlag bits of a python-can message, as a plain integer."""
    return (
        (FrameFlag.REMOTE.value if message.is_remote_frame else 0)
        | (FrameFlag.ERROR.value if message.is_error_frame else 0)
        | (FrameFlag.FD.value if message.is_fd else 0)
    )


def message_of(frame: Frame) -> can.Message:
    """The python-can message that sends a frame."""
    return can.Message(
        arbitration_id=frame.can_id & ~EXTENDED_ID,
        is_extended_id=bool(frame.can_id & EXTENDED_ID),
        is_remote_frame=bool(frame.flags & FrameFlag.REMOTE),
        is_fd=bool(frame.flags & FrameFlag.FD),
        dlc=frame.length,
        data=frame.data,
    )


def interfaces() -> tuple[str, ...]:
    """Names of the interfaces that python-can knows, plug-ins among them."""
    return tuple(sorted(can.VALID_INTERFACES))


class PythonCanBus:
    """One open bus, used by one thread. Raises BusDown, from the constructor too."""

    def __init__(self, address: BusAddress) -> None:
        self._address = address
        options: dict[str, bool | int] = {"receive_own_messages": False}
        if address.fd:
            options["fd"] = True
        if address.bitrate is not None:
            options["bitrate"] = address.bitrate
        try:
            # ignore_config: a can.conf in somebody's home must not change what our settings say.
            self._bus = can.Bus(
                channel=address.channel,
                interface=address.interface,
                ignore_config=True,
                **options,  # type: ignore[arg-type]  # python-can types its own keywords, then takes any
            )
        except DOWN as error:
            raise _down(address, "opened", error) from error

    def receive(self, timeout_s: float) -> can.Message | None:
        """The next message, or None when none came within the time."""
        try:
            return self._bus.recv(timeout_s)
        except DOWN as error:
            raise _down(self._address, "read", error) from error

    def send(self, message: can.Message, timeout_s: float) -> bool:
        """Send; False means the transmit queue is full and it should be tried again."""
        try:
            self._bus.send(message, timeout_s)
        except DOWN as error:
            if getattr(error, "error_code", None) == errno.ENOBUFS:
                return False
            raise _down(self._address, "written", error) from error
        return True

    def close(self) -> None:
        """Release the bus; it may be gone already."""
        with suppress(*DOWN):
            self._bus.shutdown()


def _down(address: BusAddress, act: str, error: BaseException) -> BusDown:
    reason = str(error) or type(error).__name__
    if address.interface == "socketcan":
        return BusDown(address.name, reason, act=act)
    if address.interface not in can.VALID_INTERFACES:
        return BusDown(address.name, reason, act=act, hint=f"Known are {', '.join(interfaces())}")
    return BusDown(address.name, reason, act=act, hint="Check the bus's settings and its driver")

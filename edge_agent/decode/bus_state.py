"""What error frames say of a controller: its state of error confinement. Pure.

SocketCAN puts the kind of error into the id and its details into the data (linux/can/error.h). candump writes such a
frame as it is, and python-can's own logs keep it; other formats have an id of 0, which says nothing.
"""

from collections.abc import Sequence

import numpy as np

from edge_agent.records import I64, BusState, FrameBlock, FrameFlag

_CONTROLLER = 0x004
_BUS_OFF = 0x040
_RESTARTED = 0x100
_COUNTERS = 0x200
"""classes of errors: bits of the id"""

_WARNING = 0x0C
_PASSIVE = 0x30
_ACTIVE = 0x40
"""bits of data[1], of receiving or of sending, where the class is of the controller"""

_WARNING_COUNT = 96
_PASSIVE_COUNT = 128
"""error counters, data[6] of sending and data[7] of receiving (ISO 11898-1)"""


def state_after(before: BusState | None, can_id: int, data: bytes) -> BusState | None:
    """The state once an error frame of SocketCAN was heard; `before` where the frame says nothing of it."""
    if can_id & _BUS_OFF:
        return BusState.OFF
    details = data[1] if can_id & _CONTROLLER else 0
    if details & _PASSIVE:
        return BusState.PASSIVE
    if details & _WARNING:
        return BusState.WARNING
    if details & _ACTIVE or can_id & _RESTARTED:
        return BusState.ACTIVE
    if can_id & _COUNTERS and before is not BusState.OFF:
        return _counted(max(data[6], data[7]))
    return before


def _counted(errors: int) -> BusState:
    if errors >= _PASSIVE_COUNT:
        return BusState.PASSIVE
    return BusState.WARNING if errors >= _WARNING_COUNT else BusState.ACTIVE


class BusStates:
    """The state of every bus; None where no error frame said anything yet."""

    def __init__(self, understood: Sequence[bool]) -> None:
        """`understood`: of which buses the error frames are SocketCAN's; of others they are only counted."""
        self.now: list[BusState | None] = [None] * len(understood)
        self._understood = tuple(understood)

    @property
    def any_off(self) -> bool:
        """Whether some bus is off, which a frame that arrives ends without a word."""
        return BusState.OFF in self.now

    def feed(self, block: FrameBlock) -> None:
        """Follow a block's error frames."""
        is_error = block.flags & np.uint8(FrameFlag.ERROR) != 0
        for bus, understood in enumerate(self._understood):
            mine = np.flatnonzero(block.bus == bus)
            if understood and (self.now[bus] is BusState.OFF or is_error[mine].any()):
                self.now[bus] = _after_frames(self.now[bus], block, mine, np.flatnonzero(is_error[mine]).tolist())


def _after_frames(state: BusState | None, block: FrameBlock, mine: I64, errors: Sequence[int]) -> BusState | None:
    """The state after one bus's frames, `errors` of which are error frames.

    While a controller is off nothing is received: any other frame says that it is back, as an interface that was set
    down and up is without a word.
    """
    heard = 0
    for error in errors:
        if state is BusState.OFF and error > heard:
            state = BusState.ACTIVE
        at = mine[error]
        state = state_after(state, int(block.can_id[at]), block.data[at].tobytes())
        heard = error + 1
    return BusState.ACTIVE if state is BusState.OFF and len(mine) > heard else state

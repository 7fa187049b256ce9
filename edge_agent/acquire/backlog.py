"""What the buses' threads have read and nobody has taken yet: `Backlog`."""

import threading
from collections.abc import Sequence
from operator import add
from typing import NamedTuple

import numpy as np

from edge_agent.acquire.block import FD_BYTES, Frame, columns_of
from edge_agent.records import Frames


class Taken(NamedTuple):
    """What there was for one tick; frames that are lost are in no part."""

    parts: tuple[Frames, ...]
    """as they were read"""
    overruns: tuple[int, ...]
    """[buses] frames that arrived when the kernel's receive buffer was full"""
    untaken: tuple[int, ...]
    """[buses] frames that were read when the backlog was full"""

    @property
    def dropped(self) -> tuple[int, ...]:
        """[buses] all frames lost."""
        return tuple(map(add, self.overruns, self.untaken))


class Backlog:
    """At most `capacity` frames of all buses between the threads that read and the loop that takes.

    What finds no room is the newest of all buses: what is older is nearer to being taken.
    """

    def __init__(self, buses: int, capacity: int, width: int) -> None:
        """`width` is the block's, 8 or 64; a part may be wider for a CAN FD frame on a bus without `fd`."""
        self._buses = buses
        self._capacity = capacity
        self._width = width
        self._guard = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._frames: list[Frame] = []  # bounded by `_room`
        self._parts: list[Frames] = []  # bounded by `_room`
        self._held = 0
        self._overruns: Sequence[int] = (0,) * self._buses
        self._untaken = np.zeros(self._buses, np.int64)

    def add(self, frame: Frame) -> None:
        """Hold a frame, or count it when there is no room."""
        with self._guard:
            if self._room(1):
                self._frames.append(frame)
            else:
                self._untaken[frame.bus] += 1

    def add_block(self, columns: Frames, overruns: Sequence[int]) -> None:
        """Hold the first frames of a block, as many as find room; count the others, and what the kernel lost."""
        with self._guard:
            self._overruns = tuple(map(add, self._overruns, overruns))
            room = self._room(len(columns))
            if room:
                self._parts.append(columns.part(0, room))
            if room < len(columns):
                self._untaken += np.bincount(columns.bus[room:], minlength=self._buses)

    def take(self) -> Taken:
        """Everything held, and the losses since the call before."""
        with self._guard:
            frames, parts, overruns, untaken = self._frames, self._parts, self._overruns, self._untaken
            self._begin()
        if frames:
            long = any(len(frame.data) > self._width for frame in frames)
            parts.append(columns_of(frames, FD_BYTES if long else self._width))
        return Taken(tuple(parts), tuple(overruns), tuple(untaken.tolist()))

    def _room(self, wanted: int) -> int:
        """How many of `wanted` frames can be held; they count as held."""
        room = min(wanted, self._capacity - self._held)
        self._held += room
        return room

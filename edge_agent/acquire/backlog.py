"""What one bus has read and nobody has taken yet: `Backlog`."""

import threading
from typing import NamedTuple

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Columns, Frame, columns_of


class Taken(NamedTuple):
    """What a reader had for one tick; frames that are lost are in no part."""

    parts: tuple[Columns, ...]
    """in the order they were read"""
    overrun: int
    """frames that arrived when the kernel's receive buffer was full"""
    untaken: int
    """frames that were read when the backlog was full"""

    @property
    def dropped(self) -> int:
        """All frames lost."""
        return self.overrun + self.untaken


class Backlog:
    """At most `capacity` frames between the thread that reads a bus and the loop that takes them."""

    def __init__(self, capacity: int, *, fd: bool) -> None:
        self._capacity = capacity
        self._width = FD_BYTES if fd else CLASSIC_BYTES
        self._guard = threading.Lock()
        self._frames: list[Frame] = []  # bounded by `_room`
        self._parts: list[Columns] = []  # bounded by `_room`
        self._held = 0
        self._overrun = 0
        self._untaken = 0

    def add(self, frame: Frame) -> None:
        """Hold a frame, or count it when there is no room: what is older is nearer to being taken."""
        with self._guard:
            if self._room(1):
                self._frames.append(frame)

    def add_block(self, columns: Columns, overrun: int) -> None:
        """Hold the first frames of a block, as many as there is room for, and count the others."""
        with self._guard:
            self._overrun += overrun
            room = self._room(len(columns))
            if room:
                self._parts.append(columns.first(room))

    def take(self) -> Taken:
        """Everything held, and the losses since the call before."""
        with self._guard:
            frames, self._frames = self._frames, []
            parts, self._parts = self._parts, []
            overrun, self._overrun = self._overrun, 0
            untaken, self._untaken = self._untaken, 0
            self._held = 0
        if frames:
            long = any(len(frame.data) > CLASSIC_BYTES for frame in frames)
            parts.append(columns_of(frames, FD_BYTES if long else self._width))
        return Taken(tuple(parts), overrun, untaken)

    def _room(self, wanted: int) -> int:
        """How many of `wanted` frames can be held; they count as held, the others as lost."""
        room = min(wanted, self._capacity - self._held)
        self._held += room
        self._untaken += wanted - room
        return room

"""The frames that events may still ask for, as they were on the buses: one bounded memory for all rules. Pure.

Blocks are held as they come, for as long as the most demanding rule looks back. Where the memory is full the oldest
block goes, before its time; what was lost so is counted.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from edge_agent.records import Frames

PAST_BYTES = 64_000_000
"""At most: 180 s of 14 764 classic frames a second, 54 s of as many with 64 bytes."""
_FIXED_BYTES = 16
"""of a frame beside its data, in arrays"""


class FramePast:
    """Counts `held` and `lost` in frames."""

    def __init__(self, horizon_ns: int, room_bytes: int = PAST_BYTES) -> None:
        """`horizon_ns`: how far behind settled time somebody may ask."""
        self._horizon_ns = horizon_ns
        self._room_bytes = room_bytes
        self._blocks: deque[Frames] = deque()  # bounded by `room_bytes`
        self._bytes = 0
        self._until_ns = 0
        self.lost = 0

    @property
    def held(self) -> int:
        """Frames at hand now."""
        return sum(map(len, self._blocks))

    def add(self, frames: Frames) -> None:
        """Take a block's frames, in the order of time."""
        if not len(frames):
            return
        self._blocks.append(frames)
        self._bytes += _bytes(frames)
        while self._bytes > self._room_bytes and len(self._blocks) > 1:
            gone = self._popped()
            self.lost += int(np.count_nonzero(gone.t_ns >= self._until_ns - self._horizon_ns))

    def learn(self, before: "FramePast") -> None:
        """Hold what another holds."""
        for frames in before._blocks:  # noqa: SLF001  of its own kind
            self.add(frames)

    def forget(self, until_ns: int) -> None:
        """Nobody will ask for times before `until_ns` less the horizon any more."""
        self._until_ns = until_ns
        while self._blocks and self._blocks[0].t_ns[-1] < until_ns - self._horizon_ns:
            self._popped()

    def between(self, begin_ns: int, end_ns: int) -> Frames:
        """Frames in [begin, end), by time; those of one time as they came."""
        parts = [
            block.part(*block.t_ns.searchsorted((begin_ns, end_ns)).tolist())
            for block in self._blocks
            if block.t_ns[0] < end_ns and block.t_ns[-1] >= begin_ns
        ]
        found = joined(parts)
        return found.take(found.t_ns.argsort(kind="stable"))

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        self._until_ns += delta_ns
        self._blocks = deque(block.moved(delta_ns) for block in self._blocks)

    def _popped(self) -> Frames:
        gone = self._blocks.popleft()
        self._bytes -= _bytes(gone)
        return gone


def _bytes(frames: Frames) -> int:
    return frames.data.nbytes + _FIXED_BYTES * len(frames)


def joined(parts: Sequence[Frames]) -> Frames:
    """All parts, one after the other, as wide as the widest."""
    return Frames.joined(parts, max((part.data.shape[1] for part in parts), default=0))

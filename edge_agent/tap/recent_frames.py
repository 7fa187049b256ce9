"""The frames of the last minute, for whoever wants to try rules on them. Pure."""

from collections import deque

from edge_agent.records import FrameBlock

MINUTE_NS = 60_000_000_000
BLOCK_BYTES = 1_000
"""of a block besides its frames, about: a quiet bus gives many empty ones"""


class RecentFrames:
    """References to the last blocks: nothing is copied. A minute of them, or less where that is beyond `cap_bytes`."""

    def __init__(self, cap_bytes: int) -> None:
        """0 remembers nothing."""
        self._cap_bytes = cap_bytes
        self._bytes = 0
        self._blocks: deque[FrameBlock] = deque()  # bounded by `add`

    @property
    def is_kept(self) -> bool:
        """Whether anything is remembered at all."""
        return self._cap_bytes > 0

    def add(self, block: FrameBlock) -> None:
        """One more; older ones go. What was told by a clock that was set by more than a minute since goes too."""
        self._blocks.append(block)
        self._bytes += _size(block)
        while self._blocks and (
            self._bytes > self._cap_bytes or abs(block.until_ns - self._blocks[0].until_ns) > MINUTE_NS
        ):
            self._bytes -= _size(self._blocks.popleft())

    def blocks(self) -> tuple[FrameBlock, ...]:
        """Those that are remembered, the oldest first; they are never written to, so any thread may read them."""
        return tuple(self._blocks)


def _size(block: FrameBlock) -> int:
    columns = (block.t_ns, block.bus, block.can_id, block.flags, block.length, block.data)
    return BLOCK_BYTES + sum(column.nbytes for column in columns)

"""A FrameSource of given blocks; it passes the contract suite that the real ones pass."""

from collections.abc import AsyncGenerator, Iterable

import numpy as np

from edge_agent.records import ClockQuality, FrameBlock


class FakeSource:
    """Gives the blocks it was made with, then ends."""

    def __init__(self, blocks: Iterable[FrameBlock]) -> None:
        self._blocks = tuple(blocks)

    async def blocks(self) -> AsyncGenerator[FrameBlock, None]:
        for block in self._blocks:
            yield block


def block_of_frames(
    frames: Iterable[tuple[int, int, int, bytes]], *, buses: int = 1, dropped: tuple[int, ...] | None = None
) -> FrameBlock:
    """A block of classic data frames (t_ns, bus, can_id, data) in time order, closed at the last one's time."""
    rows = list(frames)
    times = [t_ns for t_ns, _, _, _ in rows]
    return FrameBlock(
        t_ns=np.array(times, np.int64),
        bus=np.array([bus for _, bus, _, _ in rows], np.uint8),
        can_id=np.array([can_id for _, _, can_id, _ in rows], np.uint32),
        flags=np.zeros(len(rows), np.uint8),
        length=np.array([len(data) for _, _, _, data in rows], np.uint16),
        data=np.array([list(data.ljust(8, b"\0")) for _, _, _, data in rows], np.uint8).reshape(len(rows), 8),
        dropped=(0,) * buses if dropped is None else dropped,
        until_ns=max(times, default=0),
        uptime_ns=max(times, default=0),
        clock=ClockQuality.RECORDED,
    )

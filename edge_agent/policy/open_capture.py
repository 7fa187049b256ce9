"""The frames of a window on their way into messages that an IoT hub takes. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np

from edge_agent.policy.frame_past import joined
from edge_agent.policy.rules import BatchLimits
from edge_agent.records import CloseReason, Frames

LINE_BYTES = 33
"""of a frame in the text, beside its bus's name and its data: `(1788264000.123456) `, ` 1ABCDEF0##0`, a newline"""
TEXT_BYTES = 400_000
"""of one log, at most: random CAN FD frames gzip to 0.53 of their text, and IoT Hub takes 256 KB with the properties"""


class OpenCapture:
    """What a rule captured since its last message was sealed; `spool/candump.py` writes it."""

    def __init__(self, limits: BatchLimits, bus_names: Sequence[str]) -> None:
        self._max_bytes = min(limits.max_bytes, TEXT_BYTES)
        self._max_age_ns = limits.max_age_ns
        self._name_bytes = np.array([len(name.encode()) for name in bus_names], np.int64)
        self._parts: list[Frames] = []
        self._text_bytes = 0

    def add(self, frames: Frames) -> Iterator[tuple[Frames, CloseReason]]:
        """Take frames, by time; whatever is whole with them."""
        size = LINE_BYTES + self._name_bytes.take(frames.bus) + 2 * frames.length.astype(np.int64)
        size = size.cumsum()
        done = 0
        while done < len(frames):
            before = int(size[done - 1]) if done else 0
            room = self._max_bytes - self._text_bytes
            end = int(size.searchsorted(before + room, side="right"))
            if not self._parts:
                end = max(end, done + 1)  # one frame always fits an empty message
            if end > done:
                self._parts.append(frames.part(done, end))
                self._text_bytes += int(size[end - 1]) - before
            done = end
            if done < len(frames):
                yield from self.rest(CloseReason.BYTES)
        if self._parts and self._parts[-1].t_ns[-1] - self._parts[0].t_ns[0] >= self._max_age_ns:
            yield from self.rest(CloseReason.AGE)

    def rest(self, why: CloseReason) -> Iterator[tuple[Frames, CloseReason]]:
        """What is open, if anything; then nothing is."""
        if self._parts:
            frames = joined(self._parts)
            self._parts = []
            self._text_bytes = 0
            yield frames, why

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        self._parts = [part.moved(delta_ns) for part in self._parts]

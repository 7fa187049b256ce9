"""Capture times that survive a wall clock being set. Pure: both clocks' times are arguments.

Frames carry the wall time at which they were captured. A clock that is set leaves frames stamped by the old setting and
by the new one on their way to us, for some ticks, which sorting by time would reorder, or pull apart by hours: those of
the old setting are told by the new one. What earlier blocks hold keeps the offset that was known at their time;
`FrameBlock.epoch_ns` says which that was.
"""

import numpy as np

from edge_agent.records import CLOCK_STEP_NS, I64, ClockQuality

SYNC_NS = 1_000_000_000
"""A step this large is taken for a time sync: somebody knew better than the clock did."""

LATE_NS = 200_000_000
"""Longer than a frame waits to be read; with a tick more it is with us."""

_FAR_NS = 2_000_000_000
"""Beyond it a frame's setting is told by which is nearer."""
_READING_NS = 5_000_000
"""Longer than the reading of the clocks may be off, shorter than any step."""


class CaptureTime:
    """What the wall clock is worth, tick by tick."""

    def __init__(self, *, trusted: bool = False) -> None:
        """`trusted`: the clock is right at the start (RTC, satellites), whatever the kernel knows of it."""
        self._synced = trusted
        self._known = trusted
        self._now_ns = self._uptime_ns = 0
        self._epoch_ns: int | None = None
        self._step_ns = 0
        """how far the clock was set, while frames of the setting before may come"""
        self._set_after_ns = self._noticed_ns = 0
        """uptimes of the ticks before and after that"""

    def tick(self, now_ns: int, uptime_ns: int, *, kernel_synced: bool | None) -> None:
        """Note both clocks' times, read together, and whether the kernel says that the wall clock is synchronised."""
        epoch_ns = now_ns - uptime_ns
        step_ns = 0 if self._epoch_ns is None else epoch_ns - self._epoch_ns
        if abs(step_ns) >= CLOCK_STEP_NS:
            self._step_ns, self._set_after_ns, self._noticed_ns = step_ns, self._uptime_ns, uptime_ns
            self._synced |= abs(step_ns) >= SYNC_NS
        elif self._uptime_ns - self._noticed_ns >= LATE_NS:
            self._step_ns = 0
        self._now_ns, self._uptime_ns, self._epoch_ns = now_ns, uptime_ns, epoch_ns
        self._synced |= bool(kernel_synced)
        self._known |= kernel_synced is not None

    @property
    def stepped(self) -> bool:
        """Whether frames may come that were stamped before the clock was set."""
        return self._step_ns != 0

    @property
    def epoch_ns(self) -> int:
        """Wall time of uptime 0 as of the last tick; 0 before the first."""
        return self._epoch_ns or 0

    @property
    def quality(self) -> ClockQuality:
        """As of the last tick; a clock that was right once stays so."""
        if self._synced:
            return ClockQuality.SYNCED
        return ClockQuality.UNSYNCED if self._known else ClockQuality.SYSTEM

    def told_now(self, t_ns: I64) -> I64:
        """All of one bus's times since the tick before, in the order of arrival, by the setting of the last tick.

        Of a step shorter than a tick some frames may be missed, which are then told by as little too late or too early.
        """
        if not self._step_ns or not len(t_ns):
            return t_ns
        if abs(self._step_ns) > _FAR_NS:
            old = np.abs(t_ns + self._step_ns - self._now_ns) < np.abs(t_ns - self._now_ns)
        else:
            old = np.arange(len(t_ns)) < self._count_old(t_ns)
        return t_ns + old * self._step_ns

    def _count_old(self, t_ns: I64) -> int:
        """How many frames came before a small step: their times leap its way, by most of it, or tell nothing of it."""
        step_ns = self._step_ns
        leaps = np.diff(t_ns) * (1 if step_ns > 0 else -1)
        if len(leaps) and leaps.max() >= abs(step_ns) / 2:
            last = int(leaps.argmax())
            if t_ns[last] + step_ns <= self.epoch_ns + self._noticed_ns + _READING_NS:
                return last + 1
        # What the new setting stamped was captured since it was made, and not in the future.
        since_ns = self.epoch_ns + self._set_after_ns
        is_new = since_ns - _READING_NS <= t_ns.min() and t_ns.max() <= self._now_ns + _READING_NS
        return 0 if is_new else len(t_ns)

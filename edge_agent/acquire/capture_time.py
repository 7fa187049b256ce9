"""Capture times that survive a wall clock being set. Pure: both clocks' times are arguments.

Frames carry the wall time at which they were captured. A clock that is set between two ticks leaves frames stamped by
the old setting and by the new one in one read, which sorting by time would reorder, or pull apart by hours: those of
the old setting are told by the new one. What earlier blocks hold keeps the offset that was known at their time;
`FrameBlock.epoch_ns` says which that was.
"""

import numpy as np

from edge_agent.records import CLOCK_STEP_NS, I64, ClockQuality

SYNC_NS = 1_000_000_000
"""A step this large is taken for a time sync: somebody knew better than the clock did."""

_FAR_NS = 2_000_000_000
"""Beyond twice what a frame may wait to be read, its setting is told by its time alone."""


class CaptureTime:
    """What the wall clock is worth, tick by tick."""

    def __init__(self, *, trusted: bool = False) -> None:
        """`trusted`: the clock is right at the start (RTC, satellites), whatever the kernel knows of it."""
        self._synced = trusted
        self._known = trusted
        self._now_ns = 0
        self._step_ns = 0
        self._epoch_ns: int | None = None

    def tick(self, now_ns: int, uptime_ns: int, *, kernel_synced: bool | None) -> None:
        """Note both clocks' times, read together, and whether the kernel says that the wall clock is synchronised."""
        epoch_ns = now_ns - uptime_ns
        step_ns = 0 if self._epoch_ns is None else epoch_ns - self._epoch_ns
        self._step_ns = step_ns if abs(step_ns) >= CLOCK_STEP_NS else 0
        self._now_ns, self._epoch_ns = now_ns, epoch_ns
        self._synced |= bool(kernel_synced) or abs(self._step_ns) >= SYNC_NS
        self._known |= kernel_synced is not None

    @property
    def stepped(self) -> bool:
        """Whether the clock was set between the last two ticks."""
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
        """One bus's times since the tick before, in the order of arrival, all by the setting of the last tick."""
        step_ns = self._step_ns
        if not step_ns or not len(t_ns):
            return t_ns
        # What seems to come from the future was stamped before the clock was set back.
        old = np.abs(t_ns + step_ns - self._now_ns) < np.abs(t_ns - self._now_ns) + (step_ns < 0)
        if abs(step_ns) <= _FAR_NS:
            old = np.arange(len(t_ns)) < _set_at(t_ns, step_ns, first_is_old=bool(old[0]))
        return t_ns + old * step_ns


def _set_at(t_ns: I64, step_ns: int, *, first_is_old: bool) -> int:
    """How many frames came before a small step: where their times leap its way, by most of it."""
    leaps = np.diff(t_ns) * (1 if step_ns > 0 else -1)
    if len(leaps) and leaps.max() >= abs(step_ns) / 2:
        return int(leaps.argmax()) + 1
    return len(t_ns) if first_is_old else 0

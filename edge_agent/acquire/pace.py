"""When a recorded frame is due again. Pure: the time is an argument, the deadline the answer."""

from dataclasses import dataclass

JUMP_NS = 3_600 * 1_000_000_000
"""A gap longer than an hour is taken for a jump of the recorder's clock, not for an hour of silence."""

LATE_NS = 1_000_000_000
"""A step back of up to a second is taken for a frame logged late (several buses in one file), not for a jump."""


def jumps(before_ns: int, after_ns: int) -> bool:
    """Whether two neighbouring times of a log belong to different settings of the recorder's clock."""
    return not -LATE_NS <= after_ns - before_ns <= JUMP_NS


def until(before_ns: int, reached_ns: int) -> int:
    """How far a stream has come: not back for a late frame, but with a clock that was set.

    A deadline held to the old time would pass at every tick, or not for an hour.
    """
    return reached_ns if jumps(before_ns, reached_ns) else max(before_ns, reached_ns)


@dataclass(slots=True)
class Progress:
    """How far live buses have come by their frames' own times; between frames time goes on.

    The wall clock is not asked: an adapter's timestamps may count from its own start.
    """

    settle_ns: int
    """a frame may be this long on its way to us, or behind another bus's"""
    _newest_ns: int = 0
    _seen_ns: int = 0
    _until_ns: int = 0

    def seen(self, newest_ns: int, uptime_ns: int) -> None:
        """Take note of the newest frame of a tick."""
        self._newest_ns, self._seen_ns = newest_ns, uptime_ns

    def until_ns(self, uptime_ns: int) -> int:
        """The time before which no more frames are expected; 0 before the first frame."""
        if self._newest_ns:
            reached_ns = self._newest_ns + uptime_ns - self._seen_ns - self.settle_ns
            self._until_ns = until(self._until_ns, reached_ns)
        return self._until_ns


@dataclass(slots=True)
class Pace:
    """Recorded time stretched onto a running clock.

    Deadlines are counted from one origin, so that the errors of single waits do not add up.
    """

    speed: float
    """1 is as recorded, 2 is twice as fast, 0 is without waiting"""
    _origin_ns: int | None = None
    _origin_s: float = 0.0
    _newest_ns: int = 0

    def due_s(self, t_ns: int, now_s: float) -> float:
        """When time `t_ns` of the log is due, on the clock that `now_s` was read from; not before `now_s` at a jump."""
        if self.speed == 0:
            return now_s
        if self._origin_ns is None:
            self._origin_ns, self._origin_s = t_ns, now_s
        elif jumps(self._newest_ns, t_ns):
            self._origin_ns, self._origin_s = t_ns, max(now_s, self._due_s(self._newest_ns, self._origin_ns))
        self._newest_ns = t_ns
        return self._due_s(t_ns, self._origin_ns)

    def _due_s(self, t_ns: int, origin_ns: int) -> float:
        return self._origin_s + (t_ns - origin_ns) / 1e9 / self.speed

"""An adapter's own clock told as wall time. Pure: both clocks' times of reception are arguments.

python-can hands on what an interface's driver has: the host's wall time for some, the time since the adapter
started for others (kvaser, pcan without its epoch), and 0 where there is none.
"""

from edge_agent.acquire.timestamps import SECOND_NS, float_ns, since_epoch_ns

DAY_NS = 86_400 * SECOND_NS
"""Whoever is within a day of the wall clock means the wall clock."""

DRIFT_NS = SECOND_NS
"""Beyond this the two clocks have parted: the adapter began anew, or it runs slow (50 ppm: in 5 h)."""

BACK_NS = SECOND_NS // 10
"""A smaller step back is a frame that another overtook on its way, not an adapter that began anew."""

READING_NS = SECOND_NS // 1000
"""Two readings of both clocks may differ by so much although neither was set."""

LONGEST_S = 4e9
"""A time since 1970 or since a start that could be one; NaN is not within it either."""


class DeviceTime:
    """One opening of one adapter."""

    def __init__(self) -> None:
        self._start_ns: int | None = None
        """uptime of the adapter's 0"""
        self._newest_ns = 0
        self._epoch_ns = 0
        """wall time of uptime 0"""

    def wall_ns(self, stamp_s: float, now_ns: int, uptime_ns: int) -> int:
        """Wall time of a frame that the adapter stamped `stamp_s`, by the clock as it was set at its reception.

        A stamp within a day of the wall clock is taken as it is. Others keep their distances: they count from the
        latest start by which no frame was received before it was on the bus. That is kept in monotonic time, so a
        wall clock that is set is followed at once. A stamp that is no time (0, not finite, beyond
        a century) means the reception.
        """
        if not stamp_s or not abs(stamp_s) <= LONGEST_S:
            return now_ns
        stamp_ns = float_ns(stamp_s)
        if abs(now_ns - stamp_ns) <= DAY_NS:
            return since_epoch_ns(stamp_s)
        start_ns = uptime_ns - stamp_ns
        if self._start_ns is None or stamp_ns < self._newest_ns - BACK_NS or start_ns - self._start_ns > DRIFT_NS:
            self._start_ns, self._newest_ns = start_ns, stamp_ns
        self._start_ns = min(self._start_ns, start_ns)
        self._newest_ns = max(self._newest_ns, stamp_ns)
        if abs(now_ns - uptime_ns - self._epoch_ns) > READING_NS:
            self._epoch_ns = now_ns - uptime_ns
        return self._epoch_ns + self._start_ns + stamp_ns

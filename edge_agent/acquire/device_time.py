"""An adapter's own clock told as wall time. Pure: the time of reception is an argument.

python-can hands on what an interface's driver has: the host's wall time for some, the time since the adapter
started for others (kvaser, pcan without its epoch), and 0 where there is none.
"""

from edge_agent.acquire.timestamps import SECOND_NS, float_ns, since_epoch_ns

DAY_NS = 86_400 * SECOND_NS
"""Whoever is within a day of the wall clock means the wall clock."""

DRIFT_NS = SECOND_NS
"""Beyond this the two clocks have parted: one was set, the adapter began anew, or it runs slow (50 ppm: in 5 h)."""

BACK_NS = SECOND_NS // 10
"""A smaller step back is a frame that another overtook on its way, not an adapter that began anew."""


class DeviceTime:
    """One opening of one adapter."""

    def __init__(self) -> None:
        self._start_ns: int | None = None
        self._newest_ns = 0

    def wall_ns(self, stamp_s: float, now_ns: int) -> int:
        """Wall time of a frame that the adapter stamped `stamp_s` and that was received at `now_ns`.

        A stamp within a day of the wall clock is taken as it is. Others keep their distances: they count from the
        latest start by which no frame was received before it was on the bus. Raises ValueError or OverflowError for
        a stamp that is not finite.
        """
        if not stamp_s:
            return now_ns
        stamp_ns = float_ns(stamp_s)
        start_ns = now_ns - stamp_ns
        if abs(start_ns) <= DAY_NS:
            return since_epoch_ns(stamp_s)
        if self._start_ns is None or stamp_ns < self._newest_ns - BACK_NS or start_ns - self._start_ns > DRIFT_NS:
            self._start_ns, self._newest_ns = start_ns, stamp_ns
        self._start_ns = min(self._start_ns, start_ns)
        self._newest_ns = max(self._newest_ns, stamp_ns)
        return self._start_ns + stamp_ns

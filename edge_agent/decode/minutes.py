"""Minutes of a stream, as recorded or as it comes. Pure."""

from edge_agent.records import ClockQuality, FrameBlock, SampleBlock

MINUTE_NS = 60_000_000_000


def stream_ns(block: FrameBlock | SampleBlock) -> int:
    """How far a stream has come: a recording's own time, else monotonic time, which buses without a frame have too."""
    return block.until_ns if block.clock is ClockQuality.RECORDED else block.uptime_ns


class Minutes:
    """Cuts a stream's time into minutes; a jump of its clock begins a new one."""

    def __init__(self) -> None:
        self._began_ns: int | None = None
        self._until_ns = 0

    @property
    def seconds(self) -> float:
        """Of the minute that is not over."""
        return 0.0 if self._began_ns is None else (self._until_ns - self._began_ns) / 1e9

    def reach(self, until_ns: int) -> float | None:
        """Seconds of the minute that is over now, or None while it goes on; 0 where the clock jumped.

        A step back, or of more than a minute ahead, is a jump: between two steps a stream that is read lets go by
        one second.
        """
        began_ns, before_ns = self._began_ns, self._until_ns
        self._until_ns = until_ns
        if began_ns is None:
            self._began_ns = until_ns
            return None
        if not 0 <= until_ns - before_ns <= MINUTE_NS:
            self._began_ns = until_ns
            return 0.0
        if until_ns - began_ns < MINUTE_NS:
            return None
        self._began_ns = until_ns
        return (until_ns - began_ns) / 1e9

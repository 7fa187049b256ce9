"""What one bus has lost for one reason, told without flooding the log. Pure: time is an argument."""

from edge_agent import events

TELL_NS = 10_000_000_000
"""Losses are told at most this often; every loss is told."""


class Losses:
    """Tells the frames one bus has lost for one reason, each once."""

    def __init__(self, bus: str, reason: str, log: events.Log) -> None:
        self._bus, self._reason, self._log = bus, reason, log
        self._untold = 0
        self._next_ns: int | None = None

    def add(self, count: int, uptime_ns: int) -> None:
        """Count frames lost, and tell what has come together when it is time."""
        self._untold += count
        if self._untold and (self._next_ns is None or uptime_ns >= self._next_ns):
            self._next_ns = uptime_ns + TELL_NS
            self.tell()

    def tell(self) -> None:
        """Tell what has not been told yet."""
        if self._untold:
            events.frames_dropped(self._log, bus=self._bus, count=self._untold, reason=self._reason)
            self._untold = 0

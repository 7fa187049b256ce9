"""How long batches take from stage to stage, as histograms of seconds. Pure."""

from bisect import bisect_left
from collections.abc import Sequence

from edge_agent.records import Batch, EnvelopeKey

BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0)
"""upper bounds, from a tick to a day without a link; one more bucket takes the rest"""
MOST_AWAITED = 16_384
"""Batches whose way to the hub is timed at once; of more, the oldest go untimed."""


class Histogram:
    """Durations, counted by bucket."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        """of each bucket alone"""
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """One more; clocks that were set can make it seem negative, then it took no time."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Latency:
    """Three legs of a batch's way, each from the end of the one before."""

    def __init__(self) -> None:
        self.sealed = Histogram()
        """from its first sample's capture; not of a recording, whose times are its own"""
        self.committed = Histogram()
        """from there until its commit returned"""
        self.acked = Histogram()
        """from there until the hub acknowledged it; of this start's batches"""
        self._committed_ns: dict[EnvelopeKey, int] = {}  # bounded by `commit`

    def commit(self, boot: int, batches: Sequence[Batch], uptime_ns: int) -> None:
        """A commit of these has returned."""
        for batch in batches:
            if batch.epoch_ns:
                self.sealed.add((batch.epoch_ns + batch.uptime_ns - batch.opened_ns) / 1e9)
            self.committed.add((uptime_ns - batch.uptime_ns) / 1e9)
            self._committed_ns[EnvelopeKey(boot, batch.seq)] = uptime_ns
        while len(self._committed_ns) > MOST_AWAITED:
            del self._committed_ns[next(iter(self._committed_ns))]

    def acknowledge(self, key: EnvelopeKey, uptime_ns: int) -> None:
        """The hub has this one."""
        committed_ns = self._committed_ns.pop(key, None)
        if committed_ns is not None:
            self.acked.add((uptime_ns - committed_ns) / 1e9)

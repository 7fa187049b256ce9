"""Whether the system was suspended: of two clocks one stands still meanwhile. Pure."""

from typing import Final

SUSPENDED_NS: Final = 2_000_000_000
"""Two clocks that are read one after the other on a busy machine differ by less."""


class Suspension:
    """Looks at both clocks now and then; `uptime_ns` goes on in a suspend, `awake_ns` does not."""

    def __init__(self, uptime_ns: int, awake_ns: int) -> None:
        self._asleep_ns = uptime_ns - awake_ns

    def look(self, uptime_ns: int, awake_ns: int) -> int:
        """For how many nanoseconds it was suspended since the last look; 0 where it was not."""
        gap_ns, self._asleep_ns = uptime_ns - awake_ns - self._asleep_ns, uptime_ns - awake_ns
        return gap_ns if gap_ns > SUSPENDED_NS else 0

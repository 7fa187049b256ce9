"""The system's two clocks, read here and nowhere else; cores get the time as an argument."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall time and time since this object was made."""

    _start_ns: int = field(default_factory=time.monotonic_ns)

    def now_ns(self) -> int:
        """Wall time, nanoseconds since the Unix epoch; may jump."""
        return time.time_ns()

    def uptime_ns(self) -> int:
        """Monotonic nanoseconds since the agent's start."""
        return time.monotonic_ns() - self._start_ns

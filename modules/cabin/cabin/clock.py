"""The system's clocks, read here and nowhere else; cores get the time as an argument."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_ZONEINFO = "/zoneinfo/"


def _since_power_on_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall time, and time since this object was made."""

    _start_ms: int = field(default_factory=_since_power_on_ms)

    def now_ms(self) -> int:
        """Wall time since the Unix epoch; may jump."""
        return time.time_ns() // 1_000_000

    def up_ms(self) -> int:
        """Monotonic time since the cabin's start; goes on while the system sleeps."""
        return _since_power_on_ms() - self._start_ms

    def zone(self) -> str:
        """TZ where it is set, else where /etc/localtime leads to, else UTC."""
        named = os.environ.get("TZ", "").lstrip(":")
        if named:
            return named
        target = str(Path("/etc/localtime").resolve())
        return target.partition(_ZONEINFO)[2] or "UTC"

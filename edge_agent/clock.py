"""The system's two clocks, read here and nowhere else; cores get the time as an argument."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_TIMEX_BYTES = 256
"""Room for struct timex, which has 208 (linux/timex.h); all zero asks and sets nothing."""
_TIME_ERROR = 5
"""The clock is not synchronised (adjtimex(2))."""

_ATTEMPTS = 5
_TOGETHER_NS = 1_000_000

_libc = ctypes.CDLL(None, use_errno=True)


def _since_power_on_ns() -> int:
    # Goes on while the system is suspended, as the wall clock does: else every suspend would look like a clock set.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall time and time since this object was made."""

    _read_ns: Callable[[], int] = _since_power_on_ns
    _start_ns: int = field(default_factory=_since_power_on_ns)

    @classmethod
    def awake(cls) -> "SystemClock":
        """One whose uptime stands still while the system is suspended, as on Linux CLOCK_MONOTONIC does."""
        return cls(time.monotonic_ns, time.monotonic_ns())

    def now_ns(self) -> int:
        """Wall time, nanoseconds since the Unix epoch; may jump."""
        return time.time_ns()

    def uptime_ns(self) -> int:
        """Monotonic nanoseconds since the agent's start."""
        return self._read_ns() - self._start_ns

    def both_ns(self) -> tuple[int, int]:
        """Wall time and uptime of one moment, to half a millisecond if one of five attempts is not interrupted."""
        for _ in range(_ATTEMPTS):
            apart_ns, now_ns, uptime_ns = self._both_ns()
            if apart_ns <= _TOGETHER_NS:
                break
        return now_ns, uptime_ns

    def is_synced(self) -> bool | None:
        """Whether the kernel says that NTP, PTP or the like keeps the wall clock; None where it does not say."""
        try:
            state: int = _libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        except AttributeError:  # a C library without it: not Linux
            return None
        return None if state < 0 else state != _TIME_ERROR

    def _both_ns(self) -> tuple[int, int, int]:
        """How far the readings lie apart at most, and both."""
        before_ns, now_ns, after_ns = self.uptime_ns(), self.now_ns(), self.uptime_ns()
        return after_ns - before_ns, now_ns, (before_ns + after_ns) // 2

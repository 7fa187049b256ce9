"""The system's clock, read here and nowhere else; cores get the time as an argument."""

import time


class SystemClock:
    """Wall time."""

    def now_s(self) -> float:
        """Seconds of the Unix epoch."""
        return time.time()

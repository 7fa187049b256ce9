"""Both clocks, moved by hand."""

from dataclasses import dataclass

NOON_S = 1_800_000_000
NS = 1_000_000_000


@dataclass
class DrivenClock:
    """`elapsed_s` since the start, which was at `NOON_S`; the wall's is right, wrong or not known to be right."""

    elapsed_s: float = 0
    synced: bool | None = True

    def now_ns(self) -> int:
        return int((NOON_S + self.elapsed_s) * NS)

    def uptime_ns(self) -> int:
        return int(self.elapsed_s * NS)

    def both_ns(self) -> tuple[int, int]:
        return self.now_ns(), self.uptime_ns()

    def is_synced(self) -> bool | None:
        return self.synced

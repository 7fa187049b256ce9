"""A clock of a car in its zone, by seconds."""

from datetime import datetime
from zoneinfo import ZoneInfo


class CarClock:
    """`ports.Clock`; wall and monotonic time go on together unless a test says otherwise."""

    def __init__(self, wall: str = "2026-11-22T09:00", zone: str = "Europe/Berlin") -> None:
        self.named = zone
        self.wall_s = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).timestamp()
        self.since_start_s = 0.0

    def now_ms(self) -> int:
        return int(self.wall_s * 1000)

    def up_ms(self) -> int:
        return int(self.since_start_s * 1000)

    def zone(self) -> str:
        return self.named

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.since_start_s += seconds

"""Clocks that go as they are told to."""

from dataclasses import dataclass


@dataclass(slots=True)
class SetClock:
    """`ports.Clock`; both times in ms."""

    now: int = 1_795_366_800_000
    up: int = 100_000
    name: str = "Europe/Berlin"

    def now_ms(self) -> int:
        return self.now

    def up_ms(self) -> int:
        return self.up

    def zone(self) -> str:
        return self.name

    def wait(self, ms: int) -> None:
        self.now += ms
        self.up += ms

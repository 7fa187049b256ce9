"""Where a bus is: `BusAddress`. Plain data, so that nobody needs python-can to say it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where a bus is: `interface` and `channel` are python-can's names (`socketcan`, `can0`)."""

    name: str
    interface: str
    channel: str
    fd: bool = False
    bitrate: int | None = None

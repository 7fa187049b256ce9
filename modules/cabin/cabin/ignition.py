"""What ends with a drive: private mode, and who was driving. Pure."""

from enum import Enum

from cabin.records import Reading

FRESH_MS = 1000


class Turned(Enum):
    """What the ignition did."""

    ON = "on"
    OFF = "off"


class Ignition:
    """Tells of each turn once, the first that is known too; a vehicle that does not say turns nothing."""

    def __init__(self) -> None:
        self._is_on: bool | None = None

    def look(self, ignition: Reading | None, up_ms: int) -> Turned | None:
        """What it did since the last look; how it stands at the first is taken for a turn."""
        if ignition is None or ignition.age_ms(up_ms) > FRESH_MS:
            return None
        was_on, self._is_on = self._is_on, bool(ignition.value)
        if self._is_on == was_on:
            return None
        return Turned.ON if self._is_on else Turned.OFF

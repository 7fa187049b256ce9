"""A vehicle that is driven by hand: seconds go by, and every 100 ms somebody looks at it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cabin.records import Reading, Vehicle
from cabin.trips.machine import Ended, TripMachine

NOW_MS = 1_795_000_000_000
"""wall time of `up_ms` 0"""
LOOK_MS = 100


@dataclass
class Car:
    """What its signals say; `None` is not mapped. `look` is called after each 100 ms."""

    look: Callable[[Vehicle, int, int], None]
    speed: float | None = 0.0
    ignition: bool | None = True
    park: bool | None = False
    power_kw: float | None = None
    soc: float | None = None
    fuel_l_h: float | None = None
    odometer: float | None = None
    accel_long: float | None = None
    accel_lat: float | None = None
    place: tuple[float, float] | None = None
    up_ms: int = 10_000
    drives_odometer: bool = False
    _last: Vehicle = field(default_factory=Vehicle)

    def goes(self, seconds: float, *, silent: bool = False, every_ms: int = LOOK_MS) -> "Car":
        """Time passes; what was said last stays where it is silent."""
        for _ in range(round(seconds * 1000 / every_ms)):
            self.up_ms += every_ms
            if self.drives_odometer and not silent:
                self.odometer = (self.odometer or 0.0) + (self.speed or 0.0) * every_ms / 3_600_000
            if not silent:
                self._last = self.vehicle()
            self.look(self._last, NOW_MS + self.up_ms, self.up_ms)
        return self

    def is_set(self, **signals: object) -> "Car":
        """Other values from now on."""
        for name, value in signals.items():
            assert hasattr(self, name)
            setattr(self, name, value)
        return self

    def vehicle(self) -> Vehicle:
        """As of now."""
        latitude, longitude = self.place or (None, None)
        return Vehicle(
            speed_kmh=self._read(self.speed),
            in_park=self._read(self.park),
            ignition=self._read(self.ignition),
            odometer_km=self._read(self.odometer),
            soc_percent=self._read(self.soc),
            pack_power_kw=self._read(self.power_kw),
            fuel_rate_l_h=self._read(self.fuel_l_h),
            accel_long_ms2=self._read(self.accel_long),
            accel_lat_ms2=self._read(self.accel_lat),
            latitude_deg=self._read(latitude),
            longitude_deg=self._read(longitude),
        )

    def _read(self, value: float | None) -> Reading | None:
        return None if value is None else Reading(float(value), self.up_ms)


class Watched:
    """A machine, and every trip that ended in it."""

    def __init__(self, *, location: bool = False, capacity_kwh: float | None = None) -> None:
        ids = _numbered()
        self.machine = TripMachine("p1", new_id=lambda: next(ids), capacity_kwh=capacity_kwh)
        self.ended: list[Ended] = []
        self.location = location

    def car(self, **signals: object) -> Car:
        """One that this machine looks at."""
        return Car(self._look).is_set(**signals)

    def _look(self, vehicle: Vehicle, now_ms: int, up_ms: int) -> None:
        ended = self.machine.look(vehicle, now_ms=now_ms, up_ms=up_ms, location=self.location)
        if ended is not None:
            self.ended.append(ended)


def _numbered() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"trip-{number}"

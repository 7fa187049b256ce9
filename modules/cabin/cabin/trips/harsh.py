"""Hard accelerations, brakes and corners, counted; never a score. Pure.

More than 0.25 g forward, 0.40 g backward or 0.45 g sideways, for at least 0.3 s, is one event until it falls below.
From the vehicle's acceleration signals; where it has none, from the change of its speed, if that comes at least 5 times
a second, smoothed with a time constant of 0.5 s: a speed in steps of 1 km/h at 10 Hz would otherwise look like 0.28 g.
"""

import math

from cabin.records import Reading, Vehicle

G = 9.80665
ACCELERATION_MS2, BRAKE_MS2, CORNER_MS2 = 0.25 * G, 0.40 * G, 0.45 * G
AT_LEAST_MS = 300
IMU_EVERY_MS = 500
"""of samples further apart nothing is known between them"""
SPEED_EVERY_MS = 250
"""5 Hz, with room for the tick of 0.1 s it may be late"""
STEADY = 10
"""so many in a row: two that happen to be close do not make a speed that comes 5 times a second"""
SMOOTHING_S = 0.5
_KMH_MS = 3.6


class Spell:
    """How long a value has been beyond a threshold, counted once it was long enough."""

    def __init__(self, threshold: float) -> None:
        self.count = 0
        self._threshold = threshold
        self._since_up_ms: int | None = None
        self._counted = False

    def take(self, value: float, up_ms: int, *, is_new: bool) -> None:
        """A sample; `is_new` where nothing is known of the time before it."""
        if value <= self._threshold:
            self._since_up_ms, self._counted = None, False
            return
        if self._since_up_ms is None or is_new:
            self._since_up_ms, self._counted = up_ms, False
        if not self._counted and up_ms - self._since_up_ms >= AT_LEAST_MS:
            self.count += 1
            self._counted = True


class HarshEvents:
    """Of one trip."""

    def __init__(self) -> None:
        self._forward, self._backward = Spell(ACCELERATION_MS2), Spell(BRAKE_MS2)
        self._left, self._right = Spell(CORNER_MS2), Spell(CORNER_MS2)
        self._long_up_ms: int | None = None
        self._lat_up_ms: int | None = None
        self._speed: Reading | None = None
        self._smooth_kmh, self._steady = 0.0, 0
        self.source = "none"

    @property
    def accelerations(self) -> int:
        """How many so far."""
        return self._forward.count

    @property
    def brakes(self) -> int:
        """How many so far."""
        return self._backward.count

    @property
    def corners(self) -> int:
        """How many so far; from a lateral acceleration alone."""
        return self._left.count + self._right.count

    def look(self, vehicle: Vehicle) -> None:
        """Take what is new."""
        if vehicle.accel_lat_ms2 is not None:
            self._take_lateral(vehicle.accel_lat_ms2)
        if vehicle.accel_long_ms2 is not None:
            self._take_longitudinal(vehicle.accel_long_ms2)
        elif vehicle.speed_kmh is not None:
            self._take_speed(vehicle.speed_kmh)

    def _take_lateral(self, reading: Reading) -> None:
        before, self._lat_up_ms = self._lat_up_ms, reading.up_ms
        if reading.up_ms == before:
            return
        self.source = "imu"
        is_new = before is None or not 0 < reading.up_ms - before <= IMU_EVERY_MS
        self._left.take(reading.value, reading.up_ms, is_new=is_new)
        self._right.take(-reading.value, reading.up_ms, is_new=is_new)

    def _take_longitudinal(self, reading: Reading) -> None:
        before, self._long_up_ms = self._long_up_ms, reading.up_ms
        if reading.up_ms == before:
            return
        self.source = "imu"
        self._along(
            reading.value, reading.up_ms, is_new=before is None or not 0 < reading.up_ms - before <= IMU_EVERY_MS
        )

    def _take_speed(self, reading: Reading) -> None:
        before, self._speed = self._speed, reading
        if before is None or reading.up_ms == before.up_ms:
            self._smooth_kmh = reading.value if before is None else self._smooth_kmh
            return
        apart_ms = reading.up_ms - before.up_ms
        if not 0 < apart_ms <= SPEED_EVERY_MS:
            self._smooth_kmh, self._steady = reading.value, 0
            return
        self._steady += 1
        self._smooth_kmh += (reading.value - self._smooth_kmh) * (1 - math.exp(-apart_ms / 1000 / SMOOTHING_S))
        if self._steady < STEADY:
            return
        if self.source == "none":
            self.source = "speed"
        acceleration_ms2 = (reading.value - self._smooth_kmh) / _KMH_MS / SMOOTHING_S
        self._along(acceleration_ms2, reading.up_ms, is_new=self._steady == STEADY)

    def _along(self, value: float, up_ms: int, *, is_new: bool) -> None:
        self._forward.take(value, up_ms, is_new=is_new)
        self._backward.take(-value, up_ms, is_new=is_new)

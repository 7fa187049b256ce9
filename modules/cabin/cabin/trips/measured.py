"""What a stretch from one start on amounts to, reading by reading; where it ends is decided by `machine`. Pure."""

from dataclasses import dataclass, fields

from cabin.records import Reading, TripSummary, Vehicle
from cabin.trips.energy import Counter, Integral, distance_of, energy_of
from cabin.trips.harsh import HarshEvents

STILL_KMH = 1.0
"""below it stands; the drive state's `moving` begins there too"""
UNHEARD_MS = 10_000
"""longer silences are not part of what was heard"""
GAP_MS = 60_000
PLACE_FRESH_MS = 10_000
START_PLACE_MS = 60_000
"""a position that comes later than this is not where the trip started"""
_MOST_LATITUDE, _MOST_LONGITUDE = 90.0, 180.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """As of one moment `up_ms`; what a summary is made of."""

    up_ms: int
    km: float | None
    distance_source: str
    speed_km: float | None
    moving_ms: int
    pause_ms: int
    gap_ms: int
    unheard_ms: int
    energy_kwh: float | None
    energy_source: str
    fuel_l: float | None
    max_kmh: float | None
    accelerations: int
    brakes: int
    corners: int
    harsh_source: str
    end_place: tuple[float, float] | None


class Measured:
    """From `start_up_ms` on."""

    def __init__(self, start_up_ms: int, capacity_kwh: float | None) -> None:
        self.start_up_ms = self.heard_up_ms = start_up_ms
        self.first_moved_up_ms: int | None = None
        self.still_since: Amounts | None = None
        """what it amounted to when it came to stand, where it stands"""
        self._capacity_kwh = capacity_kwh
        self._moving_ms = self._pause_ms = self._gap_ms = self._unheard_ms = 0
        self._km, self._kwh, self._litres = Integral(), Integral(), Integral()
        self._odometer, self._charge = Counter(), Counter()
        self._harsh = HarshEvents()
        self._max_kmh: float | None = None
        self._moves = False
        self._start_place: tuple[float, float] | None = None
        self._place: tuple[float, float] | None = None
        self._may_place = True

    def look(self, vehicle: Vehicle, *, up_ms: int, location: bool, held: bool) -> None:
        """Take what is new; in a pause with the ignition off (`held`) the buses may sleep, and nothing is missing."""
        heard = newest_up_ms(vehicle, up_ms)
        if heard > self.heard_up_ms:
            self._pass_time(heard - self.heard_up_ms, held=held)
            self.heard_up_ms = heard
        self._km.take(self._own(vehicle.speed_kmh))
        self._kwh.take(self._own(vehicle.pack_power_kw))
        self._litres.take(self._own(vehicle.fuel_rate_l_h))
        self._odometer.take(self._own(vehicle.odometer_km))
        self._charge.take(self._own(vehicle.soc_percent))
        self._harsh.look(vehicle)
        self._look_at_place(vehicle, up_ms, allowed=location)
        if (speed := self._own(vehicle.speed_kmh)) is not None:
            self._take_speed(speed)

    def amounts(self, up_ms: int) -> Amounts:
        """Of the stretch until now, which is `up_ms`."""
        distance = distance_of(self._odometer, self._km.total, has_gap=self._gap_ms > 0)
        energy = energy_of(self._kwh.total, self._charge, self._capacity_kwh)
        return Amounts(
            up_ms=up_ms,
            km=distance.km,
            distance_source=distance.source,
            speed_km=distance.by_speed_km,
            moving_ms=self._moving_ms,
            pause_ms=self._pause_ms,
            gap_ms=self._gap_ms,
            unheard_ms=self._unheard_ms,
            energy_kwh=energy.kwh,
            energy_source=energy.source,
            fuel_l=self._litres.total,
            max_kmh=self._max_kmh,
            accelerations=self._harsh.accelerations,
            brakes=self._harsh.brakes,
            corners=self._harsh.corners,
            harsh_source=self._harsh.source,
            end_place=self._place,
        )

    def summary(self, of: Amounts, *, id: str, profile: str, end: str, epoch_ms: int) -> TripSummary:  # noqa: A002
        """As listed; `epoch_ms` is the wall time of `up_ms` 0, as it is believed now."""
        lasted_ms = max(1, of.up_ms - self.start_up_ms)
        return TripSummary(
            id=id,
            profile=profile,
            start_s=(epoch_ms + self.start_up_ms) // 1000,
            end_s=(epoch_ms + of.up_ms) // 1000,
            end=end,
            distance_km=_rounded(of.km),
            distance_source=of.distance_source,
            speed_distance_km=_rounded(of.speed_km),
            moving_s=round(of.moving_ms / 1000),
            pause_s=round(of.pause_ms / 1000),
            gap_s=round(of.gap_ms / 1000),
            energy_kwh=_rounded(of.energy_kwh),
            fuel_l=_rounded(of.fuel_l),
            energy_source=of.energy_source,
            max_speed_kmh=_rounded(of.max_kmh),
            harsh_accelerations=of.accelerations,
            harsh_brakes=of.brakes,
            harsh_corners=of.corners,
            harsh_source=of.harsh_source,
            start_place=self._start_place if self._may_place else None,
            end_place=of.end_place if self._may_place else None,
            completeness=round(max(0.0, 1 - of.unheard_ms / lasted_ms), 4),
        )

    def _own(self, reading: Reading | None) -> Reading | None:
        """Only what was sampled in this stretch: the one before may have been private."""
        return reading if reading is not None and reading.up_ms >= self.start_up_ms else None

    def _pass_time(self, apart_ms: int, *, held: bool) -> None:
        if held:
            self._pause_ms += apart_ms
            return
        if apart_ms > UNHEARD_MS:
            self._unheard_ms += apart_ms
        if apart_ms >= GAP_MS:
            self._gap_ms += apart_ms
        elif self._moves:
            self._moving_ms += apart_ms
        else:
            self._pause_ms += apart_ms

    def _take_speed(self, speed: Reading) -> None:
        self._moves = speed.value >= STILL_KMH
        self._max_kmh = max(speed.value, self._max_kmh or 0.0)
        if self._moves:
            self.still_since = None
            if self.first_moved_up_ms is None:
                self.first_moved_up_ms = speed.up_ms
        elif self.still_since is None:
            self.still_since = self.amounts(speed.up_ms)

    def _look_at_place(self, vehicle: Vehicle, up_ms: int, *, allowed: bool) -> None:
        """A NO in the middle takes the places of the whole trip, and a YES gives them back to the next one."""
        self._may_place = self._may_place and allowed
        at = self._own(vehicle.latitude_deg)
        place = place_of(vehicle, up_ms) if self._may_place and at is not None else None
        if place is not None:
            self._place = place
            if self._start_place is None and up_ms - self.start_up_ms <= START_PLACE_MS:
                self._start_place = place


def newest_up_ms(vehicle: Vehicle, up_ms: int) -> int:
    """When the vehicle was last heard; 0 where it never was."""
    readings = (getattr(vehicle, one.name) for one in fields(vehicle))
    return min(up_ms, max((reading.up_ms for reading in readings if isinstance(reading, Reading)), default=0))


def place_of(vehicle: Vehicle, up_ms: int) -> tuple[float, float] | None:
    """Latitude and longitude, where both are fresh and on this earth."""
    latitude, longitude = vehicle.latitude_deg, vehicle.longitude_deg
    if latitude is None or longitude is None:
        return None
    if latitude.age_ms(up_ms) > PLACE_FRESH_MS or longitude.age_ms(up_ms) > PLACE_FRESH_MS:
        return None
    if not (abs(latitude.value) <= _MOST_LATITUDE and abs(longitude.value) <= _MOST_LONGITUDE):
        return None
    return round(latitude.value, 5), round(longitude.value, 5)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

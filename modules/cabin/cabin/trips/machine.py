"""When a trip starts, pauses and ends. Pure: time is an argument.

Start: ignition on and at least 3 km/h for 3 s, back-dated to ignition on; to the first movement where the vehicle had
stood for more than 300 s with the ignition on, for so long a stand is no part of a trip, and where nothing tells
of the ignition: there a trip goes by the speed alone.
End: ignition off, stamped when it came to stand; it is held for 300 s, and ignition on within them continues the trip
with a pause. Or, with the ignition on, 300 s at a stand in park; without an ignition signal, 300 s at a stand in park
or without a gear signal. Or 3600 s without a word from the vehicle; 60 s are a gap within the trip. A vehicle that was
heard last at a stand in park is parked, though its buses sleep.
Kept: 300 m, or 120 s from the first movement to the last.

`up_ms` must not run backwards; wall time may: a summary is dated by what the wall clock said last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cabin.records import Reading, TripNow, TripSummary, Vehicle
from cabin.trips.measured import STILL_KMH, Amounts, Measured, newest_up_ms

START_KMH, START_MS = 3.0, 3_000
RESTART_MS = STANDSTILL_MS = 300_000
SILENCE_MS = 3_600_000
KEEP_KM, KEEP_MS = 0.3, 120_000
PER_100_FROM_KM = 0.5
"""consumption a distance means nothing before"""
SPEED_FRESH_MS = 10_000


class Phase(Enum):
    """Of the machine."""

    NONE = "none"
    OPEN = "open"
    HELD = "held"
    """the ignition is off, and may come back"""


@dataclass(frozen=True, slots=True)
class Ended:
    """A trip that is over; `is_kept` False where it was too short."""

    summary: TripSummary
    is_kept: bool


class TripMachine:
    """One profile's; nothing from before it was made gets into a trip."""

    def __init__(self, profile: str, *, new_id: Callable[[], str], capacity_kwh: float | None = None) -> None:
        """`capacity_kwh` is what the pack holds, for an estimate where its power is not heard."""
        self.phase = Phase.NONE
        self.profile, self._new_id, self._capacity_kwh = profile, new_id, capacity_kwh
        self._measured: Measured | None = None  # of the trip, or of what may become one
        self._id = ""
        self._fast_since_up_ms: int | None = None
        self._off_up_ms = 0
        self._epoch_ms = self._up_ms = 0
        self._born_up_ms: int | None = None

    @property
    def start_up_ms(self) -> int | None:
        """Of the trip that is not over; None without one."""
        return None if self._measured is None or self.phase is Phase.NONE else self._measured.start_up_ms

    def open(self) -> Ended | None:
        """The trip that is not over, as a power cut now would leave it; None without one."""
        if self._measured is None or self.phase is Phase.NONE:
            return None
        return self._ended(self._measured, "ignition_off" if self.phase is Phase.HELD else "cut")

    def now(self) -> TripNow | None:
        """What may be seen while driving; None without a trip."""
        if self._measured is None or self.phase is Phase.NONE:
            return None
        of = self._measured.amounts(self._up_ms)
        minutes = (self._up_ms - self._measured.start_up_ms) // 60_000
        return TripNow(of.km, minutes, _per_100(of.energy_kwh, of.km), _per_100(of.fuel_l, of.km))

    def look(self, vehicle: Vehicle, *, now_ms: int, up_ms: int, location: bool) -> Ended | None:
        """Take what is new; a trip that has ended for good."""
        self._epoch_ms, self._up_ms = now_ms - up_ms, up_ms
        if self._born_up_ms is None:
            self._born_up_ms = up_ms
        was_held = self.phase is Phase.HELD
        trip = None if self.phase is Phase.NONE else self._measured
        ended = None if trip is None else self._look_for_end(trip, vehicle)
        if self.phase is Phase.NONE:
            self._look_for_start(vehicle)
        if self._measured is not None:
            self._measured.look(vehicle, up_ms=up_ms, location=location, held=was_held)
        if self.phase is Phase.NONE and self._measured is not None and self._is_under_way(vehicle):
            self.phase, self._id = Phase.OPEN, self._new_id()
        return ended

    def finish(self) -> Ended | None:
        """End the trip now, for whoever drives is another one."""
        if self._measured is None or self.phase is Phase.NONE:
            return None
        return self._end(self._measured, "ignition_off" if self.phase is Phase.HELD else "standstill")

    def _look_for_end(self, trip: Measured, vehicle: Vehicle) -> Ended | None:
        if self.phase is Phase.HELD:
            if self._up_ms - self._off_up_ms > RESTART_MS:
                return self._end(trip, "ignition_off")
            if _is_on(vehicle):
                self.phase = Phase.OPEN
        elif _is_off(vehicle):
            self.phase, self._off_up_ms = Phase.HELD, self._up_ms
        elif self._stands_for_good(trip, vehicle):
            return self._end(trip, "standstill")
        elif self._up_ms - max(trip.heard_up_ms, newest_up_ms(vehicle, self._up_ms)) >= SILENCE_MS:
            return self._end(trip, "silence")
        return None

    def _stands_for_good(self, trip: Measured, vehicle: Vehicle) -> bool:
        still = trip.still_since
        if still is None or self._up_ms - still.up_ms < STANDSTILL_MS or not _stands(vehicle):
            return False
        if vehicle.in_park is not None:
            return bool(vehicle.in_park.value)
        return vehicle.ignition is None

    def _look_for_start(self, vehicle: Vehicle) -> None:
        """Measure what may become a trip: from ignition on, or from the first movement."""
        if vehicle.ignition is not None and not vehicle.ignition.value:
            self._measured = self._fast_since_up_ms = None
            return
        speed = vehicle.speed_kmh
        is_fresh = speed is not None and self._is_of_now(speed)
        is_fast = speed is not None and is_fresh and speed.value >= START_KMH
        if not is_fast:
            self._fast_since_up_ms = None
        elif self._fast_since_up_ms is None and speed is not None:
            self._fast_since_up_ms = speed.up_ms
            if self._measured is None or vehicle.ignition is None or self._stood_long(speed.up_ms):
                self._measured = Measured(speed.up_ms, self._capacity_kwh)
        if self._measured is None and vehicle.ignition is not None:
            self._measured = Measured(self._up_ms, self._capacity_kwh)

    def _stood_long(self, up_ms: int) -> bool:
        measured = self._measured
        return measured is not None and up_ms - measured.start_up_ms > STANDSTILL_MS

    def _is_of_now(self, speed: Reading) -> bool:
        """Not from before this machine, nor from long ago."""
        return speed.up_ms >= (self._born_up_ms or 0) and speed.age_ms(self._up_ms) <= SPEED_FRESH_MS

    def _is_under_way(self, vehicle: Vehicle) -> bool:
        since, speed = self._fast_since_up_ms, vehicle.speed_kmh
        return since is not None and speed is not None and speed.up_ms - since >= START_MS

    def _end(self, trip: Measured, end: str) -> Ended:
        ended = self._ended(trip, end)
        self.phase, self._measured, self._fast_since_up_ms = Phase.NONE, None, None
        return ended

    def _ended(self, trip: Measured, end: str) -> Ended:
        """Stamped at the stand; where it does not stand, when the ignition went off or it was last heard."""
        moving_until = self._off_up_ms if end == "ignition_off" else trip.heard_up_ms
        of = trip.still_since or trip.amounts(moving_until)
        summary = trip.summary(of, id=self._id, profile=self.profile, end=end, epoch_ms=self._epoch_ms)
        return Ended(summary, is_kept=_is_long(trip, of))


def _is_long(trip: Measured, of: Amounts) -> bool:
    began = trip.first_moved_up_ms
    return (of.km or 0.0) >= KEEP_KM or (began is not None and of.up_ms - began >= KEEP_MS)


def _is_on(vehicle: Vehicle) -> bool:
    return vehicle.ignition is not None and bool(vehicle.ignition.value)


def _is_off(vehicle: Vehicle) -> bool:
    return vehicle.ignition is not None and not vehicle.ignition.value


def _stands(vehicle: Vehicle) -> bool:
    return vehicle.speed_kmh is not None and vehicle.speed_kmh.value < STILL_KMH


def _per_100(amount: float | None, km: float | None) -> float | None:
    return None if amount is None or km is None or km < PER_100_FROM_KM else round(amount / km * 100, 1)

"""What the vehicle does: parked, idling, moving, or unknown, which counts as moving. Pure; time is an argument.

    moving    1 km/h or more
    parked    gear P, or parking brake and neutral below 8 km/h (a manual box; 5 mph in NHTSA's 78 FR 24818)
    idling    otherwise: standing at a light in D is driving
    unknown   no speed within the last second, or P at more than 3 km/h

Every input is at most a second old, or it says nothing. What is more restricted holds at once; what is less restricted
only after it was so for three seconds without a break, and a second without a look is a break.
"""

from cabin.records import Drive, Reading, Vehicle

FRESH_MS = 1000
RELEASE_MS = 3000
MOVING_KMH = 1.0
MANUAL_PARKED_KMH = 8.0
CONTRADICTED_KMH = 3.0

_RANK = {Drive.PARKED: 0, Drive.IDLING: 1, Drive.MOVING: 2, Drive.UNKNOWN: 2}


def judged(vehicle: Vehicle, up_ms: int) -> Drive:
    """What the readings of this moment say, with no memory."""
    speed = vehicle.speed_kmh
    if speed is None or speed.age_ms(up_ms) > FRESH_MS or speed.value < 0:
        return Drive.UNKNOWN
    in_park = _holds(vehicle.in_park, up_ms)
    if in_park and speed.value > CONTRADICTED_KMH:
        return Drive.UNKNOWN
    by_hand = _holds(vehicle.parking_brake, up_ms) and _holds(vehicle.in_neutral, up_ms)
    if by_hand and speed.value < MANUAL_PARKED_KMH:
        return Drive.PARKED
    if speed.value >= MOVING_KMH:
        return Drive.MOVING
    return Drive.PARKED if in_park else Drive.IDLING


class DriveState:
    """`judged`, but released only when it has been steady."""

    def __init__(self) -> None:
        self._state = Drive.UNKNOWN
        self._since: list[int | None] = [None, None, None]
        """for each rank, since when nothing more restricted was judged"""
        self._looked_up_ms: int | None = None

    @property
    def state(self) -> Drive:
        """As of the last look; unknown before the first."""
        return self._state

    def look(self, vehicle: Vehicle, up_ms: int) -> Drive:
        """Judge this moment; call at least each second, or nothing is ever released."""
        if self._looked_up_ms is not None and not 0 <= up_ms - self._looked_up_ms <= FRESH_MS:
            self._since = [None, None, None]
        self._looked_up_ms = up_ms
        now = judged(vehicle, up_ms)
        rank = _RANK[now]
        for other, since in enumerate(self._since):
            if rank > other:
                self._since[other] = None
            elif since is None:
                self._since[other] = up_ms
        steady = next(other for other in (*range(rank, 2), 2) if other == 2 or self._is_steady(other, up_ms))  # noqa: PLR2004
        settled = max(rank, min(_RANK[self._state], steady))
        if settled == rank:
            self._state = now
        elif settled != _RANK[self._state]:
            self._state = Drive.IDLING
        return self._state

    def _is_steady(self, rank: int, up_ms: int) -> bool:
        since = self._since[rank]
        return since is not None and up_ms - since >= RELEASE_MS


def _holds(reading: Reading | None, up_ms: int) -> bool:
    return reading is not None and reading.age_ms(up_ms) <= FRESH_MS and bool(reading.value)

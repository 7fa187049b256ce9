"""How far and with how much: integrals that stop at gaps, differences, and which of two answers is believed. Pure."""

import math
from dataclasses import dataclass

from cabin.records import Reading

MOST_APART_MS = 10_000
"""between readings further apart nothing is integrated"""
DIFFERS = 0.02
"""odometer and speed are both told where they are further apart than this"""
GRAIN_SHARE = 0.01
"""an odometer that counts in larger steps than this share of a trip is less exact than the speed"""
_MS_PER_H = 3_600_000


class Integral:
    """Of a reading over hours, by trapezoids: km of km/h, kWh of kW, l of l/h."""

    def __init__(self) -> None:
        self.total: float | None = None
        self._last: Reading | None = None

    def take(self, reading: Reading | None) -> None:
        """A reading, new or the one before."""
        last = self._last
        if reading is None or not math.isfinite(reading.value) or (last and reading.up_ms <= last.up_ms):
            return
        self._last = reading
        self.total = self.total or 0.0
        if last is not None and reading.up_ms - last.up_ms <= MOST_APART_MS:
            self.total += (reading.value + last.value) / 2 * (reading.up_ms - last.up_ms) / _MS_PER_H


class Counter:
    """A counter's difference, with the smallest step in which it was seen to count."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.grain: float | None = None

    def take(self, reading: Reading | None) -> None:
        """A reading, new or the one before."""
        if reading is None or not math.isfinite(reading.value):
            return
        if self.last is not None and reading.value != self.last:
            step = abs(reading.value - self.last)
            self.grain = step if self.grain is None else min(self.grain, step)
        if self.first is None:
            self.first = reading.value
        self.last = reading.value

    @property
    def difference(self) -> float | None:
        """Last minus first; None with fewer than one reading."""
        return None if self.first is None or self.last is None else self.last - self.first


@dataclass(frozen=True, slots=True)
class Distance:
    """`source` is odometer, speed or empty; `by_speed_km` is the other answer, where it is more than 2 % off."""

    km: float | None
    source: str
    by_speed_km: float | None = None


def distance_of(odometer: Counter, by_speed_km: float | None, *, has_gap: bool) -> Distance:
    """Of the odometer, unless it is missing, ran backwards, or counts in steps that are too large for this trip.

    Where there was a gap the integral of the speed lacks it and the odometer does not: then it counts, coarse or not.
    """
    counted = odometer.difference
    if counted is None or counted < 0:
        return Distance(by_speed_km, "" if by_speed_km is None else "speed")
    if by_speed_km is None:
        return Distance(counted, "odometer")
    if not has_gap and (odometer.grain is None or odometer.grain > GRAIN_SHARE * counted):
        return Distance(by_speed_km, "speed")
    differs = abs(counted - by_speed_km) > DIFFERS * max(counted, by_speed_km)
    return Distance(counted, "odometer", by_speed_km if differs else None)


@dataclass(frozen=True, slots=True)
class Energy:
    """`source` is measured (integral of power), estimated (of the state of charge) or empty."""

    kwh: float | None
    source: str


def energy_of(power_kwh: float | None, soc: Counter, capacity_kwh: float | None) -> Energy:
    """By pack power where it was heard; else the charge that is gone, times what the pack holds, if that is known."""
    if power_kwh is not None:
        return Energy(power_kwh, "measured")
    if soc.difference is None or capacity_kwh is None:
        return Energy(None, "")
    return Energy(-soc.difference / 100 * capacity_kwh, "estimated")

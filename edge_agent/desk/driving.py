"""A made-up electric car and its driver on a made-up loop: plausible, not exact. Pure."""

import math
import random
from dataclasses import dataclass
from enum import Enum

STEP_S = 0.01

MASS_KG = 1900.0
DRAG_N_PER_MPS2 = 0.38
"""half the air's density times drag area"""
ROLLING_N = 190.0
WHEEL_M = 0.33
GEARING = 9.5
WHEELBASE_M = 2.8
STEERING_RATIO = 15.0
REGENERATION_N = 2800.0

CELLS = 96
CAPACITY_AS = 167.0 * 3600
RESISTANCE_OHM = 0.08
BATTERY_J_PER_K = 300_000.0
CHARGING_W = 50_000.0
CABLE_S = 3.0
"""how long the driver needs for the cable, before and after charging"""

CRUISES_KMH = (30.0, 50.0, 50.0, 70.0, 100.0)
CORNERING_MPS2 = 2.2
LEGS_PER_TRIP = 8

EARTH_M_PER_DEG = 111_320.0
HOME_DEG = (0.01, -0.01)
"""on the open sea off West Africa: nobody's road"""


class Phase(Enum):
    """What the driver is doing."""

    PARKED = "parked"
    GETTING_IN = "getting in"
    DRIVING = "driving"
    WAITING = "waiting"
    PARKING = "parking"
    GETTING_OUT = "getting out"


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the loop."""

    north_m: float
    east_m: float
    heading_rad: float
    """clockwise from north"""
    curvature_per_m: float
    """positive to the left"""
    m_per_rad: float
    """length of the loop a radian of its parameter is long here"""


def loop(angle: float) -> Place:
    """The loop, 8.4 km around, no bend tighter than 320 m; `angle` runs 0..2 pi."""
    east, north = 1500 * math.cos(angle) + 90 * math.cos(3 * angle), 1100 * math.sin(angle) + 120 * math.sin(2 * angle)
    east1 = -1500 * math.sin(angle) - 270 * math.sin(3 * angle)
    north1 = 1100 * math.cos(angle) + 240 * math.cos(2 * angle)
    east2 = -1500 * math.cos(angle) - 810 * math.cos(3 * angle)
    north2 = -1100 * math.sin(angle) - 480 * math.sin(2 * angle)
    length = math.hypot(east1, north1)
    return Place(
        north_m=north,
        east_m=east,
        heading_rad=math.atan2(east1, north1) % math.tau,
        curvature_per_m=(east1 * north2 - north1 * east2) / length**3,
        m_per_rad=length,
    )


class Driving:
    """The car's state, in SI units unless a name says otherwise; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/driving")  # noqa: S311  a demonstration, not a secret
        self.time_s = 0.0
        self.phase = Phase.PARKED
        self.phase_s = 0.0
        """since the phase began"""
        self._phase_ends_s = 4.0
        self._legs = 0
        self._cruise_mps = 0.0
        self.speed_mps = 0.0
        self.acceleration_mps2 = 0.0
        self.motor_n = 0.0
        """force of the motor at the road, negative while regenerating"""
        self.friction_n = 0.0
        """force of the friction brakes, never negative"""
        self._angle = self._random.uniform(0, math.tau)
        self.place = loop(self._angle)
        self.odometer_m = self._random.uniform(8e6, 30e6)
        self.trip_m = 0.0
        self.charge = self._random.uniform(0.55, 0.8)
        """state of charge, 0..1"""
        self.current_a = 0.0
        self.battery_c = 19.0
        self.cabin_c = 16.5
        self.target_c = 21.0
        self.climate_w = 0.0
        self.cell_spread_v = tuple(self._random.gauss(0, 0.004) for _ in range(12))
        self.night = self._random.random() < 0.5  # noqa: PLR2004  an even chance
        self.rain = self._random.random() < 0.25  # noqa: PLR2004  a rare one

    @property
    def ready(self) -> bool:
        """Whether the car would move."""
        return self.phase in (Phase.DRIVING, Phase.WAITING, Phase.PARKING)

    @property
    def charging(self) -> bool:
        """Whether the battery is being charged."""
        return self.plugged and self.charge < 1.0

    @property
    def plugged(self) -> bool:
        """Whether the cable is in: while parked after a trip."""
        return (
            self.phase is Phase.PARKED and self.trip_m > 0 and CABLE_S <= self.phase_s <= self._phase_ends_s - CABLE_S
        )

    @property
    def open_circuit_v(self) -> float:
        """Voltage of the battery without load."""
        return CELLS * (3.25 + 0.85 * self.charge)

    @property
    def voltage_v(self) -> float:
        """Voltage of the battery under its load."""
        return self.open_circuit_v - self.current_a * RESISTANCE_OHM

    @property
    def outside_c(self) -> float:
        """Temperature outside: a slow day."""
        return 11.0 + 3.0 * math.sin(self.time_s / 900)

    @property
    def position_deg(self) -> tuple[float, float]:
        """Latitude and longitude."""
        latitude = HOME_DEG[0] + self.place.north_m / EARTH_M_PER_DEG
        return latitude, HOME_DEG[1] + self.place.east_m / (EARTH_M_PER_DEG * math.cos(math.radians(latitude)))

    def step(self) -> None:
        """Let STEP_S pass."""
        self.time_s += STEP_S
        self._drive()
        self._roll()
        self._draw_power()

    def _drive(self) -> None:
        """The driver: which phase, and how fast."""
        self.phase_s += STEP_S
        still = self.speed_mps == 0
        if self.phase is Phase.PARKING:
            if still:
                self._begin(Phase.GETTING_OUT, 5.0)
        elif self.phase_s >= self._phase_ends_s:
            self._next_phase()
        wanted = self._cruise_mps if self.phase is Phase.DRIVING else 0.0
        if wanted:
            # Nobody's foot is still: two slow waves of about 1 km/h.
            wanted += 0.25 * math.sin(0.9 * self.time_s) + 0.2 * math.sin(0.37 * self.time_s)
            wanted = min(wanted, math.sqrt(CORNERING_MPS2 / max(abs(self.place.curvature_per_m), 1e-6)))
        self._accelerate_towards(wanted)

    def _next_phase(self) -> None:
        """What follows a phase that has lasted its time."""
        if self.phase is Phase.GETTING_OUT:
            self._begin(Phase.PARKED, 30.0)
        elif self.phase is Phase.PARKED:
            self._begin(Phase.GETTING_IN, 6.0)
        elif self.phase is Phase.GETTING_IN:
            self._legs, self.trip_m = 0, 0.0
            self._begin_leg()
        elif self.phase is Phase.WAITING:
            self._begin_leg()
        elif self._legs >= LEGS_PER_TRIP:
            self._begin(Phase.PARKING, math.inf)
        elif self._random.random() < 0.5:  # noqa: PLR2004  every other leg ends at a red light
            self._begin(Phase.WAITING, self._random.uniform(12, 22))
        else:
            self._begin_leg()

    def _begin(self, phase: Phase, lasts_s: float) -> None:
        self.phase, self.phase_s, self._phase_ends_s = phase, 0.0, lasts_s

    def _begin_leg(self) -> None:
        self._legs += 1
        self._cruise_mps = self._random.choice(CRUISES_KMH) / 3.6 * self._random.uniform(0.95, 1.05)
        self._begin(Phase.DRIVING, self._random.uniform(10, 25))

    def _accelerate_towards(self, wanted_mps: float) -> None:
        """A driver's foot: gentle in changing, bounded in strength, and a full stop in the end."""
        wish = max(-2.4, min(2.2 - 0.03 * self.speed_mps, 0.6 * (wanted_mps - self.speed_mps)))
        if wanted_mps == 0 and self.speed_mps < 0.3:  # noqa: PLR2004  the last metre
            self.speed_mps = self.acceleration_mps2 = 0.0
            return
        change = max(-3.0 * STEP_S, min(3.0 * STEP_S, wish - self.acceleration_mps2))
        self.acceleration_mps2 += change
        self.speed_mps = max(0.0, self.speed_mps + self.acceleration_mps2 * STEP_S)

    def _roll(self) -> None:
        """Forces at the road, and the way along the loop."""
        moving = self.speed_mps > 0
        needed_n = MASS_KG * self.acceleration_mps2 + DRAG_N_PER_MPS2 * self.speed_mps**2 + ROLLING_N * moving
        # Regeneration fades out below walking pace, as a motor gives no power at rest.
        self.motor_n = max(needed_n, -REGENERATION_N * min(1.0, self.speed_mps / 2.0))
        self.friction_n = self.motor_n - needed_n
        way_m = self.speed_mps * STEP_S
        self.odometer_m += way_m
        self.trip_m += way_m
        self._angle = (self._angle + way_m / self.place.m_per_rad) % math.tau
        if moving:
            self.place = loop(self._angle)

    def _draw_power(self) -> None:
        """The battery's current for motor, climate and charger, and what it does to charge and temperature."""
        motor_w = self.motor_n * self.speed_mps
        self.climate_w = min(3500.0, 900.0 * abs(self.target_c - self.cabin_c) + 150.0) if self.ready else 0.0
        drawn_w = motor_w / 0.92 if motor_w > 0 else motor_w * 0.88
        drawn_w += self.climate_w + (350.0 if self.ready else 20.0) - (CHARGING_W if self.charging else 0.0)
        volts = self.open_circuit_v
        self.current_a = (volts - math.sqrt(volts**2 - 4 * RESISTANCE_OHM * drawn_w)) / (2 * RESISTANCE_OHM)
        self.charge = min(1.0, max(0.05, self.charge - self.current_a * STEP_S / CAPACITY_AS))
        heat_w = self.current_a**2 * RESISTANCE_OHM - 25.0 * (self.battery_c - self.outside_c)
        self.battery_c += heat_w * STEP_S / BATTERY_J_PER_K
        goal_c = self.target_c if self.ready else self.outside_c
        self.cabin_c += (goal_c - self.cabin_c) * STEP_S / (180.0 if self.ready else 1800.0)

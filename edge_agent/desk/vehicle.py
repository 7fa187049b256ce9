"""The demonstration vehicle: the frames a simulated electric car puts on its bus, and the files to read them."""

import heapq
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cantools.database.can import Database, Message

from edge_agent.desk.driving import CELLS, GEARING, STEERING_RATIO, STEP_S, WHEEL_M, WHEELBASE_M, Driving, Phase
from edge_agent.records import EXTENDED_ID

JITTER = 0.02
"""of a message's cycle time: how late a frame may be"""

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Make:
    """How a maker puts the car on its bus."""

    name: str
    """of its files `name.dbc` and `name.vss.json`"""
    values: Mapping[str, Callable[[Driving, int], Values]]
    """the physical values of each of the database's messages; the number counts the message's frames from 0"""

    @property
    def database(self) -> Path:
        """The make's DBC."""
        return _shipped(f"{self.name}.dbc")

    @property
    def mapping(self) -> Path:
        """Its signals' VSS paths."""
        return _shipped(f"{self.name}.vss.json")


def _shipped(name: str) -> Path:
    """A file of the demonstration: in a checkout at `dbc/`, in an installed wheel at `edge_agent/dbc/`."""
    package = Path(__file__).parents[1]
    installed = package / "dbc" / name
    return installed if installed.exists() else package.parent / "dbc" / name


def database_path() -> Path:
    """The demonstration vehicle's DBC."""
    return FIRST_MAKE.database


class Vehicle:
    """A drive that is the same for the same seed, however it is cut into windows."""

    def __init__(self, seed: int, make: Make | None = None) -> None:
        make = make or FIRST_MAKE
        database = Database()
        database.add_dbc_file(make.database, encoding="cp1252")
        self._car = Driving(seed)
        self._steps = 0
        self._sent = [_Sent(message, make.values[message.name], seed) for message in database.messages]
        self._due = [(sent.first_s, index) for index, sent in enumerate(self._sent)]
        heapq.heapify(self._due)

    def frames(self, t0_s: float, t1_s: float) -> list[tuple[float, int, bytes]]:
        """Frames (time in s, arbitration id, EXTENDED_ID set for 29 bits; data) of [t0_s, t1_s), in time order.

        Times count from the drive's begin. Windows must not go back: what lies before `t0_s` is driven, not sent.
        """
        found: list[tuple[float, int, bytes]] = []
        while self._due[0][0] < t1_s:
            due_s, index = self._due[0]
            self._drive_to(due_s)
            sent = self._sent[index]
            data = sent.encode(self._car)
            if due_s >= t0_s:
                found.append((due_s, sent.can_id, data))
            heapq.heapreplace(self._due, (sent.next_s(), index))
        return found

    def _drive_to(self, time_s: float) -> None:
        while (self._steps + 1) * STEP_S <= time_s:
            self._car.step()
            self._steps += 1


class _Sent:
    """One message: when it is due again, and what is in it."""

    def __init__(self, message: Message, values: Callable[[Driving, int], Values], seed: int) -> None:
        self.can_id = message.frame_id | (EXTENDED_ID if message.is_extended_frame else 0)
        self._message = message
        self._values = values
        self._ranges = [(one.name, float(one.minimum or 0), float(one.maximum or 0)) for one in message.signals]
        self._random = random.Random(f"{seed}/{message.name}")  # noqa: S311  a demonstration, not a secret
        self._cycle_s = (message.cycle_time or 0) / 1000
        self._phase_s = self._random.uniform(0, self._cycle_s)
        self._count = 0
        self.first_s = self._due_s()

    def next_s(self) -> float:
        """When the frame after the one just encoded is due."""
        self._count += 1
        return self._due_s()

    def encode(self, car: Driving) -> bytes:
        """The frame's data for the state of the car, each value kept within its signal's range."""
        values = self._values(car, self._count)
        within = {name: min(max(values[name], low), high) for name, low, high in self._ranges if name in values}
        return bytes(self._message.encode(within))

    def _due_s(self) -> float:
        # Deadlines are multiples of the cycle: the lateness of one frame does not move those after it.
        return self._phase_s + (self._count + self._random.uniform(0, JITTER)) * self._cycle_s


def _motor(car: Driving, _: int) -> Values:
    wheel_rad_s = car.speed_mps / WHEEL_M
    return {
        "Speed": wheel_rad_s * GEARING * 60 / math.tau,
        "Torque": car.motor_n * WHEEL_M / GEARING,
        "Power": car.motor_n * car.speed_mps / 1000,
    }


def _motion(car: Driving, _: int) -> Values:
    return {
        "VehicleSpeed": car.speed_mps * 3.6,
        "LongitudinalAcceleration": car.acceleration_mps2,
        "YawRate": math.degrees(car.place.curvature_per_m * car.speed_mps),
        "SteeringAngle": math.degrees(math.atan(WHEELBASE_M * car.place.curvature_per_m)) * STEERING_RATIO,
    }


def _wheels(car: Driving, _: int) -> Values:
    # Half a track of 1.6 m makes the outer wheels turn faster in a bend.
    turn = 0.8 * car.place.curvature_per_m
    left, right = car.speed_mps * 3.6 * (1 - turn), car.speed_mps * 3.6 * (1 + turn)
    return {"FrontLeftSpeed": left, "FrontRightSpeed": right, "RearLeftSpeed": left, "RearRightSpeed": right}


def _brake(car: Driving, _: int) -> Values:
    holding = car.ready and car.speed_mps == 0
    return {
        "PedalPressed": float(holding or car.friction_n > 0 or car.acceleration_mps2 < -0.8),  # noqa: PLR2004  m/s2
        "AntiLockActive": 0.0,
        "ParkingBrake": float(not car.ready),
        "Pressure": 12.0 if holding else car.friction_n / 100,
        "RegenerationTorque": max(0.0, -car.motor_n) * WHEEL_M / GEARING,
    }


def _drive(car: Driving, _: int) -> Values:
    return {
        "Gear": 3.0 if car.ready else 0.0,
        "Ready": float(car.ready),
        "Mode": 1.0,
        "AcceleratorPedal": max(0.0, car.motor_n) / 60,
    }


def _body(car: Driving, _: int) -> Values:
    stepping = car.phase in (Phase.GETTING_IN, Phase.GETTING_OUT)
    turning = abs(car.place.curvature_per_m) > 1 / 700 and car.speed_mps > 0
    return {
        "DriverDoorOpen": float(stepping and 1 <= car.phase_s <= 4),  # noqa: PLR2004  s
        "PassengerDoorOpen": 0.0,
        "TailgateOpen": 0.0,
        "Locked": float(car.phase is Phase.PARKED),
        "DriverBeltFastened": float(car.ready),
        "Headlights": float(car.ready and car.night),
        "Indicator": (1.0 if car.place.curvature_per_m > 0 else 2.0) if turning else 0.0,
        "BrakeLights": _brake(car, 0)["PedalPressed"],
        "Wiper": float(car.ready and car.rain),
    }


def _battery(car: Driving, _: int) -> Values:
    return {
        "Voltage": car.voltage_v,
        "Current": car.current_a,
        "StateOfCharge": car.charge * 100,
        "Temperature": car.battery_c,
    }


def _cells(car: Driving, count: int) -> Values:
    group = count % 4
    mean_v = car.voltage_v / CELLS
    cells = range(3 * group, 3 * group + 3)
    return {"Group": float(group)} | {f"Cell{cell + 1:02}Voltage": mean_v + car.cell_spread_v[cell] for cell in cells}


def _charging(car: Driving, _: int) -> Values:
    status = 2.0 if car.charging else 1.0 if car.plugged else 0.0
    power_kw = -car.current_a * car.voltage_v / 1000 if car.charging else 0.0
    missing_kwh = (1 - car.charge) * 60
    return {
        "Status": status,
        "Plugged": float(car.plugged),
        "Power": power_kw,
        "MinutesToFull": missing_kwh / power_kw * 60 if power_kw > 0 else 0.0,
    }


def _climate(car: Driving, _: int) -> Values:
    return {
        "CabinTemperature": car.cabin_c,
        "OutsideTemperature": car.outside_c,
        "TargetTemperature": car.target_c,
        "FanLevel": float(math.ceil(car.climate_w / 600)),
        "Power": car.climate_w / 1000,
    }


def _trip(car: Driving, _: int) -> Values:
    return {"Odometer": car.odometer_m / 1000, "Distance": car.trip_m / 1000, "Range": car.charge * 60 / 0.165}


def _position(car: Driving, _: int) -> Values:
    latitude, longitude = car.position_deg
    return {"Latitude": latitude, "Longitude": longitude}


def _course(car: Driving, _: int) -> Values:
    return {"Heading": math.degrees(car.place.heading_rad), "Satellites": 11.0, "Fix": 2.0}


VALUES: dict[str, Callable[[Driving, int], Values]] = {
    "Motor": _motor,
    "Motion": _motion,
    "Wheels": _wheels,
    "Brake": _brake,
    "Drive": _drive,
    "Body": _body,
    "Battery": _battery,
    "Cells": _cells,
    "Charging": _charging,
    "Climate": _climate,
    "Trip": _trip,
    "Position": _position,
    "Course": _course,
}

FIRST_MAKE = Make("demo-vehicle", VALUES)

"""The demonstration vehicle as a second maker might have wired it: the same drive, other signals, units and labels.

Its values are the first make's, said in the words of `demo-vehicle-2.dbc`; both files of VSS paths lead back to one.
"""

from collections.abc import Callable

from edge_agent.desk.driving import Driving
from edge_agent.desk.vehicle import VALUES, Make, Values

KM_PER_MILE = 1.609344
STANDARD_GRAVITY = 9.80665

PARK, DRIVE = 10.0, 1.0
"""`LEVER`"""


def _dash(car: Driving, count: int) -> Values:
    motion = VALUES["Motion"](car, count)
    return {
        "SPD": motion["VehicleSpeed"] / KM_PER_MILE,
        "STEER": -motion["SteeringAngle"],
        "YAW": motion["YawRate"],
        "ACCEL": motion["LongitudinalAcceleration"] / STANDARD_GRAVITY,
    }


def _pedals(car: Driving, count: int) -> Values:
    lit = VALUES["Body"](car, count)["BrakeLights"]
    return {"PEDAL": VALUES["Drive"](car, count)["AcceleratorPedal"], "BRAKE_LAMP": 2.0 if lit else 1.0}


def _shifter(car: Driving, count: int) -> Values:
    held = VALUES["Brake"](car, count)["ParkingBrake"]
    return {"LEVER": DRIVE if car.ready else PARK, "EPB": 2.0 if held else 0.0}


def _openings(car: Driving, count: int) -> Values:
    body = VALUES["Body"](car, count)
    return {
        "DOOR_FL": 3.0 if body["DriverDoorOpen"] else 1.0,
        "DOOR_FR": 3.0 if body["PassengerDoorOpen"] else 1.0,
        "BOOT": 3.0 if body["TailgateOpen"] else 1.0,
        "BELT_FL": 2.0 if body["DriverBeltFastened"] else 1.0,
        "BLINK_L": float(body["Indicator"] == 1),
        "BLINK_R": float(body["Indicator"] == 2),  # noqa: PLR2004  the first make's label Right
        "WIPE": 2.0 if body["Wiper"] else 1.0,
    }


def _high_voltage(car: Driving, count: int) -> Values:
    battery = VALUES["Battery"](car, count)
    return {
        "U": battery["Voltage"],
        "I": -battery["Current"],
        "SOC": battery["StateOfCharge"],
        "T": battery["Temperature"],
        "RANGE": VALUES["Trip"](car, count)["Range"] / KM_PER_MILE,
    }


def _charger(car: Driving, _: int) -> Values:
    return {"STATE": 4.0 if car.charging else 1.0 if car.plugged else 0.0}


def _air(car: Driving, _: int) -> Values:
    return {"T_OUT": car.outside_c * 1.8 + 32, "T_CABIN": car.cabin_c * 1.8 + 32}


def _odo(car: Driving, _: int) -> Values:
    return {"ODO": car.odometer_m / 1000 / KM_PER_MILE}


def _gnss(car: Driving, _: int) -> Values:
    latitude, longitude = car.position_deg
    return {"LAT": latitude * 60, "LON": longitude * 60}


def _compass(car: Driving, count: int) -> Values:
    return {"HDG": VALUES["Course"](car, count)["Heading"]}


_VALUES: dict[str, Callable[[Driving, int], Values]] = {
    "Dash": _dash,
    "Pedals": _pedals,
    "Shifter": _shifter,
    "Openings": _openings,
    "HighVoltage": _high_voltage,
    "Charger": _charger,
    "Air": _air,
    "Odo": _odo,
    "Gnss": _gnss,
    "Compass": _compass,
}

SECOND_MAKE = Make("demo-vehicle-2", _VALUES)

"""Which tapped signal is the vehicle's speed, gear, charge: by the twin's binding, else by its VSS name. Pure.

VSS names are those of COVESA's Vehicle Signal Specification 4 and 5. Units are brought to those of `records.Vehicle`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from cabin.records import Reading, SignalInfo, Vehicle

_BATTERY = "Vehicle.Powertrain.TractionBattery"
_GEARBOX = "Vehicle.Powertrain.Transmission"

VSS_NAMES: Mapping[str, tuple[str, ...]] = {
    "speed": ("Vehicle.Speed",),
    "park_lock": (f"{_GEARBOX}.IsParkLockEngaged",),
    "gear": (f"{_GEARBOX}.SelectedGear", f"{_GEARBOX}.CurrentGear"),
    "parking_brake": ("Vehicle.Chassis.ParkingBrake.IsEngaged",),
    "ignition": ("Vehicle.LowVoltageSystemState", "Vehicle.Powertrain.ElectricMotor.IsReady"),
    "odometer": ("Vehicle.TraveledDistance",),
    "soc": (f"{_BATTERY}.StateOfCharge.Displayed", f"{_BATTERY}.StateOfCharge.Current"),
    "range": ("Vehicle.Powertrain.Range", f"{_BATTERY}.Range"),
    "pack_power": (f"{_BATTERY}.CurrentPower",),
    "fuel_rate": ("Vehicle.Powertrain.CombustionEngine.FuelConsumption", "Vehicle.OBD.FuelRate"),
    "accel_long": ("Vehicle.Acceleration.Longitudinal",),
    "accel_lat": ("Vehicle.Acceleration.Lateral",),
    "latitude": ("Vehicle.CurrentLocation.Latitude",),
    "longitude": ("Vehicle.CurrentLocation.Longitude",),
    "door": (
        "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
        "Vehicle.Cabin.Door.Row1.PassengerSide.IsOpen",
        "Vehicle.Body.Trunk.Rear.IsOpen",
    ),
    "outside": ("Vehicle.Exterior.AirTemperature",),
    "dark": ("Vehicle.Body.Lights.Beam.Low.IsOn",),
}
"""Role -> names it may have, the first that is tapped counts; of `door` all of them together."""

NEEDED_TO_PARK: tuple[tuple[str, ...], ...] = (("speed",), ("park_lock", "gear"))
"""Of each group one role is needed, or the vehicle is never taken for parked."""

_PARK = ("p", "park", "parked")
_NEUTRAL = ("n", "neutral")
_ON = ("on", "start", "run", "running", "ready")
_MILES = 1.609344

_FACTORS: Mapping[tuple[str, str], tuple[float, float]] = {
    ("speed", "mph"): (_MILES, 0.0),
    ("speed", "m/s"): (3.6, 0.0),
    ("odometer", "mi"): (_MILES, 0.0),
    ("odometer", "m"): (0.001, 0.0),
    ("range", "mi"): (_MILES, 0.0),
    ("range", "m"): (0.001, 0.0),
    ("pack_power", "w"): (-0.001, 0.0),
    ("pack_power", "kw"): (1.0, 0.0),
    ("accel_long", "g"): (9.80665, 0.0),
    ("accel_lat", "g"): (9.80665, 0.0),
    ("outside", "degf"): (5 / 9, -160 / 9),
    ("outside", "fahrenheit"): (5 / 9, -160 / 9),
}
"""(role, unit) -> factor and offset. VSS's CurrentPower is in W and positive into the battery; in kW it is taken as a
database's own, positive where the battery gives."""


class Roles:
    """Bound once a configuration; `vehicle` is asked ten times a second."""

    def __init__(self, signals: Mapping[str, SignalInfo], bound: Mapping[str, str]) -> None:
        """`bound` is role -> signal by the twin."""
        self._signals = signals
        self._names = {role: _chosen(role, signals, bound) for role in VSS_NAMES}

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """Role -> the tapped signals that have it; none where nothing fits."""
        return self._names

    @property
    def missing(self) -> tuple[str, ...]:
        """Roles without which `parked` is never reached."""
        return tuple(group[0] for group in NEEDED_TO_PARK if not any(self._names[role] for role in group))

    def vehicle(self, readings: Mapping[str, Reading]) -> Vehicle:
        """What is known of the vehicle, in the units of `Vehicle`."""
        one = self._reader(readings)
        in_park = one("park_lock", float) or one("gear", self._is_labelled("gear", _PARK))
        return Vehicle(
            speed_kmh=one("speed", abs),
            in_park=in_park,
            in_neutral=one("gear", self._is_labelled("gear", _NEUTRAL)),
            parking_brake=one("parking_brake", float),
            ignition=one("ignition", self._is_labelled("ignition", _ON)),
            odometer_km=one("odometer", float),
            soc_percent=one("soc", float),
            range_km=one("range", float),
            pack_power_kw=one("pack_power", float),
            fuel_rate_l_h=one("fuel_rate", float),
            accel_long_ms2=one("accel_long", float),
            accel_lat_ms2=one("accel_lat", float),
            latitude_deg=one("latitude", float),
            longitude_deg=one("longitude", float),
            door_open=self._any("door", readings),
            outside_c=one("outside", float),
            dark=one("dark", float),
        )

    def _reader(
        self, readings: Mapping[str, Reading]
    ) -> Callable[[str, Callable[[float], float | None]], Reading | None]:
        def one(role: str, of: Callable[[float], float | None]) -> Reading | None:
            names = self._names[role]
            reading = readings.get(names[0]) if names else None
            if reading is None:
                return None
            factor, offset = _FACTORS.get((role, self._signals[names[0]].unit.lower()), (1.0, 0.0))
            value = of(reading.value * factor + offset)
            return None if value is None or not math.isfinite(value) else Reading(value, reading.up_ms)

        return one

    def _is_labelled(self, role: str, words: Sequence[str]) -> Callable[[float], float | None]:
        """1 where the value's label is one of the words, 0 where it is another; None where it has no label.

        A truth without labels, as an `IsReady` is, is taken as it stands; a gear without labels says nothing: 0 is
        neutral in VSS, and park in many a database.
        """
        labels = self._signals[self._names[role][0]].labels if self._names[role] else None
        if labels is None:
            return float if role == "ignition" else _says_nothing

        def labelled(value: float) -> float | None:
            label = labels.get(int(value))
            return None if label is None else float(label.strip().lower() in words)

        return labelled

    def _any(self, role: str, readings: Mapping[str, Reading]) -> Reading | None:
        """1 where one of them is; as old as the newest that is, or else as the oldest."""
        known = [readings[name] for name in self._names[role] if name in readings]
        if not known:
            return None
        true = [reading.up_ms for reading in known if reading.value]
        return Reading(1.0, max(true)) if true else Reading(0.0, min(reading.up_ms for reading in known))


def _says_nothing(_: float) -> None:
    return None


def _chosen(role: str, signals: Mapping[str, SignalInfo], bound: Mapping[str, str]) -> tuple[str, ...]:
    candidates: Iterable[str] = (bound[role],) if role in bound else VSS_NAMES[role]
    tapped = tuple(name for name in candidates if name in signals)
    return tapped if role == "door" else tapped[:1]

"""The vehicle's readings as the page's tiles, each with how true it still is. Pure; time is an argument."""

from collections.abc import Sequence

from cabin.records import Reading, Tile, Vehicle

LIVE_MS = 1000
OLD_MS = 3000
DEFAULT = ("speed", "range", "soc", "power", "outside", "doors", "odometer")
"""In this order; while driving the first six are seen."""

_UNITS = {
    "speed": "km/h",
    "range": "km",
    "soc": "%",
    "power": "kW",
    "outside": "°C",
    "doors": "",
    "odometer": "km",
    "fuel_rate": "l/h",
    "acceleration": "m/s²",
}
IDS = tuple(_UNITS)


def tiles_of(vehicle: Vehicle, ids: Sequence[str], up_ms: int) -> tuple[Tile, ...]:
    """Those of the ids that the vehicle has at all: a tile nobody can ever fill is not shown."""
    readings = _readings(vehicle)
    return tuple(_tile(one, reading, up_ms) for one in ids if (reading := readings.get(one)) is not None)


def _readings(vehicle: Vehicle) -> dict[str, Reading | None]:
    return {
        "speed": vehicle.speed_kmh,
        "range": vehicle.range_km,
        "soc": vehicle.soc_percent,
        "power": vehicle.pack_power_kw,
        "outside": vehicle.outside_c,
        "doors": vehicle.door_open,
        "odometer": vehicle.odometer_km,
        "fuel_rate": vehicle.fuel_rate_l_h,
        "acceleration": vehicle.accel_long_ms2,
    }


def _tile(name: str, reading: Reading, up_ms: int) -> Tile:
    age_ms = reading.age_ms(up_ms)
    state = "live" if age_ms <= LIVE_MS else "old" if age_ms <= OLD_MS else "gone"
    gone = state == "gone"
    label = None
    if name == "doors" and not gone:
        label = "open" if reading.value else "closed"
    return Tile(name, None if gone else reading.value, _UNITS[name], age_ms, state, label)

"""What made vehicles do: numbers of signals over a boot, from a seed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FAST: Final = 10
"""walks at 10 Hz, besides the speed; slow ones, at 1 Hz, are twice as many"""


@dataclass(frozen=True, slots=True)
class Series:
    """One signal over a boot: `numbers` are unscaled, absolute, one at each of `t_us`."""

    name: str
    unit: str
    factor: float
    offset: float
    kind: str
    """which list of a column they go into: raw, val or str"""
    t_us: Ints
    """since the Unix epoch, rising"""
    numbers: Ints | Floats | list[str]


def drive(rng: np.random.Generator, start_us: int, seconds: int) -> list[Series]:
    """A boot of `seconds`: a speed of 0 to 160 km/h at 10 Hz, odometer and power that follow from it, random walks."""
    return list(_series(rng, start_us, seconds))


def _series(rng: np.random.Generator, start_us: int, seconds: int) -> Iterator[Series]:
    fast, slow = _times(start_us, seconds, 100_000), _times(start_us, seconds, 1_000_000)
    speed = _speed(rng, len(fast))
    km = np.cumsum(speed * 0.01) / 36_000
    yield Series("Motion.VehicleSpeed", "km/h", 0.01, 0.0, "raw", fast, speed)
    odometer = (rng.integers(0, 10**8) + km[::10] * 1000).astype(np.int64)
    yield Series("Motion.Odometer", "km", 0.001, 0.0, "raw", slow, odometer)
    power = np.rint(speed[::10] * 0.02 - 60 + rng.normal(0, 20, len(slow))).astype(np.int64)
    yield Series("Battery.Power", "kW", 0.1, -10.0, "raw", slow, power)
    for name, origin in (("Position.Latitude", 52.0), ("Position.Longitude", 10.0)):
        yield Series(name, "deg", 1.0, 0.0, "val", slow, origin + np.cumsum(rng.normal(0, 1e-4, len(slow))))
    serial = [str((1 << 64) - int(n)) for n in rng.integers(1, 99, len(slow[::10]))]
    yield Series("Unit.Serial", "", 1.0, 0.0, "str", slow[::10], serial)
    for n in range(_FAST):
        yield Series(f"Fast.Walk{n}", "V", 0.25 * (n + 1), -7.5 * n, "raw", fast, _walk(rng, len(fast)))
    for n in range(2 * _FAST):
        yield Series(f"Slow.Walk{n}", "°C", 0.1, 40.0, "raw", slow, _walk(rng, len(slow)))


def _times(start_us: int, seconds: int, step_us: int) -> Ints:
    return start_us + np.arange(0, seconds * 1_000_000, step_us, dtype=np.int64)


def _speed(rng: np.random.Generator, length: int) -> Ints:
    """In 0.01 km/h; drives off from a stand and comes to one."""
    wanted = np.repeat(rng.uniform(20, 160, length // 300 + 1), 300)[:length]
    ramp = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / 100)
    smooth = np.convolve(np.pad(wanted, 50, "edge"), np.full(101, 1 / 101), "valid")[:length]
    speed: Ints = np.rint(100 * smooth * ramp).astype(np.int64)
    return speed


def _walk(rng: np.random.Generator, length: int) -> Ints:
    walk: Ints = rng.integers(-500, 500) + np.cumsum(rng.integers(-3, 4, length))
    return walk

"""A trip as at most `MOST_POINTS` points for a drawing; the longer it is, the further apart they are. Pure."""

from collections.abc import Mapping, Sequence

from cabin.records import Reading, Vehicle

MOST_POINTS = 600
FIRST_EVERY_S = 1
FRESH_MS = 10_000
"""a value older than this is not drawn"""
COLUMNS = ("t_s", "speed_kmh", "soc_percent", "power_kw")

Point = tuple[float | None, ...]
"""One value a column; `t_s` is seconds since the trip's start"""


class Plot:
    """Takes points as they come, keeps one each `every_s`."""

    def __init__(self) -> None:
        self.every_s = FIRST_EVERY_S
        self._points: list[Point] = []

    def __len__(self) -> int:
        return len(self._points)

    def add(self, point: Point) -> bool:
        """Whether it is kept: not where the one before is less than `every_s` ago."""
        t_s = point[0]
        if t_s is None or (self._points and t_s - (self._points[-1][0] or 0) < self.every_s):
            return False
        if len(self._points) == MOST_POINTS:
            self._points = self._points[::2]
            self.every_s *= 2
        self._points.append(point)
        return True

    def until(self, end_s: float) -> Mapping[str, Sequence[float | None]]:
        """By column, without what is behind the trip's end."""
        points = [point for point in self._points if (point[0] or 0) <= end_s]
        return {name: [point[column] for point in points] for column, name in enumerate(COLUMNS)}


def point_of(vehicle: Vehicle, t_s: float, up_ms: int) -> Point:
    """What is to be drawn of now; None where nothing fresh is known."""

    def drawn(reading: Reading | None) -> float | None:
        return None if reading is None or reading.age_ms(up_ms) > FRESH_MS else round(reading.value, 2)

    return (round(t_s, 1), drawn(vehicle.speed_kmh), drawn(vehicle.soc_percent), drawn(vehicle.pack_power_kw))

"""Recorded drives as a vehicle's readings, decoded by cantools or by those who published them; times from 0."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cantools
from cantools.database.can import Database

from cabin.records import Reading, Vehicle

DATA = Path(__file__).parents[3].parent / "shared" / "data"
LOGS = DATA / "logs"
CANDUMP = re.compile(r"\((?P<t>\d+\.\d+)\) \S+ (?P<id>[0-9A-F]{3}|[0-9A-F]{8})#(?P<data>[0-9A-F]*)")
LOOK_MS, SILENT_LOOK_MS = 100, 1000
SAID_AGAIN_MS = 500
"""as the tap does with a value that stays"""

Said = tuple[int, str, float]
"""When, in ms from the recording's start, what of a Vehicle, and its value"""


@dataclass(frozen=True, slots=True)
class Signal:
    """One of a database that has a role, and how it becomes the role's value."""

    message: str
    name: str
    role: str
    becomes: Callable[[float], float] = float


def of_candump(log: Path, database: Path, signals: Sequence[Signal]) -> list[Said]:
    """Every sample of these signals."""
    loaded = cantools.database.load_file(str(database), strict=False)
    assert isinstance(loaded, Database)
    lines = [match for match in map(CANDUMP.match, log.read_text().splitlines()) if match]
    begun = float(lines[0]["t"])
    frames = [(float(one["t"]) - begun, int(one["id"], 16), bytes.fromhex(one["data"])) for one in lines]
    return of_frames(frames, loaded, signals)


def of_frames(frames: Sequence[tuple[float, int, bytes]], database: Database, signals: Sequence[Signal]) -> list[Said]:
    """The same, of (seconds, id, data)."""
    by_id: dict[int, list[Signal]] = {}
    for signal in signals:
        by_id.setdefault(database.get_message_by_name(signal.message).frame_id, []).append(signal)
    said: list[Said] = []
    for t_s, frame_id, data in frames:
        if frame_id not in by_id:
            continue
        decoded: Mapping[str, float] = database.decode_message(  # type: ignore[assignment]  # no containers here
            frame_id, data, decode_choices=False, allow_truncated=True
        )
        said.extend(
            (round(t_s * 1000), one.role, one.becomes(float(decoded[one.name])))
            for one in by_id[frame_id]
            if one.name in decoded
        )
    return said


def of_truck(trace: Path) -> list[Said]:
    """Rows of signal, value and the delay before it; only changes are in it, so each value holds until the next."""
    roles = {
        "Vehicle.Speed": ("speed_kmh", 1.0),
        "Vehicle.TraveledDistanceHighRes": ("odometer_km", 0.001),
    }
    said: list[Said] = []
    t_s = 0.0
    for row in csv.DictReader(trace.read_text().splitlines()):
        t_s += float(row["delay"])
        if row["signal"] in roles:
            role, factor = roles[row["signal"]]
            said.append((round(t_s * 1000), role, float(row["value"]) * factor))
    return said


def looked_at(said: Sequence[Said], from_up_ms: int, silent_s: int) -> Iterator[tuple[Vehicle, int]]:
    """What is known each 100 ms, with `up_ms`; behind the recording nothing is said, for so long, each second."""
    readings: dict[str, Reading] = {}
    waiting = iter((*sorted(said), (said[-1][0] + 10**12, "", 0.0)))
    coming = next(waiting)
    last_ms = max(t_ms for t_ms, _, _ in said)
    silence = range(last_ms + LOOK_MS, last_ms + silent_s * 1000, SILENT_LOOK_MS)
    for t_ms in (*range(0, last_ms + LOOK_MS, LOOK_MS), *silence):
        while coming[0] <= t_ms:
            readings[coming[1]] = Reading(coming[2], from_up_ms + coming[0])
            coming = next(waiting)
        if t_ms % SAID_AGAIN_MS == 0 and t_ms <= last_ms:
            again = from_up_ms + t_ms
            readings |= {
                role: Reading(reading.value, again)
                for role, reading in readings.items()
                if again - reading.up_ms >= SAID_AGAIN_MS
            }
        yield Vehicle(**readings), from_up_ms + t_ms


def integral_km(said: Sequence[Said]) -> float:
    """Of the speed, over every sample there is: what a distance is held against."""
    speeds = [(t_ms, value) for t_ms, role, value in sorted(said) if role == "speed_kmh"]
    return sum((a + b) / 2 * (after - before) / 3_600_000 for (before, a), (after, b) in pairwise(speeds))


def difference(said: Sequence[Said], role: str) -> float:
    """Last minus first."""
    values = [value for _, name, value in sorted(said) if name == role]
    return values[-1] - values[0]

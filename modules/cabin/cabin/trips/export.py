"""What a driver may take along: trips with their plots, what was decided, what the vehicle says now; with units.

As one JSON document (docs/cabin-export-1.schema.json), or as a zip of CSV files of the same names. Made trip by trip,
so that a year of them does not stand in memory. Positions among the latest values go along with consent for location
alone, as those of the trips are there with it alone.
"""

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal, cast

from cabin.consent.consent import Consent
from cabin.ports import Clock, Download, Json
from cabin.records import Answer, Decision, Purpose, TripSummary
from cabin.tapin.latest import Latest
from cabin.trips.plot import COLUMNS
from cabin.trips.summary import flat_of, record_of
from cabin.trips.trip_log import TripLog

SCHEMA = "cabin-export/1"
Row = Mapping[str, Json]

UNITS: Mapping[str, Mapping[str, str]] = {
    "trips": {
        "start_s": "s since 1970-01-01T00:00:00Z",
        "end_s": "s since 1970-01-01T00:00:00Z",
        "distance_km": "km",
        "speed_distance_km": "km",
        "moving_s": "s",
        "pause_s": "s",
        "gap_s": "s",
        "energy_kwh": "kWh",
        "fuel_l": "l",
        "max_speed_kmh": "km/h",
        "harsh_accelerations": "1",
        "harsh_brakes": "1",
        "harsh_corners": "1",
        "start_place": "degrees of latitude and longitude (WGS 84)",
        "end_place": "degrees of latitude and longitude (WGS 84)",
        "completeness": "1",
    },
    "plots": {"t_s": "s since the trip's start", "speed_kmh": "km/h", "soc_percent": "%", "power_kw": "kW"},
    "decisions": {"t_s": "s since 1970-01-01T00:00:00Z"},
    "latest": {"age_ms": "ms", "value": "the row's own unit"},
}
"""By table and column; a column that is not here is a text."""

DECIDED = ("t_s", "profile", "purpose", "answer", "text_id", "text_version")
LATEST = ("name", "value", "unit", "age_ms")
_POSITIONS = ("latitude", "longitude", "currentlocation")


@dataclass(frozen=True, slots=True)
class Taken:
    """What stands in an export beside the plots, as of one moment."""

    made_ms: int
    profile: str
    trips: Sequence[TripSummary]
    decisions: Sequence[Row]
    latest: Sequence[Row]


async def exported(  # noqa: PLR0917  called where everything is wired, and nowhere else
    form: Literal["csv", "json"], profile: str, trips: TripLog, consent: Consent, latest: Latest, clock: Clock
) -> Download:
    """The profile's own; what it is made of is of now, plots are read as the pieces are asked for."""
    taken = Taken(
        made_ms=clock.now_ms(),
        profile=profile,
        trips=trips.summaries(profile),
        decisions=[_decided(one) for one in consent.decisions if one.profile == profile],
        latest=_latest(latest, clock.up_ms(), located=consent.answers(profile)[Purpose.LOCATION] is Answer.YES),
    )
    name = f"vehicle-data-{taken.made_ms // 1000}"
    if form == "json":
        return Download(f"{name}.json", "application/json", _json(taken, trips))
    return Download(f"{name}.zip", "application/zip", _zipped(taken, trips))


async def _json(taken: Taken, trips: TripLog) -> AsyncIterator[bytes]:
    head = {"schema": SCHEMA, "made_ms": taken.made_ms, "profile": taken.profile, "units": UNITS}
    rest = {"decisions": taken.decisions, "latest": taken.latest}
    yield f'{_inner(head)},\n"trips":['.encode()
    for number, trip in enumerate(taken.trips):
        plot = await trips.plot_of(trip.id)
        text = json.dumps({**record_of(trip), "plot": plot}, allow_nan=False)
        yield f"{',' if number else ''}\n{text}".encode()
    yield f"],\n{_inner(rest)[1:]}}}\n".encode()


def _inner(values: Mapping[str, object]) -> str:
    """An object without its closing brace."""
    return json.dumps(values, allow_nan=False)[:-1]


async def _zipped(taken: Taken, trips: TripLog) -> AsyncIterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(cast("io.BytesIO", sink), "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "columns", ("table", "column", "unit"), _columns())
        _add(archive, "trips", tuple(flat_of(taken.trips[0])) if taken.trips else ("id",), map(flat_of, taken.trips))
        _add(archive, "decisions", DECIDED, taken.decisions)
        _add(archive, "latest", LATEST, taken.latest)
        with _table(archive, "plots", ("trip_id", *COLUMNS)) as plots:
            for trip in taken.trips:
                for row in zip(*((await trips.plot_of(trip.id)) or {}).values(), strict=True):
                    plots.writerow({"trip_id": trip.id, **dict(zip(COLUMNS, row, strict=True))})
                yield sink.drained()
    yield sink.drained()


def _add(archive: zipfile.ZipFile, name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with _table(archive, name, columns) as table:
        table.writerows(rows)


@contextmanager
def _table(archive: zipfile.ZipFile, name: str, columns: Sequence[str]) -> "Iterator[csv.DictWriter[str]]":
    with archive.open(f"{name}.csv", "w") as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, columns)
        table.writeheader()
        yield table


def _columns() -> Iterable[Row]:
    for table, columns in UNITS.items():
        for column, unit in columns.items():
            ends = ("_latitude_deg", "_longitude_deg") if column.endswith("_place") else ("",)
            yield from ({"table": table, "column": f"{column}{end}", "unit": unit} for end in ends)


def _decided(decision: Decision) -> Row:
    return cast("Row", asdict(decision))


def _latest(latest: Latest, up_ms: int, *, located: bool) -> Sequence[Row]:
    return [
        {"name": name, "value": reading.value, "unit": _unit(latest, name), "age_ms": reading.age_ms(up_ms)}
        for name, reading in sorted(latest.readings.items())
        if located or not any(word in name.casefold() for word in _POSITIONS)
    ]


def _unit(latest: Latest, name: str) -> str:
    signal = latest.signals.get(name)
    return "" if signal is None else signal.unit


class _Sink:
    """Where an archive is written to, and taken from as it grows."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def drained(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken

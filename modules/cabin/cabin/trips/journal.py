"""Trips on disk: one file of those that are over, one of the trip that is not. Blocking; by one thread at a time.

`kept.jsonl` has a line for each trip that is over, with its plot; `open.jsonl` a line each few seconds with what the
trip amounts to so far and what is new in its plot. When a trip ends it is appended to the one before the other is
removed, so a power cut leaves it in one of them or in both, and the id tells. Deleting rewrites the whole file: nothing
of a deleted trip is in the file system then (the blocks of the old file are the flash controller's, as everywhere).
Lines are those of `checked_lines`.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cabin import events
from cabin.checked_lines import (
    Line,
    append,
    content_of,
    is_torn,
    lines_in,
    make_folder,
    remove,
    replace_file,
    sealed,
)
from cabin.events import Log
from cabin.ports import Json
from cabin.records import TripSummary
from cabin.trips.plot import COLUMNS, Plot, Point
from cabin.trips.summary import record_of, trip_in

PlotColumns = Mapping[str, Sequence[float | None]]
DAY_S = 86_400
SPARE = 0.9
"""down to this share of a bound, so that not every trip rewrites the file"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept at most; the oldest go first."""

    days: int = 400
    trips: int = 5_000
    size_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Tick:
    """The open trip as a cut now would leave it, with what is new in its plot."""

    trip: TripSummary
    points: Sequence[Point] = ()
    is_kept: bool = True
    """long enough"""
    goes_on: bool = False
    """to the cloud"""


class Journal:
    """Of all profiles. `load` first. Every method may raise OSError, and may be called again then."""

    def __init__(self, folder: Path, bounds: Bounds, log: Log) -> None:
        self._folder, self._bounds, self._log = folder, bounds, log
        self._kept, self._open = folder / "kept.jsonl", folder / "open.jsonl"
        self._trips: dict[str, TripSummary] = {}
        self._newest_first: tuple[TripSummary, ...] = ()
        self._where: dict[str, tuple[int, int]] = {}
        self._size = 0
        self._reading = threading.Lock()  # a plot is read by whoever asks while the file may be replaced

    @property
    def summaries(self) -> tuple[TripSummary, ...]:
        """Newest first. By any thread."""
        return self._newest_first

    def load(self, now_s: int) -> Tick | None:
        """Read what is there; the trip that a power cut left open, which is closed by that."""
        make_folder(self._folder)
        content = content_of(self._kept)
        lines = lines_in(content)
        if self._index(lines) or is_torn(content):
            self._rewrite(lambda trip: trip)
        closed = self._recover()
        self._expire(now_s)
        return closed

    def tick(self, tick: Tick) -> None:
        """Note the open trip."""
        points: Sequence[Json] = [list(point) for point in tick.points]
        noted: Mapping[str, Json] = {
            "trip": record_of(tick.trip),
            "points": points,
            "keep": tick.is_kept,
            "goes_on": tick.goes_on,
        }
        append(self._open, sealed(noted))

    def close(self, trip: TripSummary, plot: PlotColumns) -> None:
        """The open trip is over, and stays."""
        if trip.id not in self._trips:
            self._append(trip, plot)
            self._expire(trip.end_s)
        remove(self._open)

    def drop(self) -> None:
        """Nothing remains of the open trip."""
        remove(self._open)

    def plot(self, trip_id: str) -> PlotColumns | None:
        """Of a trip that is over; None where there is none. By any thread."""
        with self._reading:
            if trip_id not in self._where:
                return None
            start, length = self._where[trip_id]
            with self._kept.open("rb") as file:
                file.seek(start)
                lines = lines_in(file.read(length))
        record = lines[0].record if lines else None
        return None if record is None else _columns(record.get("plot"))

    def delete(self, profile: str, ids: Sequence[str] | None) -> int:
        """Those of a profile, or some of them; how many there were."""
        gone = {trip.id for trip in self._trips.values() if trip.profile == profile and (ids is None or trip.id in ids)}
        # Rewritten also where none is known: a rewrite that was cut short may have left some beside the file.
        self._rewrite(lambda trip: None if trip.id in gone else trip)
        if gone:
            events.trips_deleted(self._log, count=len(gone))
        return len(gone)

    def forget_places(self, profile: str) -> None:
        """Where trips of a profile started and ended, the open one too."""

        def without(trip: TripSummary) -> TripSummary:
            return replace(trip, start_place=None, end_place=None) if trip.profile == profile else trip

        self._rewrite(without)
        ticks = [line.record for line in lines_in(content_of(self._open)) if line.record is not None]
        trips = [(tick, trip) for tick in ticks for trip in (_judged(tick),) if trip is not None]
        if trips:
            replace_file(
                self._open, b"".join(sealed({**tick, "trip": record_of(without(trip))}) for tick, trip in trips)
            )

    def _index(self, lines: Sequence[Line]) -> int:
        """Note where each trip stands; how many lines are of no use."""
        damaged = 0
        self._trips, self._where = {}, {}
        for line in lines:
            trip = _trip_of(line)
            if trip is None:
                damaged += 1
                continue
            self._trips[trip.id] = trip
            self._where[trip.id] = (line.start, line.length)
        self._size = lines[-1].start + lines[-1].length if lines else 0
        self._order()
        return damaged

    def _order(self) -> None:
        self._newest_first = tuple(sorted(self._trips.values(), key=lambda trip: trip.start_s, reverse=True))

    def _append(self, trip: TripSummary, plot: PlotColumns) -> None:
        line = sealed(_closed(trip, plot))
        behind = self._kept.stat().st_size if self._kept.exists() else 0  # also behind what a full disk took of a line
        append(self._kept, line)
        self._where[trip.id] = (behind, len(line))
        self._trips[trip.id] = trip
        self._size = behind + len(line)
        self._order()

    def _rewrite(self, becomes: Callable[[TripSummary], TripSummary | None]) -> None:
        content = content_of(self._kept)
        lines = lines_in(content)
        damaged = [line for line in lines if _trip_of(line) is None]
        if damaged:
            torn = is_torn(content) and damaged == [lines[-1]]
            events.journal_damaged(self._log, file=self._kept.name, lines=0 if torn else len(damaged), torn=torn)
        anew = b"".join(sealed(_closed(trip, _plot_of(line))) for line in lines for trip in _kept(line, becomes))
        with self._reading:
            replace_file(self._kept, anew)
            self._index(lines_in(anew))

    def _expire(self, now_s: int) -> None:
        bounds, trips = self._bounds, self.summaries
        old = {trip.id for trip in trips if trip.end_s < now_s - bounds.days * DAY_S}
        if old:
            self._rewrite(lambda trip: None if trip.id in old else trip)
            events.trips_expired(self._log, count=len(old), reason="age")
        if len(self._trips) > bounds.trips or self._size > bounds.size_bytes:
            share = SPARE * min(bounds.trips / len(self._trips), bounds.size_bytes / self._size)
            over = {trip.id for trip in self.summaries[int(share * len(self._trips)) :]}
            self._rewrite(lambda trip: None if trip.id in over else trip)
            events.trips_expired(self._log, count=len(over), reason="room")

    def _recover(self) -> Tick | None:
        """Close the trip that was open when the power went, at its last tick."""
        content = content_of(self._open)
        records = [line.record for line in lines_in(content)]
        ticks = [record for record in records if record is not None and _judged(record) is not None]
        if len(ticks) < len(records):
            torn = is_torn(content) and records[-1] is None
            lost = len(records) - len(ticks) - torn
            events.journal_damaged(self._log, file=self._open.name, lines=lost, torn=torn)
        trip = _judged(ticks[-1]) if ticks and ticks[-1].get("keep") is True else None
        if trip is None or trip.id in self._trips:
            remove(self._open)
            return None
        plot = Plot()
        for point in (point for tick in ticks for point in _points(tick.get("points"))):
            plot.add(point)
        self.close(trip, plot.until(trip.end_s - trip.start_s))
        return Tick(trip, goes_on=ticks[-1].get("goes_on") is True)


def _closed(trip: TripSummary, plot: PlotColumns) -> Mapping[str, Json]:
    return {"trip": record_of(trip), "plot": plot}


def _kept(line: Line, becomes: Callable[[TripSummary], TripSummary | None]) -> Sequence[TripSummary]:
    trip = _trip_of(line)
    kept = None if trip is None else becomes(trip)
    return () if kept is None else (kept,)


def _trip_of(line: Line) -> TripSummary | None:
    return None if line.record is None else _judged(line.record)


def _judged(record: Mapping[str, Json]) -> TripSummary | None:
    try:
        return trip_in(record.get("trip"))
    except TypeError:
        return None


def _plot_of(line: Line) -> PlotColumns:
    return _columns(line.record.get("plot") if line.record else None)


def _columns(plot: Json) -> PlotColumns:
    given = plot if isinstance(plot, Mapping) else {}
    return {name: _numbers(given.get(name)) for name in COLUMNS}


def _points(points: Json) -> Sequence[Point]:
    given = points if isinstance(points, list) else []
    return [tuple(_numbers(point)) for point in given]


def _numbers(values: Json) -> Sequence[float | None]:
    given = values if isinstance(values, list) else []
    return [value if isinstance(value, int | float) else None for value in given]

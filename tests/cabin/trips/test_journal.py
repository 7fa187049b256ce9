from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabin.records import TripSummary
from cabin.trips.journal import DAY_S, Bounds, Journal, PlotColumns, Tick
from tests.cabin.silent_log import SilentLog
from tests.cabin.trips.test_outbox import TRIP

NOW_S = TRIP.end_s
PLOT: PlotColumns = {"t_s": [0.0, 1.0], "speed_kmh": [1.0, None], "soc_percent": [None, None], "power_kw": [1.0, 2.0]}


def trip(number: int, profile: str = "p1") -> TripSummary:
    return replace(TRIP, id=f"t{number}", profile=profile, start_s=TRIP.start_s + number, end_s=TRIP.end_s + number)


def ids(journal: Journal) -> list[str]:
    return [one.id for one in journal.summaries]


def loaded(folder: Path, bounds: Bounds | None = None, log: SilentLog | None = None, now_s: int = NOW_S) -> Journal:
    journal = Journal(folder, bounds or Bounds(), log or SilentLog())
    journal.load(now_s)
    return journal


def filled(folder: Path, trips: int, bounds: Bounds | None = None, log: SilentLog | None = None) -> Journal:
    journal = loaded(folder, bounds, log)
    for number in range(trips):
        journal.close(trip(number), PLOT)
    return journal


def test_the_newest_is_first_and_has_its_plot_over_a_start(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    journal = loaded(tmp_path)
    assert ids(journal) == ["t2", "t1", "t0"]
    assert [journal.plot(f"t{number}") for number in range(4)] == [PLOT, PLOT, PLOT, None]


def test_a_damaged_line_costs_its_trip_alone_and_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    path = tmp_path / "kept.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"id":"t1"', b'"id":"x1"'))
    log = SilentLog()
    journal = loaded(tmp_path, log=log)
    assert ids(journal) == ["t2", "t0"]
    assert log.told == [("trips.journal_damaged", {"file": "kept.jsonl", "lines": 1, "torn": False})]
    assert ids(loaded(tmp_path, log=log)) == ["t2", "t0"]
    assert len(log.told) == 1


@settings(max_examples=40)
@given(st.data())
def test_a_tail_that_was_torn_costs_the_last_trip_alone(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    filled(folder, 3)
    path = folder / "kept.jsonl"
    content = path.read_bytes()
    last = len(content) - content.rindex(b"\n", 0, -1)
    path.write_bytes(content[: -data.draw(st.integers(2, last - 1))])
    journal = loaded(folder)
    assert ids(journal) == ["t1", "t0"]
    journal.close(trip(5), PLOT)
    assert ids(loaded(folder)) == ["t5", "t1", "t0"]


def test_a_trip_that_was_closed_when_the_power_went_is_there_once(tmp_path: Path) -> None:
    journal = loaded(tmp_path)
    journal.tick(Tick(trip(1)))
    noted = (tmp_path / "open.jsonl").read_bytes()
    journal.close(trip(1), PLOT)
    (tmp_path / "open.jsonl").write_bytes(noted)
    again = Journal(tmp_path, Bounds(), SilentLog())
    assert again.load(NOW_S) is None
    assert ids(again) == ["t1"]
    assert again.plot("t1") == PLOT


def test_what_is_older_than_its_days_goes(tmp_path: Path) -> None:
    log = SilentLog()
    filled(tmp_path, 3)
    journal = loaded(tmp_path, Bounds(days=10), log, now_s=TRIP.end_s + 1 + 10 * DAY_S)
    assert ids(journal) == ["t2", "t1"]
    assert log.told == [("trips.trips_expired", {"count": 1, "reason": "age"})]
    assert b'"t0"' not in (tmp_path / "kept.jsonl").read_bytes()


@pytest.mark.parametrize("bounds", [Bounds(trips=20), Bounds(size_bytes=12_000)])
def test_more_than_there_is_room_for_takes_the_oldest_and_some_spare(tmp_path: Path, bounds: Bounds) -> None:
    log = SilentLog()
    journal = filled(tmp_path, 100, bounds, log)
    kept = ids(journal)
    assert kept == [f"t{number}" for number in range(99, 99 - len(kept), -1)]
    assert len(kept) > 10
    assert len(kept) <= bounds.trips
    assert (tmp_path / "kept.jsonl").stat().st_size <= bounds.size_bytes
    assert 0 < sum(name == "trips.trips_expired" for name in log.names) < 90


def rewritten(folder: Path, gone: Sequence[str]) -> bool:
    content = (folder / "kept.jsonl").read_bytes()
    return not any(f'"{one}"'.encode() in content for one in gone)


def test_a_deletion_is_of_a_profile_alone(tmp_path: Path) -> None:
    journal = loaded(tmp_path)
    journal.close(trip(1, "p1"), PLOT)
    journal.close(trip(2, "p2"), PLOT)
    assert journal.delete("p1", ["t1", "t2"]) == 1
    assert rewritten(tmp_path, ["t1"])
    assert ids(loaded(tmp_path)) == ["t2"]

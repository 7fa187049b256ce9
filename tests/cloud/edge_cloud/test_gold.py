import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_cloud import gold, tables
from edge_cloud.decode import decode
from edge_cloud.fleet.generator import Generated, Plan, generate
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.silver import DAY_S, NOON_S, batch, boots_of_all_clocks, duck, rows, signal, speed


@pytest.fixture(scope="module")
def fleet() -> Generated:
    return generate(Plan(vehicles=12, seconds=20, seed=3, lost=0.08, doubled=0.0, batch_s=2))


@pytest.fixture(scope="module")
def silver(fleet: Generated) -> dict[str, pa.Table]:
    return decode(fleet.messages).by_name()


def test_gaps_of_a_made_fleet_are_its_truth(fleet: Generated, silver: dict[str, pa.Table]) -> None:
    assert_same_rows(gold.make(duck(silver), "gaps"), fleet.truth.gaps)


def test_a_boot_s_completeness_counts_what_its_gaps_count(fleet: Generated, silver: dict[str, pa.Table]) -> None:
    found = gold.make(duck(silver), "completeness")
    lost = sum(fleet.truth.gaps["batches"].to_pylist())
    assert sum(found["lost"].to_pylist()) == lost
    assert sum(found["got"].to_pylist()) == fleet.truth.batches
    whole = [row for row in found.to_pylist() if row["got"] == 0]
    assert [(row["first"], row["last"], row["completeness"]) for row in whole] == [(None, None, 0.0)]


def test_every_boot_of_a_made_fleet_is_a_trip_by_its_odometer(silver: dict[str, pa.Table]) -> None:
    trips = gold.make(duck(silver), "trips").to_pylist()
    assert len(trips) == 12 * 3 - 1
    for trip in trips:
        assert trip["minutes"] <= 2
        # Of some tens of metres the odometer's step is too much.
        assert trip["km_source"] == "odometer" or trip["km"] < 0.2
    by_speed = gold.make(duck({**silver, "samples": _without(silver["samples"], "Motion.Odometer")}), "trips")
    key = ("device", "trip")
    driven = {tuple(row[name] for name in key): row for row in by_speed.to_pylist()}
    whole = [trip for trip in trips if trip["completeness"] == 1 and trip["km_source"] == "odometer"]
    assert whole
    for trip in whole:
        other = driven[trip["device"], trip["trip"]]
        assert other["km_source"] == "speed"
        assert trip["km"] == pytest.approx(other["km"], rel=0.02)


def _rounded(rows: pa.Table) -> pa.Table:
    """Sums of floats differ in their last bits with the order of their parts, which threads decide."""
    for n, field in enumerate(rows.schema):
        if pa.types.is_floating(field.type):
            rows = rows.set_column(n, field, pc.round(rows.column(n), 9))
    return rows


def _without(samples: pa.Table, name: str) -> pa.Table:
    return samples.filter(pc.not_equal(samples["signal"], name))


def test_last_known_is_the_newest_sample_of_each_signal(fleet: Generated, silver: dict[str, pa.Table]) -> None:
    newest: dict[tuple[str, str], dict[str, object]] = {}
    for row in fleet.truth.samples.to_pylist():
        at = newest.setdefault((row["device"], row["signal"]), row)
        if (row["t"], row["unit"]) > (at["t"], at["unit"]):
            newest[row["device"], row["signal"]] = row
    expected = pa.Table.from_pylist(list(newest.values()), schema=tables.LAST_KNOWN)
    assert_same_rows(gold.make(duck(silver), "last_known"), expected)


MADE = gold.Setting(made_us=(NOON_S + 30 * DAY_S) * 1_000_000)
CLOCKS = boots_of_all_clocks()


def last_known_of(*boots: int, setting: gold.Setting = MADE) -> dict[str, tuple[datetime, float]]:
    found = {name: pa.concat_tables([CLOCKS[boot][name] for boot in boots]) for name in ("batches", "samples")}
    return {
        row["signal"]: (row["t"], row["value"]) for row in gold.make(duck(found), "last_known", setting).to_pylist()
    }


def at(s: float) -> datetime:
    return datetime.fromtimestamp(NOON_S + s, UTC)


def test_a_clock_that_is_ahead_or_behind_does_not_stand_against_one_that_is_right() -> None:
    assert last_known_of(1, 2, 3)["Door"] == (at(30), 1.0)
    assert last_known_of(*CLOCKS)["Door"] == (at(6 * DAY_S + 30), 7.0)


def test_a_value_of_a_clock_that_is_ahead_stands_where_nothing_better_is_there_as_of_1970() -> None:
    found = last_known_of(*CLOCKS)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert found["Only.2"] == (epoch + timedelta(seconds=2), 2.0)
    assert found["Only.4"] == (epoch + timedelta(seconds=4), 4.0)
    assert last_known_of(2, 4)["Door"] == found["Only.4"]


def test_a_time_in_the_past_is_told_as_it_is_synchronised_or_not() -> None:
    found = last_known_of(*CLOCKS)
    assert found["Only.3"] == (at(30 - NOON_S), 3.0)
    assert found["Only.6"] == (at(5 * DAY_S + 30), 6.0)
    assert last_known_of(1, 6)["Door"] == found["Only.6"]


def test_without_an_arrival_a_time_is_too_late_where_it_lies_after_the_making() -> None:
    assert last_known_of(1, 5, 8)["Door"] == (at(4 * DAY_S + 30), 5.0)
    assert last_known_of(1, 8, setting=gold.Setting())["Door"][1] == 8


@pytest.mark.parametrize(("ahead_s", "value"), [(600, 1), (600.001, 0)])
def test_ten_minutes_ahead_are_taken_and_more_are_not(ahead_s: float, value: int) -> None:
    found = {
        "samples": rows("samples", [*signal("Door", [(0, 0)]), *signal("Door", [(1000, 1)], seq=1)]),
        "batches": rows(
            "batches", [batch(0, 0, 0), batch(1, 1000, 1000, enqueued=round((NOON_S + 1000 - ahead_s) * 1e6))]
        ),
    }
    assert gold.make(duck(found), "last_known")["value"].to_pylist() == [value]


@pytest.mark.parametrize("name", gold.NAMES)
def test_only_what_was_touched_is_made_as_it_is_made_of_everything(name: str, silver: dict[str, pa.Table]) -> None:
    day = silver["samples"]["day"][0].as_py()
    touched = pa.Table.from_pylist([{"device": "car-000004", "day": day}], schema=gold.TOUCHED)
    everything = gold.make(duck(silver), name).to_pylist()
    of_it = [row for row in everything if row["device"] == "car-000004"]
    found = gold.make(duck({**silver, "touched": touched}), name, touched=True)
    expected = pa.Table.from_pylist(of_it, schema=tables.GOLD[name])
    assert_same_rows(_rounded(found), _rounded(expected))
    assert 0 < len(of_it) < len(everything)


def test_a_table_that_the_engine_knows_is_not_made_again(silver: dict[str, pa.Table]) -> None:
    engine = duck(silver)
    engine.know("gaps", tables.GAPS.empty_table())
    assert sum(gold.make(engine, "completeness", known=["gaps"])["lost"].to_pylist()) == 0


@dataclass(frozen=True)
class Heard:
    """What arrived of one device: batches (boot, seq), ranges told, and where boots ended."""

    batches: list[tuple[int, int]]
    ranges: list[tuple[int, int, int, str]]
    prevs: list[tuple[int, int | None]]


NUMBERS = st.integers(0, 12)
BOOTS = st.integers(1, 3)
RANGES = st.builds(
    lambda boot, one, other, why: (boot, min(one, other), max(one, other), why),
    BOOTS,
    NUMBERS,
    NUMBERS,
    st.sampled_from(["cap", "expired", "thinned"]),
)
HEARD = st.builds(
    Heard,
    st.lists(st.tuples(BOOTS, NUMBERS), min_size=1, max_size=12),
    st.lists(RANGES, max_size=5),
    st.lists(st.tuples(BOOTS, st.none() | NUMBERS), max_size=2),
)


@settings(max_examples=30, deadline=None)
@given(HEARD)
def test_gaps_are_what_a_slow_count_of_every_number_finds(heard: Heard) -> None:
    prevs = cycle([*heard.prevs, (None, None)])
    told = [
        batch(seq, seq, seq + 0.5, boot=boot, prev_boot=before, prev_last_seq=last)
        for (boot, seq), (before, last) in zip(heard.batches, prevs, strict=False)
    ]
    names = ("lost_boot", "from_seq", "to_seq", "why", "day")
    evictions = [dict(zip(names, (*told_range, 0), strict=True)) for told_range in heard.ranges]
    engine = duck({"batches": rows("batches", told), "evictions": rows("evictions", evictions)})
    ends = [(row["prev_boot"], row["prev_last_seq"]) for row in told if row["prev_last_seq"] is not None]
    expected = list(slow_gaps(set(heard.batches), heard.ranges, ends))  # type: ignore[arg-type]  # ints by construction
    found = [
        tuple(row[name] for name in ("boot", "from_seq", "to_seq", "batches", "place", "why"))
        for row in gold.make(engine, "gaps").sort_by([("boot", "ascending"), ("from_seq", "ascending")]).to_pylist()
    ]
    assert found == expected


def slow_gaps(
    arrived: set[tuple[int, int]], ranges: list[tuple[int, int, int, str]], ends: list[tuple[int, int]]
) -> Iterator[tuple[int, int, int, int, str, str]]:
    last: dict[int, int] = {}
    for boot, seq in [*arrived, *ends, *((boot, to) for boot, _, to, _ in ranges)]:
        last[boot] = max(seq, last.get(boot, -1))
    for boot in sorted(last):
        seen = [seq for of, seq in arrived if of == boot]
        found: list[tuple[int, str, str]] = []
        for seq in range(last[boot] + 1):
            if seq in seen:
                continue
            place = "boot" if not seen else "tail" if seq > max(seen) else "middle"
            covering = sorted((to - first, why) for of, first, to, why in ranges if of == boot and first <= seq <= to)
            found.append((seq, place, covering[0][1] if covering else "unknown"))
        while found:
            run = [found.pop(0)]
            while found and found[0] == (run[-1][0] + 1, *run[-1][1:]):
                run.append(found.pop(0))
            yield boot, run[0][0], run[-1][0], len(run), run[0][1], run[0][2]


def test_frames_fill_their_number_and_lend_no_time() -> None:
    frames = {"seq": 1, "schema": "candump/1", "opened": None, "closed": None, "day": 0}
    told = [batch(0, 0, 9), frames, batch(3, 30, 39)]
    (gap,) = gold.make(duck({"batches": rows("batches", told)}), "gaps").to_pylist()
    assert (gap["from_seq"], gap["to_seq"], gap["place"]) == (2, 2, "middle")
    assert (gap["after"].timestamp(), gap["before"].timestamp()) == (NOON_S + 9, NOON_S + 30)


def trips_of(
    samples: list[dict[str, object]], batches: list[dict[str, object]] | None = None, **also: pa.Table
) -> list[dict[str, Any]]:
    found = {"samples": rows("samples", samples), "batches": rows("batches", batches or [batch(0, 0, 60)]), **also}
    made: list[dict[str, Any]] = gold.make(duck(found), "trips").sort_by([("started", "ascending")]).to_pylist()
    return made


def steady(first_s: int, last_s: int, kmh: float = 36.0) -> list[tuple[float, float]]:
    return [(float(s), kmh) for s in range(first_s, last_s + 1)]


def test_a_trip_is_the_area_below_its_speed() -> None:
    (trip,) = trips_of(speed(steady(0, 100)))
    assert (trip["km"], trip["km_source"]) == (pytest.approx(1.0), "speed")
    assert (trip["minutes"], trip["mean_kmh"], trip["max_kmh"]) == (pytest.approx(100 / 60), pytest.approx(36), 36)
    assert (trip["trip"], trip["samples"], trip["kwh"]) == (NOON_S * 1000, 101, None)


def test_a_car_that_stood_made_no_trip() -> None:
    assert trips_of(speed(steady(0, 100, 0.0))) == []


def test_five_minutes_without_the_speed_end_a_trip_and_less_do_not() -> None:
    for pause, trips in ((299, 1), (300, 2)):
        assert len(trips_of(speed([*steady(0, 10), *steady(10 + pause, 20 + pause)]))) == trips


def test_boots_share_a_trip_that_the_agent_was_restarted_in() -> None:
    (trip,) = trips_of([*speed(steady(0, 100)), *speed(steady(130, 200), boot=2)])
    assert (trip["boot"], trip["minutes"]) == (1, pytest.approx(200 / 60))


def test_a_silence_of_more_than_ten_seconds_is_not_driven_through() -> None:
    (trip,) = trips_of(speed([*steady(0, 100), *steady(111, 211)]))
    assert trip["km"] == pytest.approx(2.0)
    (trip,) = trips_of(speed([*steady(0, 100), *steady(110, 210)]))
    assert trip["km"] == pytest.approx(2.1)


def test_an_odometer_goes_before_the_speed_and_the_speed_before_and_after_it() -> None:
    odometer = signal("Motion.Odometer", [(20 + n, 500 + n * 0.02) for n in range(61)])
    (trip,) = trips_of([*speed(steady(0, 100)), *odometer])
    assert (trip["km_source"], trip["km"]) == ("odometer", pytest.approx(1.2 + 0.4))


@pytest.mark.parametrize("readings", [[(0, 7.0), (100, 7.0)], [(0, 7.0), (50, 8.0), (100, 9.0)], [(0, 7.0), (9, 16e6)]])
def test_an_odometer_that_stands_is_coarse_or_leaps_is_not_believed(readings: list[tuple[float, float]]) -> None:
    (trip,) = trips_of([*speed(steady(0, 100)), *signal("Motion.Odometer", readings)])
    assert (trip["km_source"], trip["km"]) == ("speed", pytest.approx(1.0))


def test_where_speed_has_no_neighbours_positions_tell_the_distance() -> None:
    sparse = speed([(float(s), 36.0) for s in range(0, 101, 20)])
    north = signal("Position.Latitude", [(float(s), 52 + s * 9e-5) for s in range(101)])
    east = signal("Position.Longitude", [(s + 0.3, 10.0) for s in range(101)])
    (trip,) = trips_of([*sparse, *north, *east])
    assert trip["km_source"] == "position"
    assert trip["km"] == pytest.approx(99 * 9e-5 * math.pi / 180 * 6371.0088, rel=1e-6)


def test_energy_is_the_area_below_the_power_and_regained_energy_counts_against_it() -> None:
    power = signal("Battery.Power", [(float(s), 36.0 if s < 60 else -18.0) for s in range(101)])
    (trip,) = trips_of([*speed(steady(0, 100)), *power])
    assert trip["kwh"] == pytest.approx((59 * 36 + 9 - 40 * 18) / 3600)


def test_a_hot_sample_of_the_same_instant_is_not_driven_twice() -> None:
    (trip,) = trips_of([*speed(steady(0, 100)), *speed(steady(0, 100), rule="now", seq=1)])
    assert (trip["km"], trip["samples"]) == (pytest.approx(1.0), 202)


def test_the_first_signal_of_a_role_that_a_trip_has_is_taken() -> None:
    roles = pa.Table.from_pylist(
        [
            {"role": "speed", "signal": "None.Such", "factor": 1.0, "rank": 1},
            {"role": "speed", "signal": "In.Metres", "factor": 3.6, "rank": 2},
            {"role": "speed", "signal": "Motion.VehicleSpeed", "factor": 1.0, "rank": 3},
        ],
        schema=tables.ROLES,
    )
    (trip,) = trips_of([*speed(steady(0, 100, 99)), *signal("In.Metres", steady(0, 100, 10.0))], roles=roles)
    assert trip["km"] == pytest.approx(1.0)


def test_a_mean_is_driven_where_there_is_no_sample_and_a_maximum_never() -> None:
    aggregates = [*speed(steady(0, 100), agg="mean"), *speed(steady(0, 100, 90), agg="max")]
    (trip,) = trips_of(aggregates)
    assert (trip["km"], trip["max_kmh"]) == (pytest.approx(1.0), 36)


def test_harsh_driving_is_counted_once_a_firing_by_the_rules_that_mean_it() -> None:
    def fired(at_s: int, rule: str, seq: int = 0, kind: str = "event") -> dict[str, object]:
        return {"seq": seq, "rule": rule, "kind": kind, "fired": (NOON_S + at_s) * 1_000_000, "day": NOON_S // DAY_S}

    events = [fired(5, "harsh_brake"), fired(5, "harsh_brake", 1), fired(9, "Harsh_corner"), fired(9, "low_fuel")]
    events += [fired(7, "harsh", kind="snapshot"), fired(500, "harsh_brake")]
    found = {"samples": rows("samples", speed(steady(0, 60))), "firings": rows("firings", events)}
    engine = duck({**found, "batches": rows("batches", [batch(0, 0, 60)])})
    assert gold.make(engine, "trips")["harsh"].to_pylist() == [2]
    assert gold.make(engine, "trips", gold.Setting(harsh=("low_fuel", "it's")))["harsh"].to_pylist() == [1]


TEN = [(n, 10 * n, 10 * n + 9) for n in range(10)]


def test_a_hole_in_a_trip_shows_in_its_completeness() -> None:
    points = speed([point for point in steady(0, 99) if not 40 <= point[0] < 50])
    (trip,) = trips_of(points, [batch(*one) for one in TEN if one[0] != 4])
    assert (trip["got"], trip["lost"], trip["completeness"]) == (9, 1, pytest.approx(0.9))


def test_a_lost_end_makes_the_trip_incomplete_that_it_ended() -> None:
    later = batch(0, 9000, 9009, boot=2, prev_boot=1, prev_last_seq=12)
    first, second = trips_of(
        [*speed(steady(0, 99)), *speed(steady(9000, 9009), boot=2)], [*(batch(*o) for o in TEN), later]
    )
    assert (first["lost"], second["lost"]) == (3, 0)


def test_a_lost_boot_makes_the_trips_around_it_incomplete() -> None:
    later = batch(0, 9000, 9009, boot=3, prev_boot=2, prev_last_seq=4)
    trips = trips_of([*speed(steady(0, 99)), *speed(steady(9000, 9009), boot=3)], [*(batch(*o) for o in TEN), later])
    assert [trip["lost"] for trip in trips] == [5, 5]


def test_a_gap_long_before_a_trip_leaves_it_whole() -> None:
    batches = [batch(0, 0, 9), batch(2, 20, 29), *(batch(3 + n, 2000 + at, 2000 + to) for n, at, to in TEN)]
    first, second = trips_of([*speed(steady(0, 29)), *speed(steady(2000, 2099))], batches)
    assert (first["lost"], second["lost"], second["completeness"]) == (1, 0, 1.0)


def test_a_trip_over_midnight_is_of_the_day_it_began_on() -> None:
    midnight = 12 * 3600
    points = speed(steady(midnight - 50, midnight + 50))
    batches = [batch(0, midnight - 50, midnight - 1), batch(1, midnight, midnight + 50)]
    found = {"samples": rows("samples", points), "batches": rows("batches", batches)}
    (trip,) = gold.make(duck(found), "trips").to_pylist()
    assert (trip["day"], trip["got"], trip["samples"]) == (date(2026, 9, 1), 2, 101)
    days = gold.make(duck(found), "daily").sort_by("day").to_pylist()
    assert [(row["trips"], row["samples"], row["got"]) for row in days] == [(1, 50, 1), (0, 51, 1)]
    assert (days[0]["km"], days[1]["km"]) == (pytest.approx(1.0), None)
    for touched_day in (0, 1):
        touched = pa.Table.from_pylist([{"device": "car", "day": NOON_S // DAY_S + touched_day}], schema=gold.TOUCHED)
        again = gold.make(duck({**found, "touched": touched}), "trips", touched=True)
        assert again.to_pylist() == [trip]


def test_a_day_counts_blocks_bytes_and_each_batch_once() -> None:
    told = [batch(0, 0, 9), batch(0, 0, 9), batch(2, 20, 29)]
    (day,) = gold.make(duck({"batches": rows("batches", told)}), "daily").to_pylist()
    assert (day["got"], day["lost"], day["body_bytes"], day["blocks"]) == (2, 1, 10_000, 4)
    assert day["completeness"] == pytest.approx(2 / 3)
    assert (day["trips"], day["km"], day["samples"]) == (0, None, 0)

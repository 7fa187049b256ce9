"""What measures mean: each has a twin in SQL that gives the numbers of an example worked out by hand.

DAX is not evaluated here. What is held between a measure and its twin: both name the same columns, aggregate the same
ones in the same way, and divide or do not.
"""

import re
from datetime import date
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.cloud.edge_cloud.powerbi import tmdl
from tests.cloud.edge_cloud.powerbi.star import Choice, Row, Star, at, twins

MODEL = tmdl.read(Path(__file__).parents[4] / "cloud/powerbi/Fleet.SemanticModel/definition")
MEASURES = MODEL.measures()
FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 2)

ROWS: dict[str, list[Row]] = {
    "vehicles": [
        {"device": name, "name": name, "fleet": "north", "brand": "a"} for name in ("car-1", "car-2", "car-3")
    ],
    "daily": [
        {
            "device": "car-1",
            "day": FIRST,
            "trips": 2,
            "minutes": 60.0,
            "km": 40.0,
            "kwh": 8.0,
            "harsh": 1,
            "samples": 100,
        }
        | {"got": 10, "lost": 0, "completeness": 1.0, "body_bytes": 20_000, "blocks": 10},
        {
            "device": "car-1",
            "day": SECOND,
            "trips": 1,
            "minutes": 30.0,
            "km": 10.0,
            "kwh": None,
            "harsh": 0,
            "samples": 50,
        }
        | {"got": 6, "lost": 2, "completeness": 0.75, "body_bytes": 9_000, "blocks": 6},
        {"device": "car-2", "day": SECOND, "trips": 0, "minutes": 0.0, "harsh": 0, "samples": 5}
        | {"got": 2, "lost": 0, "completeness": 1.0, "body_bytes": 1_000, "blocks": 2},
        {"device": "car-2", "day": date(1970, 1, 1), "trips": 0, "minutes": 0.0, "harsh": 0, "samples": 1}
        | {"got": 1, "lost": 0, "completeness": 1.0, "body_bytes": 500, "blocks": 1},
    ],
    "trips": [
        {"device": "car-1", "trip": 1, "started": at("2026-05-01 08:00"), "ended": at("2026-05-01 08:30"), "day": FIRST}
        | {"km": 30.0, "kwh": 6.0, "max_kmh": 90.0, "got": 5, "lost": 0, "completeness": 1.0},
        {"device": "car-1", "trip": 2, "started": at("2026-05-01 18:00"), "ended": at("2026-05-01 18:30"), "day": FIRST}
        | {"km": 10.0, "kwh": 2.0, "max_kmh": 60.0, "got": 5, "lost": 0, "completeness": 1.0},
        {
            "device": "car-1",
            "trip": 3,
            "started": at("2026-05-02 08:00"),
            "ended": at("2026-05-02 08:30"),
            "day": SECOND,
        }
        | {"km": None, "kwh": 3.0, "max_kmh": 50.0, "got": 6, "lost": 2, "completeness": 0.75},
    ],
    "gaps": [
        {"device": "car-1", "boot": 2, "from_seq": 3, "to_seq": 4, "batches": 2, "place": "middle", "why": "cap"}
        | {"after": at("2026-05-02 08:10"), "before": at("2026-05-02 08:12")},
        {"device": "car-1", "boot": 1, "from_seq": 9, "to_seq": 9, "batches": 1, "place": "tail", "why": "unknown"}
        | {"after": at("2026-05-01 18:31")},
        {"device": "car-2", "boot": 7, "from_seq": 0, "to_seq": 3, "batches": 4, "place": "boot", "why": "unknown"},
    ],
    "completeness": [
        {"device": "car-1", "boot": 1, "got": 10, "lost": 1, "told": 0},
        {"device": "car-1", "boot": 2, "got": 6, "lost": 2, "told": 2},
        {"device": "car-2", "boot": 7, "got": 0, "lost": 4, "told": 0},
        {"device": "car-2", "boot": 8, "got": 3, "lost": 0, "told": 0},
    ],
    "last_known": [
        {"device": "car-1", "signal": "Speed", "t": at("2026-05-02 08:30"), "value": 0.0},
        {"device": "car-2", "signal": "Speed", "t": at("2026-05-02 09:00"), "value": 3.0},
    ],
    "costs": [
        {"device": "car-1", "month": FIRST, "blocks": 16, "body_bytes": 32_768, "rows": 150, "messages": 16}
        | {"price": 0.5, "currency": "EUR"},
        {"device": "car-2", "month": FIRST, "blocks": 2, "body_bytes": 1_000, "rows": 5, "messages": 2}
        | {"price": 0.25, "currency": "USD"},
    ],
    "live": [{"device": "car-2", "signal": "Speed", "t": at("2026-05-02 09:01"), "value": 4.0}],
}

# By measure: with nothing chosen, and of car-1 on its second day.
EXPECTED: dict[str, tuple[object, object]] = {
    "Kilometres": (50.0, 10.0),
    "Energy": (8.0, None),
    "Driving hours": (1.5, 0.5),
    "Harsh events": (1, 0),
    "Harsh events per 100 km": (2.0, 0.0),
    "Vehicles active": (1, 1),
    "Vehicles heard": (2, 1),
    "Vehicle days": (4, 1),
    "Samples arrived": (156, 50),
    "Megabytes": (0.0305, 0.009),
    "Blocks sent": (19, 6),
    "Batches arrived": (19, 6),
    "Batches lost": (2, 2),
    "Completeness %": (19 / 21, 0.75),
    "Completeness note": ("2 batches lost: figures are of what arrived",) * 2,
    "Days with holes": (1, 1),
    "Share of days with holes": (0.25, 1.0),
    "Days outside the calendar": (1, None),
    "Number of trips": (3, 1),
    "Trip kilometres": (40.0, None),
    "Trip energy": (11.0, 3.0),
    "Consumption": (20.0, None),
    "Highest speed": (90.0, 50.0),
    "Trips without kilometres": (1, 1),
    "Trips with holes": (1, 1),
    "Trip completeness": (16 / 18, 0.75),
    "Trip note": ("2 batches lost: figures are of what arrived",) * 2,
    "Batches missing": (7, 2),
    "Gaps": (3, 1),
    "Batches missing without a reason": (5, None),
    "Batches missing without a time": (4, None),
    "Batches missing in the trip": (None, 2),
    "Boots": (4, 2),
    "Boots of which nothing arrived": (1, None),
    "Completeness of all time": (19 / 26, 16 / 19),
    "Losses with a reason": (2 / 7, 2 / 3),
    "Last heard": (at("2026-05-02 09:00"), at("2026-05-02 08:30")),
    "Signals known": (2, 1),
    "Price of messages": (None, 0.5),
    "Currency of prices": ("several currencies", "EUR"),
    "Price per vehicle and month": (None, 0.5),
    "Blocks metered": (18, 16),
    "Messages sent": (18, 16),
    "Rows stored": (155, 150),
    "Fill of blocks": (33_768 / (18 * 4096), 0.5),
    "Vehicles known": (3, 1),
    "Vehicles silent": (1, None),
    "Live, newest sample": (at("2026-05-02 09:01"), None),
    "Live, vehicles": (1, None),
}


def about(value: object) -> object:
    return pytest.approx(value, abs=1e-9) if isinstance(value, float) else value


@pytest.fixture(scope="module")
def star() -> Star:
    return Star(MODEL, ROWS)


def test_every_measure_has_a_twin_and_an_example() -> None:
    assert set(twins()) == set(MEASURES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_twin_gives_the_numbers_worked_out_by_hand(star: Star, name: str) -> None:
    everything, chosen = EXPECTED[name]

    assert star.ask(twins()[name]) == about(everything)
    assert star.ask(twins()[name], Choice((SECOND, SECOND), "car-1")) == about(chosen)


@pytest.mark.parametrize(
    ("days", "missing"),
    [((FIRST, FIRST), 5), ((SECOND, SECOND), 6), ((FIRST, SECOND), 7), ((date(2026, 8, 1), date(2026, 8, 9)), 4)],
)
def test_a_gap_that_nobody_can_place_is_missing_whatever_days_are_chosen(
    star: Star, days: tuple[date, date], missing: int
) -> None:
    assert star.ask(twins()["Batches missing"], Choice(days)) == missing


@pytest.mark.parametrize(("trip", "missing"), [(1, None), (2, None), (3, 2)])
def test_a_trip_shows_the_gaps_that_may_touch_it(star: Star, trip: int, missing: int | None) -> None:
    assert star.ask(twins()["Batches missing in the trip"], Choice(trip=trip)) == missing


def test_of_no_data_a_measure_says_nothing_rather_than_zero() -> None:
    nothing = Star(MODEL, {})

    assert {nothing.ask(sql) for sql in twins().values()} == {None, "No data", "No trip"}


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_and_its_twin_name_the_same_columns_and_aggregate_them_alike(name: str) -> None:
    dax, sql = expanded(name), sqlglot.parse_one(twins()[name], read="duckdb")

    assert columns_of_dax(dax) == columns_of_sql(sql)
    assert aggregates_of_dax(dax) == aggregates_of_sql(sql)
    assert ("DIVIDE" in dax) == (sql.find(exp.Div) is not None)


def expanded(name: str) -> str:
    """A measure's DAX with the measures it names in their places."""
    return re.sub(
        r"(?<!\w)\[([^\]]+)\]", lambda found: f"( {expanded(found[1])} )", re.sub(r"\s+", " ", MEASURES[name].text)
    )


def columns_of_dax(dax: str) -> set[tuple[str, str]]:
    return set(re.findall(r"\b(\w+)\[(\w+)\]", dax))


def columns_of_sql(sql: exp.Expression) -> set[tuple[str, str]]:
    """`calendar` is `dates` with no choice; a day that it lacks is how SQL says that a relationship leads nowhere."""
    found = {(one.table.replace("calendar", "dates"), one.name) for one in sql.find_all(exp.Column)}
    return found - {("daily_of_any_day", "day")}


def aggregates_of_dax(dax: str) -> set[tuple[str, str]]:
    column = r"\(\s*(?:EXCEPT \( DISTINCT \( )?(\w+\[\w+\])\s*[,)]"
    found = {("sum", one) for one in re.findall(r"\bSUM " + column, dax)}
    found |= {("max", one) for one in re.findall(r"\bMAX \( (\w+\[\w+\]) \)", dax)}
    found |= {("min", one) for one in re.findall(r"\bMIN \( (\w+\[\w+\]) \)", dax)}
    found |= {
        ("distinct", one)
        for one in re.findall(r"\b(?:DISTINCTCOUNT|HASONEVALUE|SELECTEDVALUE|COUNTROWS) " + column, dax)
    }
    found |= {("min", one) for one in re.findall(r"\bSELECTEDVALUE " + column, dax)}
    return found | {("rows", one) for one in re.findall(r"\bCOUNTROWS \( (\w+) \)", dax)}


def aggregates_of_sql(sql: exp.Expression) -> set[tuple[str, str]]:
    """All but what asks whether dates are chosen, which DAX has a function for."""
    found = set()
    for one in sql.find_all(exp.Sum, exp.Max, exp.Min, exp.Count):
        inner = one.this
        if isinstance(inner, exp.Star):
            found.add(("rows", one.find_ancestor(exp.Select).find(exp.From).this.name.removesuffix("_of_any_day")))
        elif isinstance(inner, exp.Distinct):
            found.add(("distinct", named(inner)))
        else:
            found.add((one.key, named(inner)))
    return found - {("rows", "dates"), ("rows", "calendar")}


def named(inner: exp.Expression) -> str:
    column = inner.find(exp.Column)
    return f"{column.table}[{column.name}]"

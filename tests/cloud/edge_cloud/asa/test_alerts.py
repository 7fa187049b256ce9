"""What the alerts of the hot lane mean: their steps run in DuckDB. Stream Analytics itself never compiled its own."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

TWIN = (Path(__file__).parent / "alerts.sql").read_text()
QUERY = (Path(__file__).parents[4] / "cloud" / "asa" / "hot.asaql").read_text()
STEP = re.compile(r"^(?:with )?(\w+) as \($", re.MULTILINE | re.IGNORECASE)
T0 = 1_788_264_000_000
MINUTE = 60_000
Alert = tuple[str, str, int]


def batch(seq: int, *rows: tuple[int, dict[str, float]], **fields: Any) -> dict[str, Any]:
    header = {
        "schema": "rows/1",
        "device": "car",
        "boot": 1,
        "seq": seq,
        "rule": "now",
        "kind": "on_change",
        "fired_ms": [],
    }
    return header | {"rows": [{"t": T0 + t, "agg": "last", "signals": signals} for t, signals in rows]} | fields


def fired(seq: int, *after: int, rule: str = "harsh_brake") -> dict[str, Any]:
    return batch(seq, kind="event", rule=rule, fired_ms=[T0 + ms for ms in after])


def alerts(
    *batches: dict[str, Any], wanted: Sequence[str] = ("harsh", "low", "entered", "left", "often", "session")
) -> list[Alert]:
    connection = duckdb.connect()
    kinds = '{"schema": "VARCHAR", "device": "VARCHAR", "boot": "BIGINT", "seq": "BIGINT", "rule": "VARCHAR",'
    kinds += ' "kind": "VARCHAR", "fired_ms": ["BIGINT"],'
    kinds += ' "rows": [{"t": "BIGINT", "agg": "VARCHAR", "signals": "MAP(VARCHAR, DOUBLE)"}]}'
    connection.execute("create table texts as select unnest($t) as text", {"t": [json.dumps(one) for one in batches]})
    connection.execute(
        "create table hot as select row_number() over () as came, unnest(json_transform(text, $k)) from texts",
        {"k": kinds},
    )
    connection.execute(
        "create table roles as from (values ('speed', 'Speed', 1.0), ('charge', 'Charge', 100.0),"
        " ('latitude', 'Lat', 1.0), ('longitude', 'Lon', 1.0)) as r(role, signal, factor)"
    )
    connection.execute("create table limits as select 'charge' as role, 20.0 as low")
    connection.execute("create table vehicles as select 'car' as device, 'north' as fleet")
    connection.execute(
        "create table zones as from (values ('north', 'yard', 50, 51, 8, 9), ('south', 'other', 0, 90, 0, 90))"
        " as z(fleet, zone, south, north, west, east)"
    )
    found = connection.execute(TWIN).fetchall()
    return [(alert, what, ms - T0) for _, alert, what, ms, _ in found if alert in wanted]


def test_the_twin_has_the_steps_of_the_query_in_their_order() -> None:
    steps = [name.lower() for name in STEP.findall(QUERY)]
    assert steps == STEP.findall(TWIN)
    assert len(steps) == 12


@pytest.mark.parametrize(
    "told",
    [
        "'rows/1'",
        "= 'last'",
        "kind = 'event'",
        "'harsh'",
        "< limits.low",
        ">= limits.low",
        "(minute, 15, 5)",
        ">= 3",
        "(minute, 5, 720)",
    ],
)
def test_the_query_has_the_thresholds_that_are_tried_here(told: str) -> None:
    assert told in QUERY


def test_a_batch_that_came_twice_alerts_once() -> None:
    assert alerts(fired(0, 5), fired(0, 5)) == [("harsh", "harsh_brake", 5)]


def test_a_firing_in_two_batches_alerts_once_and_another_rule_is_no_harsh_driving() -> None:
    assert alerts(fired(0, 5), fired(1, 5), fired(2, 6, rule="door")) == [("harsh", "harsh_brake", 5)]


def test_a_battery_alerts_when_it_falls_below_and_not_while_it_stays_there() -> None:
    shares = [0.21, 0.20, 0.199, 0.15, 0.20, 0.19]
    found = alerts(*(batch(n, (n, {"Charge": share})) for n, share in enumerate(shares)))
    assert found == [("low", "charge", 2), ("low", "charge", 5)]


def test_a_battery_that_is_low_from_the_first_alerts() -> None:
    assert alerts(batch(0, (7, {"Charge": 0.1}))) == [("low", "charge", 7)]


def test_a_zone_of_its_fleet_alerts_on_both_ways_through_its_fence() -> None:
    track = [(49.9, 8.5), (50.5, 8.5), (50.6, 8.5), (50.6, 9.5)]
    places = [batch(n, (1000 * n, {"Lat": lat}), (1000 * n + 300, {"Lon": lon})) for n, (lat, lon) in enumerate(track)]
    assert alerts(*places) == [("entered", "yard", 1300), ("left", "yard", 3300)]


def test_the_first_place_of_a_vehicle_crosses_nothing() -> None:
    assert alerts(batch(0, (0, {"Lat": 50.5, "Lon": 8.5}))) == []


def test_three_in_a_quarter_of_an_hour_are_often_and_two_are_not() -> None:
    within = [fired(n, n * 4 * MINUTE + 1) for n in range(3)]
    assert ("often", "harsh", 8 * MINUTE + 1) in alerts(*within, wanted=["often"])
    assert alerts(*within[:2], wanted=["often"]) == []
    assert alerts(*(fired(n, n * 8 * MINUTE + 1) for n in range(3)), wanted=["often"]) == []


def test_a_silence_of_more_than_five_minutes_ends_a_session() -> None:
    speeds = [batch(n, (t, {"Speed": 50.0})) for n, t in enumerate([0, 5 * MINUTE, 10 * MINUTE + 1])]
    assert alerts(*speeds) == [("session", "speed", 5 * MINUTE), ("session", "speed", 10 * MINUTE + 1)]

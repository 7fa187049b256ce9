"""The reads of cloud/kql run, and are equal to their twins in SQL, and both to what is known."""

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from edge_cloud import gold, tables
from edge_cloud.decode import decode
from edge_cloud.duck import Duck
from edge_cloud.fleet.generator import Generated, Plan, generate
from edge_cloud.records import Decoded
from tests.cloud.edge_cloud.golden import NAMES, message
from tests.cloud.edge_cloud.kql.executed import BODIES, VIEWS, Kusto, as_told, with_texts
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.silver import DAY_S, NOON_S, boots_of_all_clocks, duck

pytestmark = pytest.mark.timeout(120)

DAYS = "datetime(2026-08-31), datetime(2026-09-05), ''"
EXECUTED = ("Holes", "Gaps", "Completeness", "Losses", "Trips", "Daily", "NullColumns", "Refused")
LANDED = ("HeadersOf", "EvictionsOf", "BusesOf", "FiringsOf", "MinutesOf", "NewestOf", "LastKnown")
COMPILED_ONLY = ("DecodeExact", "DecodeFast", "DecodeRows", "TripReportsOf", "Signals")
"""mv-apply, row_cumsum, series_iir, mv-expand of a property bag"""

Row = dict[str, Any]
START = datetime(2026, 9, 1, 22, tzinfo=UTC)
ROLES = [("speed", "Speed"), ("speed", "WheelSpeed"), ("odometer", "Odometer"), ("power", "Power")]
ROLES += [("latitude", "Latitude"), ("longitude", "Longitude")]


def once(table: pa.Table, keys: str) -> pa.Table:
    """What came twice, once, as the views have it."""
    return Duck({"found": table})(f"select distinct on ({keys}) * from found").cast(table.schema)  # noqa: S608  our own names


def roles(*pairs: tuple[str, str]) -> pa.Table:
    rows = [{"role": r, "signal": s, "factor": 1.0, "rank": n} for n, (r, s) in enumerate(pairs, 1)]
    return pa.Table.from_pylist(rows, schema=tables.ROLES)


def engines(found: dict[str, pa.Table], known_roles: pa.Table) -> tuple[Kusto, Duck]:
    """The same tables, once under Kusto's names and once under the cloud's."""
    empty = {name: schema.empty_table() for name, schema in tables.DECODED.items()}
    silver = empty | found | {"roles": known_roles}
    headers = silver["batches"].drop_columns(["body"])
    kusto = {"HeadersOnce": headers, "Evictions": silver["evictions"], "Firings": silver["firings"]}
    return Kusto(kusto | {"Samples": silver["samples"], "Roles": known_roles}), Duck(silver)


def of(decoded: Decoded) -> dict[str, pa.Table]:
    return {
        "batches": once(decoded.batches, "device, boot, seq"),
        "samples": once(decoded.samples, "device, boot, seq, signal, agg, t"),
        "evictions": decoded.evictions,
        "firings": decoded.firings,
    }


@pytest.fixture(scope="module")
def fleet() -> Generated:
    return generate(Plan(vehicles=11, seconds=60, lost=0.08, doubled=0.05))


@pytest.fixture(scope="module")
def asked(fleet: Generated) -> tuple[Kusto, Duck]:
    pairs = [("speed", "Motion.VehicleSpeed"), ("odometer", "Motion.Odometer"), ("power", "Battery.Power")]
    places = [("latitude", "Position.Latitude"), ("longitude", "Position.Longitude")]
    return engines(of(decode(fleet.messages)), roles(*pairs, *places))


def assert_close(found: pa.Table, expected: pa.Table) -> None:
    """Equal rows; sums of doubles are equal to 12 digits, in whatever order they were added."""
    expected = with_texts(expected)
    names = [field.name for field in expected.schema if not pa.types.is_floating(field.type)]
    assert_same_rows(found.select(names), expected.select(names))
    order = [(name, "ascending") for name in names]
    for one, other in zip(found.sort_by(order).to_pylist(), expected.sort_by(order).to_pylist(), strict=True):
        for name in set(expected.column_names) - set(names):
            left, right = one[name], other[name]
            assert left == right or math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12), (name, one, other)


def test_every_function_is_run_or_named_as_compiled_only() -> None:
    assert sorted(BODIES) == sorted({*EXECUTED, *LANDED, *COMPILED_ONLY})


def test_gaps_are_the_truth(fleet: Generated, asked: tuple[Kusto, Duck]) -> None:
    kusto, duck = asked
    found = as_told(kusto("Gaps()"), tables.GAPS)
    assert {row["place"] for row in found.to_pylist()} == {"middle", "tail", "boot"}
    assert_same_rows(found, fleet.truth.gaps)
    assert_same_rows(found, gold.make(duck, "gaps"))


def test_completeness_equals_its_twin(asked: tuple[Kusto, Duck]) -> None:
    kusto, duck = asked
    assert_close(as_told(kusto("Completeness()"), tables.COMPLETENESS), gold.make(duck, "completeness"))


def test_trips_of_a_fleet_equal_their_twin(asked: tuple[Kusto, Duck]) -> None:
    kusto, duck = asked
    found = as_told(kusto(f"Trips({DAYS})"), tables.TRIPS)
    assert found.num_rows == 32
    assert min(row["completeness"] for row in found.to_pylist()) < 1
    assert_close(found, gold.make(duck, "trips"))


def scattered(seed: int) -> dict[str, pa.Table]:
    """Headers of boots with all kinds of holes, frames without times, ranges that overlap and go beyond the end."""
    dice = random.Random(seed)  # noqa: S311  made data
    headers: list[Row] = []
    evictions: list[Row] = []
    for car in range(60):
        device, last = f"car-{car}", None
        for boot in range(1, 5):
            length = dice.randrange(1, 14)
            arrived = [seq for seq in range(length) if dice.random() < (0.6, 0.1, 0.95)[car % 3]]
            for seq in arrived:
                opened = START + timedelta(hours=boot, minutes=seq)
                row: Row = {"device": device, "boot": boot, "seq": seq, "schema": "columns/1", "day": opened.date()}
                row |= {"prev_boot": boot - 1 if last is not None else None, "prev_last_seq": last}
                row |= {"opened": opened, "closed": opened + timedelta(seconds=dice.randrange(90))}
                frames = {
                    "schema": "candump/1",
                    "opened": None,
                    "closed": None,
                    "prev_boot": None,
                    "prev_last_seq": None,
                }
                headers.append(row | frames if dice.random() < 0.15 else row)
            for _ in range(dice.randrange(4)):
                first = dice.randrange(length + 1)
                told = {"from_seq": first, "to_seq": first + dice.randrange(5), "why": dice.choice("abc")}
                key = {"device": device, "boot": boot + 1, "seq": 0, "lost_boot": boot, "day": START.date()}
                evictions += [key | told] * dice.randrange(1, 3)
            last = dice.choice([length - 1, length - 1, None])
    return {
        "batches": pa.Table.from_pylist(headers, schema=tables.BATCHES),
        "evictions": pa.Table.from_pylist(evictions, schema=tables.EVICTIONS),
    }


@pytest.mark.parametrize("seed", range(3))
def test_gaps_of_whatever_arrived_equal_their_twin(seed: int) -> None:
    kusto, duck = engines(scattered(seed), roles())
    found = as_told(kusto("Gaps()"), tables.GAPS)
    assert found.num_rows > 300
    assert_same_rows(found, gold.make(duck, "gaps"))
    assert_close(as_told(kusto("Completeness()"), tables.COMPLETENESS), gold.make(duck, "completeness"))


def drives(dice: random.Random, kinds: set[str]) -> Iterator[tuple[str, datetime, float, str]]:
    """Signal, time, value and aggregate of a day's driving, with pauses around the five minutes, over midnight."""
    at, km = START + timedelta(seconds=dice.randrange(60)), 1000.0
    for _ in range(dice.randrange(1, 6)):
        fast = dice.choice([0.0, 0.4, 50.0])
        for _ in range(dice.randrange(2, 40)):
            at += timedelta(milliseconds=dice.choice([1000, 1000, 1000, 4321, 12_000, 120_000]))
            speed = fast * dice.random()
            km += speed / 3600
            told = {"Speed": speed, "WheelSpeed": -speed, "Power": speed / 3 - 5, "Odometer": round(km, 3)}
            told |= {"Latitude": 52 + km / 111, "Longitude": 10 + km / 70}
            for signal in kinds:
                off = timedelta(milliseconds=dice.randrange(400) if signal != "Speed" else 0)
                yield signal, at + off, told[signal], "mean" if dice.random() < 0.02 else "last"
        at += timedelta(seconds=dice.choice([299, 300, 301, 900, 5000]))


def driven(seed: int) -> dict[str, pa.Table]:
    """Cars of which one lacks an odometer, another everything but its place and speed."""
    dice = random.Random(seed)  # noqa: S311  made data
    samples: list[Row] = []
    firings: list[Row] = []
    headers: list[Row] = []
    for car in range(24):
        device = f"car-{car}"
        kinds = [{"Speed", "Odometer", "Power"}, {"WheelSpeed", "Power"}, {"Speed", "Latitude", "Longitude"}]
        found = list(drives(dice, kinds[car % 3] | ({"WheelSpeed"} if car % 4 == 0 else set())))
        for n, (signal, t, value, agg) in enumerate(found):
            row = {"device": device, "boot": 1 + n // 200, "seq": n // 20, "signal": signal, "unit": "", "agg": agg}
            samples.append(row | {"t": t, "value": None if dice.random() < 0.01 else value, "day": t.date()})
            if dice.random() < 0.01:
                fired = {
                    "rule": dice.choice(["Harsh_brake", "other"]),
                    "kind": dice.choice(["event", "event", "snapshot"]),
                }
                firings += [{"device": device, "boot": 1, "seq": n // 20, "fired": t, "day": t.date(), **fired}] * 2
        for boot in {row["boot"] for row in samples if row["device"] == device}:
            for seq in {row["seq"] for row in samples if row["device"] == device and row["boot"] == boot}:
                times: list[datetime] = [
                    row["t"] for row in samples if (row["device"], row["boot"], row["seq"]) == (device, boot, seq)
                ]
                if dice.random() < 0.9:
                    key = {"device": device, "boot": boot, "seq": seq, "body": b"x" * 5000, "day": min(times).date()}
                    headers.append(key | {"opened": min(times), "closed": max(times)})
    return {
        "batches": pa.Table.from_pylist(headers, schema=tables.BATCHES),
        "samples": pa.Table.from_pylist(samples, schema=tables.SAMPLES),
        "firings": pa.Table.from_pylist(firings, schema=tables.FIRINGS),
    }


@pytest.mark.parametrize("seed", range(2))
def test_trips_and_days_of_whatever_was_driven_equal_their_twins(seed: int) -> None:
    kusto, duck = engines(driven(seed), roles(*ROLES))
    expected = gold.make(duck, "trips")
    found = as_told(kusto(f"Trips({DAYS})"), tables.TRIPS)
    rows = found.to_pylist()
    assert {row["km_source"] for row in rows} >= {"odometer", "speed"}
    assert any(row["harsh"] for row in rows)
    assert_close(found, expected)
    days = gold.make(duck, "daily").drop_columns(["body_bytes", "blocks"])
    daily = as_told(kusto(f"Daily({DAYS})"), tables.DAILY).drop_columns(["body_bytes", "blocks"])
    assert_close(daily, days)


def test_what_landed_becomes_the_rows_that_python_makes_of_it() -> None:
    names = [name for name in NAMES if name != "hot"]
    landed = [json.loads(message(name).body) for name in names]
    flat = [{k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in one.items()} for one in landed]
    kusto = Kusto({"Batches": pa.Table.from_pylist([row | {"enqueued": None} for row in flat])})
    decoded = decode([message(name) for name in names])
    for name in ("evictions", "buses", "firings"):
        schema = tables.DECODED[name]
        found = kusto.of_landed(f"{name.capitalize()}Of", "Batches")
        assert_same_rows(as_told(found, schema), with_texts(decoded.by_name()[name]))
    schema = pa.schema([field for field in tables.BATCHES if field.name not in {"body", "enqueued", "source"}])
    found = as_told(kusto.of_landed("HeadersOf", "Batches"), schema)
    assert_same_rows(found, with_texts(decoded.batches.select(schema.names)))


def last_known(samples: pa.Table, arrivals: pa.Table, *, large: bool) -> pa.Table:
    """As the policies of 41 or of 42 fill `Newest`, and then the view over it."""
    found = samples
    if large:
        minutes = Kusto({"Landed": samples}).of_landed("MinutesOf", "Landed")
        renamed = {"last_t": "t", "last_value": "value", "last_text": "text"}
        found = minutes.rename_columns([renamed.get(name, name) for name in minutes.column_names])
        found = found.append_column("agg", pa.array(["last"] * len(found)))
    landed = found.join(arrivals, ["device", "boot", "seq"])
    newest = Kusto({"Landed": landed}).of_landed("NewestOf", "Landed")
    view = Kusto({"Newest": newest})(VIEWS["LastOfNewest"])
    return as_told(Kusto({"LastOfNewest": view})("LastKnown()"), tables.LAST_KNOWN)


@pytest.mark.parametrize("large", [False, True])
def test_last_known_of_a_fleet_and_of_clocks_of_all_kinds_equals_its_twin(large: bool, fleet: Generated) -> None:
    found = of(decode(fleet.messages))
    boots = boots_of_all_clocks().values()
    samples = pa.concat_tables([found["samples"], *(boot["samples"] for boot in boots)])
    batches = pa.concat_tables([found["batches"], *(boot["batches"] for boot in boots)])
    made = gold.Setting(made_us=(NOON_S + 30 * DAY_S) * 1_000_000)
    expected = gold.make(duck({"samples": samples, "batches": batches}), "last_known", made)

    # Kusto names the time at which it took a batch: where no arrival is told, that of the making.
    took = pc.fill_null(batches["enqueued"], pa.scalar(made.made_us, pa.int64()).cast(tables.TIME))
    arrivals = batches.select(["device", "boot", "seq"]).append_column("enqueued", took)
    assert_same_rows(last_known(samples, arrivals, large=large), with_texts(expected))
    assert {row["t"].year for row in expected.to_pylist()} == {1970, 2026}


def test_a_batch_whose_columns_were_too_large_is_told_and_what_nobody_knows_is_refused() -> None:
    whole = {"schema": "columns/1", "device": "car", "boot": 1, "seq": 0, "rule": "r", "kept": 3, "columns": "[]"}
    rows = [whole, whole | {"seq": 1, "columns": None}, whole | {"seq": 2, "schema": "columns/2"}]
    schema = pa.schema([(name, pa.string() if isinstance(v, str) else pa.int64()) for name, v in whole.items()])
    batches = pa.Table.from_pylist(
        [row | {"opened_ms": 0} for row in rows], schema=schema.append(pa.field("opened_ms", pa.int64()))
    )
    hot = batches.slice(0, 1).rename_columns(["rows" if n == "columns" else n for n in batches.column_names])
    hot = hot.append_column("trip", pa.nulls(1, pa.string()))
    kusto = Kusto({"Batches": batches, "Hot": hot})
    assert [row["seq"] for row in kusto("NullColumns()").to_pylist()] == [1]
    found = {row["source"]: row["reason"] for row in kusto("Refused()").to_pylist()}
    assert found == {
        "columns/1 1/1": "its samples are null: none came, or more than a dynamic value holds",
        "columns/2 1/2": "its schema columns/2 is not known; a newer reader is needed",
        "columns/1 1/0": "its schema columns/1 is not known; a newer reader is needed",
    }

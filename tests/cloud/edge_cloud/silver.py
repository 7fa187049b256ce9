"""Small lakes by hand: silver tables of a few rows, and what a query makes of them."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from edge_cloud import gold, tables
from edge_cloud.duck import Duck

NOON_S = 1_788_264_000
"""2026-09-01 12:00 UTC"""
DAY_S = 86_400
ROLES = pa.Table.from_pylist(
    [
        {"role": role, "signal": signal, "factor": 1.0, "rank": rank}
        for rank, (role, signal) in enumerate(
            [
                ("speed", "Motion.VehicleSpeed"),
                ("odometer", "Motion.Odometer"),
                ("power", "Battery.Power"),
                ("latitude", "Position.Latitude"),
                ("longitude", "Position.Longitude"),
            ],
            1,
        )
    ],
    schema=tables.ROLES,
)


def duck(found: Mapping[str, pa.Table]) -> Duck:
    """The engine over these tables; the others are empty, the roles are those of the made fleet."""
    empty = {name: schema.empty_table() for name, schema in {**tables.DECODED, "touched": gold.TOUCHED}.items()}
    return Duck({**empty, "roles": ROLES, **found})


def rows(name: str, found: Iterable[Mapping[str, object]]) -> pa.Table:
    """A silver table of rows that name only what matters."""
    schema = tables.DECODED[name]
    return pa.Table.from_pylist([{"device": "car", "boot": 1, "seq": 0, **row} for row in found], schema=schema)


def batch(seq: int, opened_s: float, closed_s: float, **also: object) -> dict[str, object]:
    """A row of `batches`; times in seconds since NOON_S."""
    times = {name: round((NOON_S + s) * 1e6) for name, s in (("opened", opened_s), ("closed", closed_s))}
    day = round(NOON_S + opened_s) // DAY_S
    return {"seq": seq, "schema": "columns/1", "body": b"x" * 5000, "day": day, **times, **also}


def boots_of_all_clocks() -> dict[int, dict[str, pa.Table]]:
    """What each boot of a car sent, a batch each: `Door` and a signal of its own, `Only.N`, of which the value is N.

    Boot 2 says the year 2260, boot 3 begins in 1970, boot 4 is an hour ahead; boot 6 is not synchronised and right all
    the same. Boot 5 is told without its arrival, and so is boot 8, which lies in 2261. Boot 7 came a week late.
    """
    of_2260, of_1970, day = 106_000.0 * DAY_S - NOON_S, -NOON_S, float(DAY_S)
    begun = {
        1: 0.0,
        2: of_2260,
        3: of_1970,
        4: 3 * day + 3600,
        5: 4 * day,
        6: 5 * day,
        7: 6 * day,
        8: of_2260 + 365 * day,
    }
    came = {1: 60.0, 2: day, 3: 2 * day, 4: 3 * day + 60, 6: 5 * day + 60, 7: 13 * day}
    found = {}
    for boot, s in begun.items():
        clock = "unsynced" if boot in {3, 6} else "system"
        at = came.get(boot)
        enqueued = None if at is None else round((NOON_S + at) * 1e6)
        points = [(s, 0.0), (s + 30, float(boot))]
        samples = [row for name in ("Door", f"Only.{boot}") for row in signal(name, points, boot=boot)]
        header = batch(0, s, s + 30, boot=boot, clock=clock, enqueued=enqueued)
        found[boot] = {"batches": rows("batches", [header]), "samples": rows("samples", samples)}
    return found


def signal(name: str, points: Sequence[tuple[float, float]], **also: object) -> list[dict[str, object]]:
    """Rows of `samples`; times in seconds since NOON_S."""
    each = {"signal": name, "unit": "", "agg": "last", "rule": "steady", **also}
    at = ((round((NOON_S + s) * 1e6), value) for s, value in points)
    return [{**each, "t": us, "value": value, "day": us // (DAY_S * 1_000_000)} for us, value in at]


def speed(points: Sequence[tuple[float, float]], **also: object) -> list[dict[str, object]]:
    return signal("Motion.VehicleSpeed", points, **also)

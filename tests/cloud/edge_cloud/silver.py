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


def signal(name: str, points: Sequence[tuple[float, float]], **also: object) -> list[dict[str, object]]:
    """Rows of `samples`; times in seconds since NOON_S."""
    each = {"signal": name, "unit": "", "agg": "last", "rule": "steady", **also}
    at = ((round((NOON_S + s) * 1e6), value) for s, value in points)
    return [{**each, "t": us, "value": value, "day": us // (DAY_S * 1_000_000)} for us, value in at]


def speed(points: Sequence[tuple[float, float]], **also: object) -> list[dict[str, object]]:
    return signal("Motion.VehicleSpeed", points, **also)

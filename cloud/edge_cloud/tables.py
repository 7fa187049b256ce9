"""The tables of the cloud half, the same by name, column and type in Delta, DuckDB, Spark, ADX and Power BI.

All are flat. Times are UTC, in microseconds (finer ones are cut off); `day` is the UTC day of a row, and what Delta
tables are partitioned by. A batch is named by `device`, `boot`, `seq`; of what came twice one row is kept.
"""

from typing import Final

import pyarrow as pa

TIME: Final = pa.timestamp("us", tz="UTC")

_KEY: Final = [pa.field("device", pa.string()), pa.field("boot", pa.int64()), pa.field("seq", pa.int64())]

BATCHES: Final = pa.schema(
    [
        *_KEY,
        ("module", pa.string()),
        ("schema", pa.string()),  # columns/1, rows/1, trip/1 or candump/1
        ("rule", pa.string()),
        ("kind", pa.string()),
        ("lane", pa.string()),
        ("priority", pa.int64()),
        ("purpose", pa.string()),
        ("config", pa.int64()),
        ("prev_boot", pa.int64()),
        ("prev_last_seq", pa.int64()),
        ("opened", TIME),
        ("closed", TIME),
        ("why", pa.string()),
        ("clock", pa.string()),
        ("uptime_ms", pa.int64()),
        ("epoch_ms", pa.int64()),
        ("kept", pa.int64()),
        ("enqueued", TIME),  # null where the file does not say
        ("source", pa.string()),
        ("body", pa.binary()),  # as it came: a later decoder can begin again
        ("day", pa.date32()),  # of `opened`; of frames (candump/1), which have no header, of `enqueued`
    ]
)
"""Bronze: one row a batch. A `candump/1` has null in everything that only a header tells."""

SAMPLES: Final = pa.schema(
    [
        *_KEY,
        ("rule", pa.string()),
        ("signal", pa.string()),
        ("unit", pa.string()),
        ("agg", pa.string()),  # last, first, min, max, mean or count
        ("max_error", pa.float64()),  # null where nothing is promised
        ("t", TIME),
        ("value", pa.float64()),  # number * factor + offset; null where that is no finite number
        (
            "text",
            pa.string(),
        ),  # the unscaled number's own digits, `nan`, `inf` or `-inf`, of a column that came as texts
        ("day", pa.date32()),  # of `t`
    ]
)
"""Silver: one row a sample."""

EVICTIONS: Final = pa.schema(
    [
        *_KEY,  # of the batch that tells
        ("lost_boot", pa.int64()),
        ("from_seq", pa.int64()),
        ("to_seq", pa.int64()),  # included
        ("why", pa.string()),
        ("day", pa.date32()),
    ]
)
"""Silver: ranges of batches that will not arrive, as a batch told them; they may overlap."""

BUSES: Final = pa.schema(
    [
        *_KEY,
        ("bus", pa.string()),
        ("seen", pa.int64()),
        ("decoded", pa.int64()),
        ("unknown", pa.int64()),
        ("wrong_length", pa.int64()),
        ("dropped", pa.int64()),
        ("remote", pa.int64()),
        ("error", pa.int64()),
        ("incomplete", pa.int64()),
        ("out_of_range", pa.int64()),
        ("missed", pa.int64()),
        ("state", pa.string()),
        ("load_percent", pa.float64()),
        ("day", pa.date32()),
    ]
)
"""Silver: frames of every bus since the start of the boot, as a batch tells them."""

FIRINGS: Final = pa.schema([*_KEY, ("rule", pa.string()), ("kind", pa.string()), ("fired", TIME), ("day", pa.date32())])
"""Silver: when an event or a snapshot fired; one instant stands in several batches where its window did not fit one."""

TRIP_REPORTS: Final = pa.schema(
    [
        *_KEY,
        ("id", pa.string()),
        ("started", TIME),
        ("ended", TIME),
        ("km", pa.float64()),
        ("kwh", pa.float64()),
        ("max_kmh", pa.float64()),
        ("harsh", pa.int64()),  # accelerations, brakes and corners
        ("completeness", pa.float64()),  # share of the trip's time that the car itself heard, 0..1
        ("summary", pa.string()),  # the report's own JSON
        ("day", pa.date32()),  # of `started`
    ]
)
"""Silver: trips as the head unit summed them up; the same `id` of a device may come twice."""

REFUSED: Final = pa.schema(
    [
        ("source", pa.string()),
        ("enqueued", TIME),
        ("device", pa.string()),
        ("reason", pa.string()),
        ("body", pa.binary()),
        ("day", pa.date32()),  # of `enqueued`; 1970-01-01 where that is not known
    ]
)
"""What was no payload, or another batch by the name of one before it, with the reason: kept, so that it is not lost."""

GAPS: Final = pa.schema(
    [
        ("device", pa.string()),
        ("boot", pa.int64()),
        ("from_seq", pa.int64()),
        ("to_seq", pa.int64()),  # included
        ("batches", pa.int64()),
        ("place", pa.string()),  # middle, tail (the end of a boot), boot (nothing of it arrived)
        ("why", pa.string()),  # as an eviction names it; `unknown` where none does
        ("after", TIME),  # last sample before it; null where there is none
        ("before", TIME),  # first sample after it; null where there is none
    ]
)
"""Gold: batches that have not arrived; a range with one reason."""

COMPLETENESS: Final = pa.schema(
    [
        ("device", pa.string()),
        ("boot", pa.int64()),
        ("first", TIME),  # first and last sample of the boot that arrived; null where nothing of it did
        ("last", TIME),
        ("last_seq", pa.int64()),  # the highest that is known to have been
        ("got", pa.int64()),
        ("lost", pa.int64()),
        ("told", pa.int64()),  # of the lost, those with a reason
        ("completeness", pa.float64()),  # got / (got + lost), 0..1
    ]
)
"""Gold: one row a boot."""

TRIPS: Final = pa.schema(
    [
        ("device", pa.string()),
        ("trip", pa.int64()),  # its start, ms since the Unix epoch: with the device its name
        ("boot", pa.int64()),
        ("started", TIME),
        ("ended", TIME),
        ("minutes", pa.float64()),
        ("km", pa.float64()),  # null where neither odometer nor speed tells
        ("km_source", pa.string()),  # odometer, speed or position
        ("kwh", pa.float64()),  # out of the battery; null where nothing tells
        ("mean_kmh", pa.float64()),
        ("max_kmh", pa.float64()),
        ("harsh", pa.int64()),
        ("samples", pa.int64()),
        ("got", pa.int64()),  # batches
        ("lost", pa.int64()),
        ("completeness", pa.float64()),  # 0..1; below 1 every figure of the row is of what arrived
        ("day", pa.date32()),  # of `started`
    ]
)
"""Gold: one row a trip: a run of the speed's samples without a pause of five minutes, in which the car moved."""

DAILY: Final = pa.schema(
    [
        ("device", pa.string()),
        ("day", pa.date32()),
        ("trips", pa.int64()),
        ("minutes", pa.float64()),
        ("km", pa.float64()),
        ("kwh", pa.float64()),
        ("harsh", pa.int64()),
        ("samples", pa.int64()),
        ("got", pa.int64()),
        ("lost", pa.int64()),
        ("completeness", pa.float64()),
        ("body_bytes", pa.int64()),  # of the batches that arrived
        ("blocks", pa.int64()),  # of 4 KiB, as IoT Hub meters messages
    ]
)
"""Gold: one row a device and UTC day."""

LAST_KNOWN: Final = pa.schema(
    [
        ("device", pa.string()),
        ("signal", pa.string()),
        ("unit", pa.string()),
        ("t", TIME),  # in 1970 where nobody knows when it was: the clock was ahead of the arrival (sql/last_known.sql)
        ("value", pa.float64()),
        ("text", pa.string()),
    ]
)
"""Gold: the newest sample of each signal; aggregates of a window are left out but for `last`."""

ROLES: Final = pa.schema(
    [
        (
            "role",
            pa.string(),
        ),  # speed (km/h), odometer (km), power (kW, out of the battery), latitude, longitude (deg), ...
        ("signal", pa.string()),
        ("factor", pa.float64()),  # of the signal's unit to the role's
        ("rank", pa.int64()),  # from 1: the row's number in the file that people edit, which has no such column
    ]
)
"""Dimension: which signal of which make plays which role; the lowest rank that a trip has."""

VEHICLES: Final = pa.schema(
    [
        ("device", pa.string()),
        ("name", pa.string()),
        ("brand", pa.string()),
        ("model", pa.string()),
        ("fleet", pa.string()),
    ]
)
"""Dimension: what somebody wrote down of each vehicle; one that nobody wrote down has its device id as name."""

ACCESS: Final = pa.schema([("user", pa.string()), ("brand", pa.string()), ("fleet", pa.string())])
"""Dimension: who sees which vehicles of a report, by sign-in name; an empty brand or fleet is all of them.

One row a permission; whoever has no row sees no vehicle. Without the file, nobody who is held to a role does.
"""

COSTS: Final = pa.schema(
    [
        ("device", pa.string()),
        ("month", pa.date32()),  # its first day
        ("blocks", pa.int64()),
        ("body_bytes", pa.int64()),
        ("rows", pa.int64()),
        ("messages", pa.int64()),
        ("price", pa.float64()),  # in the tariff's currency, the share of the fleet's bill
        ("currency", pa.string()),
    ]
)
"""Gold: what each vehicle's messages cost, by a dated tariff."""

DECODED: Final = {
    "batches": BATCHES,
    "samples": SAMPLES,
    "evictions": EVICTIONS,
    "buses": BUSES,
    "firings": FIRINGS,
    "trip_reports": TRIP_REPORTS,
    "refused": REFUSED,
}
"""What a decoder makes of messages; partitioned by `day`."""

GOLD: Final = {
    "gaps": GAPS,
    "completeness": COMPLETENESS,
    "trips": TRIPS,
    "daily": DAILY,
    "last_known": LAST_KNOWN,
    "costs": COSTS,
}
"""What is made of those by the queries of `edge_cloud/sql`."""

DIMENSIONS: Final = {"roles": ROLES, "vehicles": VEHICLES, "access": ACCESS}
"""What people write."""

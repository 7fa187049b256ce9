"""The payload `columns/1`: one JSON object, one newline, gzip. Pure. Schema: docs/columns-1.schema.json.

One column a signal and aggregate: times as differences, raw integers as differences, so that equal steps compress to
nothing.
Every column has the same keys with fixed types, and exactly one of `raw`, `val`, `str` is filled:

    raw[]   integers: the first absolute, then differences
    val[]   numbers: a float signal's values, each absolute; NaN and infinities, which JSON lacks, make it `str`
    str[]   decimal texts, each absolute: integers that may lie beyond 2^53, where readers with doubles go wrong

`dt[0]` is 0 and `t0` absolute, in the unit `tu`. value = number * factor + offset.

Bounds, each from a reader's trap: the JSON before gzip stays below 900 KB (Azure Data Explorer turns a larger
dynamic value into null), the message below 240 KB (IoT Hub takes 256 KB with its properties). The rule's
`max_bytes` bounds the JSON to 500 KB, which in decimal digits gzips to under 230 KB at worst.
"""

import gzip
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge_agent.records import (
    Batch,
    BootInfo,
    ClockQuality,
    Column,
    Envelope,
    EnvelopeKey,
    Lane,
    LostRange,
    RawKind,
    TimeUnit,
)
from edge_agent.spool.candump import CANDUMP, candump
from edge_agent.spool.header import JsonValue, Sender, header
from edge_agent.spool.rows import rows

COLUMNS = "columns/1"
ROWS = "rows/1"
TRIP = "trip/1"
JSON_LIMIT_BYTES = 900_000
EXACT_IN_DOUBLE = 1 << 53
"""largest magnitude up to which every integer is a double (IEEE 754 binary64)"""


def seal(batch: Batch, sender: Sender, boot: BootInfo, lost: Sequence[LostRange]) -> Envelope:
    """The batch as it travels and lies on disk: columns, gzipped, for the warm lane; plain rows for the hot one.

    A capture is a log of frames as it is: it tells of nothing lost. A trip is plain JSON with the same header as rows.
    """
    if batch.frames is not None:
        payload = candump(batch.frames, [name for name, _ in batch.counts])
        return replace(_envelope(batch, boot, (), CANDUMP, payload), content_type="text/plain", content_encoding="gzip")
    if batch.trip is not None:
        body = header(batch, sender, boot, lost, TRIP) | {"id": batch.trip.id, "trip": dict(batch.trip.fields)}
        return _envelope(batch, boot, lost, TRIP, _json_line(body))
    if batch.rule.lane is Lane.HOT:
        body = header(batch, sender, boot, lost, ROWS) | {"rows": rows(batch)}
        return _envelope(batch, boot, lost, ROWS, _json_line(body))
    # One column after the other: all numbers of a batch as Python's own would hold 10 MB for good.
    columns = ",".join(_json(_column(column, batch.rule.time_unit)) for column in batch.columns)
    text = f'{_json(header(batch, sender, boot, lost, COLUMNS))[:-1]},"columns":[{columns}]}}\n'
    # mtime=0: equal batches give equal bytes, which golden files rely on.
    payload = gzip.compress(_judged(text.encode()), compresslevel=6, mtime=0)
    return _envelope(batch, boot, lost, COLUMNS, payload)


def _envelope(batch: Batch, boot: BootInfo, lost: Sequence[LostRange], schema: str, payload: bytes) -> Envelope:
    return Envelope(
        key=EnvelopeKey(boot.boot, batch.seq),
        priority=batch.rule.priority,
        lane=batch.rule.lane,
        rule=batch.rule.name,
        schema=schema,
        content_type="application/json",
        content_encoding="gzip" if schema == COLUMNS else "utf-8",
        payload=payload,
        tells=tuple(lost),
        upload=batch.rule.upload,
        retention=batch.rule.retention,
        closed_ns=0 if batch.clock is ClockQuality.UNSYNCED else batch.closed_ns,
        purposes=batch.rule.purposes,
    )


def _json_line(body: dict[str, JsonValue]) -> bytes:
    """One line: gzip members put one after the other are then JSON Lines."""
    return _judged(f"{_json(body)}\n".encode())


def _json(body: dict[str, JsonValue]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _judged(data: bytes) -> bytes:
    if len(data) > JSON_LIMIT_BYTES:
        raise AssertionError(f"a payload of {len(data)} bytes: the rule's max_bytes should have sealed it earlier")
    return data


def _column(column: Column, unit: TimeUnit) -> dict[str, JsonValue]:
    signal = column.signal
    t = column.t_ns // int(unit)
    numbers: dict[str, JsonValue] = {"raw": [], "val": [], "str": []}
    if signal.kind is RawKind.FLOAT:
        values = column.raw.view(np.float64).tolist()
        finite = all(map(math.isfinite, values))
        numbers["val" if finite else "str"] = values if finite else [repr(value) for value in values]
    elif _needs_text(column):
        raw = column.raw.view(np.uint64) if signal.kind is RawKind.UNSIGNED else column.raw
        numbers["str"] = [str(number) for number in raw.tolist()]
    else:
        numbers["raw"] = np.diff(column.raw, prepend=0).tolist()
    return {
        "name": signal.name,
        "unit": signal.unit,
        "factor": signal.factor,
        "offset": signal.offset,
        "agg": column.aggregate,
        "max_error": column.max_error,
        "tu": unit.name.lower(),
        "t0": int(t[0]),
        "dt": np.diff(t, prepend=t[0]).tolist(),
        **numbers,
    }


def _needs_text(column: Column) -> bool:
    """Whether a number or a difference may lie beyond 2^53; decided by the signal's length, so the type is fixed."""
    return 1 << column.signal.bits > EXACT_IN_DOUBLE

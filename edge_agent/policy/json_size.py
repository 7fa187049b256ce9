"""Upper bounds on the JSON that kept samples become, so that a batch is sealed before it is too large. Pure.

The encoders are `spool/columns.py` (warm lane) and `spool/rows.py` (hot lane); tests hold these bounds against them.
No bound depends on the order of the samples: a late one may come to stand between two others.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.rules import BatchLimits, ColumnInfo
from edge_agent.records import I64, Lane, RawKind, SignalInfo, TimeUnit

LONGEST_NUMBER = -2.2250738585072014e-308
"""the float64 with the longest repr: 24 characters"""
LONGEST_TIME = -(1 << 63)
FLOAT_BYTES = 27
"""the longest float64 in quotes (a NaN makes its column texts), and a comma"""
TEXT_BYTES = 23
"""-9223372036854775808 in quotes, and a comma"""
EXACT_BITS = 53
"""longer integers travel as texts"""


@dataclass(frozen=True, slots=True, eq=False)
class JsonSizes:
    """Bytes at most, for each column of a rule."""

    first: I64
    """what a column's first sample adds beyond `each`"""
    each: I64
    """what every sample adds"""


def json_sizes(columns: Sequence[ColumnInfo], limits: BatchLimits, lane: Lane, unit: TimeUnit) -> JsonSizes:
    """Bounds for a batch of these columns whose samples lie within `max_age_ns` of its first, before or after."""
    if lane is Lane.HOT:
        each = [_row_bytes(column) for column in columns]
        return JsonSizes(np.zeros(len(columns), np.int64), np.array(each, np.int64))
    first = [_column_bytes(column, unit) for column in columns]
    # Two times that lie closer than 2 * max_age are, each cut off to its unit, at most one unit further apart.
    time_bytes = len(f"{2 * limits.max_age_ns // unit + 1},")
    each = [time_bytes + _number_bytes(column.signal) for column in columns]
    return JsonSizes(np.array(first, np.int64), np.array(each, np.int64))


def _column_bytes(column: ColumnInfo, unit: TimeUnit) -> int:
    """A column without its samples, and a comma."""
    signal = column.signal
    head = {"name": signal.name, "unit": signal.unit, "factor": signal.factor, "offset": signal.offset}
    told = {"agg": column.aggregate.value, "max_error": column.max_error, "tu": unit.name.lower(), "t0": LONGEST_TIME}
    return _bytes(head | told | {"dt": [], "raw": [], "val": [], "str": []})


def _row_bytes(column: ColumnInfo) -> int:
    """A row of one signal, and a comma."""
    signals = {column.signal.name: LONGEST_NUMBER}
    return _bytes({"t": LONGEST_TIME // TimeUnit.MS, "agg": column.aggregate.value, "signals": signals})


def _bytes(part: dict[str, object]) -> int:
    return len(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()) + 1


def _number_bytes(signal: SignalInfo) -> int:
    """A number and its comma; a difference of two integers is as long as the widest of them, and has a sign."""
    if signal.kind is RawKind.FLOAT:
        return FLOAT_BYTES
    return TEXT_BYTES if signal.bits > EXACT_BITS else len(f"-{2**signal.bits - 1},")

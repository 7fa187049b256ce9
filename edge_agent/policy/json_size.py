"""Upper bounds on the JSON that kept samples become, so that a batch is sealed before it is too large. Pure.

The encoders are `spool/columns.py` (warm lane) and `spool/rows.py` (hot lane); tests hold these bounds against them.
No bound depends on the order of the samples: a late one may come to stand between two others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.rules import BatchLimits
from edge_agent.records import I64, Lane, RawKind, SignalInfo, TimeUnit

COLUMN_BYTES = 211
"""a column without its name, unit and samples: -2.2250738585072014e-308 as factor and offset, 2.2250738585072014e-308
as bound, 20 characters of `t0`"""
ROW_BYTES = 75
"""a row of one signal without its name: 14 characters of `t`, 24 of the value"""
FLOAT_BYTES = 27
"""the longest repr of a float64, -2.2250738585072014e-308, in quotes (a NaN makes its column texts), and a comma"""
TEXT_BYTES = 23
"""-9223372036854775808 in quotes, and a comma"""
EXACT_BITS = 53
"""longer integers travel as texts"""


@dataclass(frozen=True, slots=True, eq=False)
class JsonSizes:
    """Bytes at most, for each signal of a rule."""

    first: I64
    """what a signal's first sample adds beyond `each`"""
    each: I64
    """what every sample adds"""


def json_sizes(signals: Sequence[SignalInfo], limits: BatchLimits, lane: Lane, unit: TimeUnit) -> JsonSizes:
    """Bounds for a batch of these signals whose samples lie within `max_age_ns` of its first, before or after."""
    if lane is Lane.HOT:
        each = [ROW_BYTES + _text_bytes(signal.name) for signal in signals]
        return JsonSizes(np.zeros(len(signals), np.int64), np.array(each, np.int64))
    first = [COLUMN_BYTES + _text_bytes(signal.name) + _text_bytes(signal.unit) for signal in signals]
    # Two times that lie closer than 2 * max_age are, each cut off to its unit, at most one unit further apart.
    time_bytes = len(f"{2 * limits.max_age_ns // unit + 1},")
    each = [time_bytes + _number_bytes(signal) for signal in signals]
    return JsonSizes(np.array(first, np.int64), np.array(each, np.int64))


def _number_bytes(signal: SignalInfo) -> int:
    """A number and its comma; a difference of two integers is as long as the widest of them, and has a sign."""
    if signal.kind is RawKind.FLOAT:
        return FLOAT_BYTES
    return TEXT_BYTES if signal.bits > EXACT_BITS else len(f"-{2**signal.bits - 1},")


def _text_bytes(text: str) -> int:
    """Every character escaped at worst."""
    return 6 * len(text)

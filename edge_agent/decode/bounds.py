"""A database's minimum and maximum of a signal, as raw numbers first and as scaled values last. Pure.

A bound is kept as a raw number, since that is what a mapping to other units leaves as it is, and only where the field
can go beyond it: most minima and maxima in the field say no more than how long the field is.
"""

import math
from fractions import Fraction

from edge_agent.decode.catalog import Message, Signal
from edge_agent.decode.formula import exact
from edge_agent.records import RawKind

Bound = float | None

_PRECISION = {16: 2.0**-11, 32: 2.0**-24, 64: 2.0**-53}
"""how far a float field's number may be from the decimal one in the database, by its bits"""


def raw_bounds(signal: Signal, minimum: Bound, maximum: Bound) -> tuple[Bound, Bound]:
    """The smallest and the largest raw number within a database's minimum and maximum of scaled values.

    None where it says nothing, or what the field cannot break. A minimum that is not below its maximum says nothing:
    `[0|0]` is how a DBC leaves the range open.
    """
    minimum, maximum = _finite(minimum), _finite(maximum)
    if not signal.factor or (minimum is not None and maximum is not None and minimum >= maximum):
        return None, None
    low, high = _raw(signal, minimum), _raw(signal, maximum)
    if signal.factor < 0:
        low, high = high, low
    if signal.kind is RawKind.FLOAT:
        return _as_float(low), _as_float(high)
    least = -(1 << signal.field.bits - 1) if signal.kind is RawKind.SIGNED else 0
    most = least + (1 << signal.field.bits) - 1
    return (
        None if low is None or math.ceil(low) <= least else math.ceil(low),
        None if high is None or math.floor(high) >= most else math.floor(high),
    )


def value_bounds(signal: Signal) -> tuple[float, float]:
    """Scaled values below or above which a sample is out of range; infinite where nothing is said.

    They lie half a step of the raw number beyond the bound, so that no rounding decides. Of what a table made of raw
    values a database says nothing.
    """
    if signal.relabel:
        return -math.inf, math.inf
    ends = sorted(
        end * signal.factor + signal.offset
        for end in (_beyond(signal, signal.lowest, -1), _beyond(signal, signal.highest, 1))
    )
    return ends[0], ends[1]


def absent_from(message: Message, signal: Signal) -> float:
    """The scaled value from which on a J1939 signal says that it is not available, not that it is out of range.

    The highest byte is all ones, or of a shorter field all of it (SAE J1939-71, 5.1.4). Not a number for others.
    """
    bits = signal.field.bits
    if not message.j1939 or signal.kind is not RawKind.UNSIGNED or signal.factor <= 0:
        return math.nan
    marked = min(bits, 8)
    return ((((1 << marked) - 1) << bits - marked) - 0.5) * signal.factor + signal.offset


def _beyond(signal: Signal, bound: Bound, direction: int) -> float:
    if bound is None:
        return direction * math.inf
    margin = abs(bound) * _PRECISION[signal.field.bits] if signal.kind is RawKind.FLOAT else 0.5
    return bound + direction * margin


def _finite(bound: Bound) -> Bound:
    return bound if bound is not None and math.isfinite(bound) else None


def _raw(signal: Signal, bound: Bound) -> Fraction | None:
    return None if bound is None else (exact(bound) - exact(signal.offset)) / exact(signal.factor)


def _as_float(bound: Fraction | None) -> Bound:
    try:
        return None if bound is None else float(bound)
    except OverflowError:
        return None

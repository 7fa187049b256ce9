"""What a mapping's transform makes of one signal: another signal of the same field, exact to the bit. Pure.

- a formula that is a line goes into factor and offset; the raw integers stay as they are on the bus;
- a formula that bends (`floor`, `abs`, ...) is worked out for each raw value a short field can have;
- a table of values or labels replaces raw values. Texts become their places in the node's `allowed` list, so that
  two brands mean the same by the same number; where the tree allows any text, the database's numbers stay.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from edge_agent.decode.catalog import Signal
from edge_agent.decode.formula import Formula, exact
from edge_agent.decode.relabel import FIELD_BITS, relabel
from edge_agent.decode.vss import Pair, Scalar, Transform, VssNode
from edge_agent.records import RawKind

TABLE_BITS = 16
"""longest field for which a bent formula is worked out: 65 536 values, a few milliseconds"""
EXACT_IN_DOUBLE = 1 << 53


class CannotConvert(ValueError):  # noqa: N818  becomes a remark
    """Not without bending what the signal says; the text is the reason."""


class NeedsFloats(CannotConvert):
    """A formula whose results no integers of the field can stand for."""


def converted(signal: Signal, transform: Transform | None, node: VssNode) -> Signal:
    """A signal as a node wants it. Raises CannotConvert, NeedsFloats among it, or BadFormula."""
    signal = dataclasses.replace(signal, unit=node.unit or signal.unit)
    if transform and transform.math is not None:
        return _calculated(Formula(transform.math), signal)
    if transform and transform.mapping is not None:
        return _translated(_pairs(transform.mapping, signal), node.allowed, signal)
    if node.datatype == "string" and set(signal.labels.values()) & set(node.allowed):
        # Without a transform a text signal takes the database's labels as they are.
        return _translated(signal.labels, node.allowed, signal)
    return signal


def raw_of(value: float, signal: Signal) -> int | None:
    """The raw integer of a value, if there is one within the field."""
    if not signal.factor:
        return None
    raw = (exact(value) - exact(signal.offset)) / exact(signal.factor)
    lowest = -(1 << signal.field.bits - 1) if signal.kind is RawKind.SIGNED else 0
    return int(raw) if raw.denominator == 1 and lowest <= raw < lowest + (1 << signal.field.bits) else None


def _calculated(formula: Formula, signal: Signal) -> Signal:
    line = formula.line()
    if line is None:
        return _tabulated(formula, signal)
    try:
        factor = float(exact(signal.factor) * line.slope)
        offset = float(exact(signal.offset) * line.slope + line.height)
    except OverflowError as error:
        raise CannotConvert("its formula makes a factor or an offset that is too large") from error
    return dataclasses.replace(signal, factor=factor, offset=offset)


def _tabulated(formula: Formula, signal: Signal) -> Signal:
    bits = signal.field.bits
    if signal.kind is RawKind.FLOAT or bits > TABLE_BITS:
        raise NeedsFloats(f"its formula is no line of x, which works for integers of up to {TABLE_BITS} bits")
    lowest = -(1 << bits - 1) if signal.kind is RawKind.SIGNED else 0
    raw = np.arange(lowest, lowest + (1 << bits))
    values = formula.values({"x": raw.astype(np.float64) * signal.factor + signal.offset})
    has_value = np.isfinite(values)
    raw, values = raw[has_value], values[has_value]
    if not len(raw) or (values != np.rint(values)).any() or (np.abs(values) > EXACT_IN_DOUBLE).any():
        raise NeedsFloats("its formula is no line of x and has values that are no integers")
    pairs = dict(zip(raw.tolist(), values.astype(np.int64).tolist(), strict=True))
    return _relabelled(signal, pairs, 1.0, {})


def _pairs(mapping: Sequence[Pair], signal: Signal) -> dict[int, Scalar]:
    """What each raw value becomes; of several lines for one value the first counts."""
    of_label = {label: raw for raw, label in reversed(list(signal.labels.items()))}
    found: dict[int, Scalar] = {}
    for pair in mapping:
        raw = of_label.get(pair.from_) if isinstance(pair.from_, str) else raw_of(pair.from_, signal)
        if raw is None:
            known = ", ".join(signal.labels.values()) or "none"
            reason = f"no label (labels: {known})" if isinstance(pair.from_, str) else "no value it can have"
            raise CannotConvert(f"{pair.from_!r} of its mapping is {reason} of signal {signal.name!r}")
        found.setdefault(raw, pair.to)
    return found


def _translated(pairs: Mapping[int, Scalar], allowed: Sequence[Scalar], signal: Signal) -> Signal:
    if signal.kind is RawKind.FLOAT or signal.field.bits > FIELD_BITS:
        raise CannotConvert(f"its mapping needs an integer signal of up to {FIELD_BITS} bits")
    texts = {raw: to for raw, to in pairs.items() if isinstance(to, str)}
    if texts and len(texts) < len(pairs):
        raise CannotConvert("its mapping has texts and numbers")
    if texts:
        return _as_texts(texts, allowed, signal)
    numbers = {raw: exact(to) for raw, to in pairs.items() if not isinstance(to, str)}
    factor = Fraction(1, math.lcm(*(_power_of_ten(number) for number in numbers.values())))
    return _relabelled(signal, {raw: int(number / factor) for raw, number in numbers.items()}, float(factor), {})


def _as_texts(texts: Mapping[int, str], allowed: Sequence[Scalar], signal: Signal) -> Signal:
    if not allowed:
        return _relabelled(signal, {raw: raw for raw in texts}, 1.0, texts)
    places = {str(text): place for place, text in enumerate(allowed)}
    strange = [text for text in texts.values() if text not in places]
    if strange:
        raise CannotConvert(f"{strange[0]!r} is none of the texts the tree allows: {', '.join(places)}")
    labels = {place: text for text, place in places.items()}
    return _relabelled(signal, {raw: places[text] for raw, text in texts.items()}, 1.0, labels)


def _power_of_ten(number: Fraction) -> int:
    """Smallest power of ten that makes a decimal an integer."""
    power = 1
    while (number * power).denominator != 1:
        power *= 10
    return power


def _relabelled(signal: Signal, pairs: Mapping[int, int], factor: float, labels: Mapping[int, str]) -> Signal:
    if max(map(abs, pairs.values())) > EXACT_IN_DOUBLE or not factor:
        raise CannotConvert("a number of its mapping is beyond 2^53, or has too many decimals")
    return dataclasses.replace(signal, factor=factor, offset=0.0, labels=labels, relabel=relabel(pairs))

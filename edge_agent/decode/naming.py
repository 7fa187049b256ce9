"""A bus's signals under their VSS paths: mapped databases are databases again, and nothing after them knows. Pure.

What a mapping changes is decided here, once, in exact decimals:

- a formula that is a line goes into factor and offset; the raw integers stay as they are on the bus;
- a formula that bends (`floor`, `abs`, ...) is worked out for each raw value a short field can have;
- a table of values or labels replaces raw values. Texts become their places in the node's `allowed` list, so that
  two brands mean the same by the same number; where the tree allows any text, the database's numbers stay.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from edge_agent.decode.catalog import Database, Message, Selector, Signal, by_id, nearest
from edge_agent.decode.formula import BadFormula, Formula, exact
from edge_agent.decode.relabel import FIELD_BITS, relabel
from edge_agent.decode.vss import Pair, Scalar, VssEntry, VssMapping
from edge_agent.records import RawKind

TABLE_BITS = 16
"""longest field for which a bent formula is worked out: 65 536 values, a few milliseconds"""
EXACT_IN_DOUBLE = 1 << 53


class _Refused(Exception):  # noqa: N818  becomes a remark
    """Why one entry cannot be used."""


def mapped(databases: Sequence[Database], mapping: VssMapping) -> tuple[list[Database], tuple[str, ...]]:
    """One bus's databases with mapped signals under their paths, and a sentence on each path that is left out."""
    at: dict[str, list[Message]] = {}
    for message in by_id(databases):
        for signal in message.signals:
            at.setdefault(signal.name, []).append(message)
    found: dict[tuple[int, str], list[Signal]] = {}
    remarks, paths = [], set[str]()
    for entry in mapping.entries:
        if entry.path in paths:
            remarks.append(f"{entry.path}: is in the mapping twice; the first is used")
            continue
        try:
            message, signal = _source(entry, at)
            new = dataclasses.replace(_converted(entry, signal), path=entry.path)
            new = dataclasses.replace(new, selectors=(*signal.selectors, *_selectors(entry, message)))
        except (_Refused, BadFormula) as refusal:
            remarks.append(f"{entry.path}: {refusal}")
            continue
        paths.add(entry.path)
        found.setdefault((message.can_id, signal.name), []).append(new)
    return [_with(database, found) for database in databases], tuple(remarks)


def _with(database: Database, found: Mapping[tuple[int, str], Sequence[Signal]]) -> Database:
    messages = tuple(
        dataclasses.replace(
            message,
            signals=tuple(new for old in message.signals for new in found.get((message.can_id, old.name), (old,))),
        )
        for message in database.messages
    )
    return dataclasses.replace(database, messages=messages)


def _source(entry: VssEntry, at: Mapping[str, Sequence[Message]]) -> tuple[Message, Signal]:
    name, wanted = entry.source.signal, entry.source.message
    messages = [message for message in at.get(name, ()) if wanted in ("", message.name)]
    if not messages:
        written = f"{wanted}.{name}" if wanted else name
        raise _Refused(f"no signal {written!r} in the databases{_nearest(entry, at)}")
    if len(messages) > 1:
        known = ", ".join(message.name for message in messages)
        raise _Refused(f"signal {name!r} is in the messages {known}; say which with `message`")
    return messages[0], _named(messages[0], name)


def _nearest(entry: VssEntry, at: Mapping[str, Sequence[Message]]) -> str:
    if not at:
        return ", of which none could be loaded"
    if entry.source.message:
        known: Iterable[str] = [f"{message.name}.{name}" for name, messages in at.items() for message in messages]
        found = nearest(f"{entry.source.message}.{entry.source.signal}", known)
    else:
        found = nearest(entry.source.signal, at)
    return f"; nearest: {', '.join(found)}" if found else ""


def _named(message: Message, name: str) -> Signal:
    return next(signal for signal in message.signals if signal.name == name)


def _selectors(entry: VssEntry, message: Message) -> list[Selector]:
    """One a multiplexer the mapping names: its value, as the database scales it, by the number on the bus."""
    found = []
    for one in entry.source.multiplexer:
        signal = next((signal for signal in message.signals if signal.name == one.signal), None)
        if signal is None:
            raise _Refused(f"its multiplexer {one.signal!r} is not in message {message.name}")
        raw = _raw_of(one.value, signal)
        if raw is None or signal.kind is RawKind.FLOAT:
            raise _Refused(f"its multiplexer {one.signal!r} can never be {one.value}")
        found.append(Selector(signal.field, ((raw % (1 << signal.field.bits),) * 2,)))
    return found


def _converted(entry: VssEntry, signal: Signal) -> Signal:
    signal = dataclasses.replace(signal, unit=entry.node.unit or signal.unit)
    transform = entry.source.transform
    if transform and transform.math is not None:
        return _computed(Formula(transform.math), signal)
    if transform and transform.mapping is not None:
        return _translated(_pairs(transform.mapping, signal), entry.node.allowed, signal)
    if entry.node.datatype == "string" and set(signal.labels.values()) & set(entry.node.allowed):
        # Without a transform a text signal takes the database's labels as they are.
        return _translated(signal.labels, entry.node.allowed, signal)
    return signal


def _computed(formula: Formula, signal: Signal) -> Signal:
    line = formula.line()
    if line is None:
        return _tabulated(formula, signal)
    try:
        factor = float(exact(signal.factor) * line.slope)
        offset = float(exact(signal.offset) * line.slope + line.height)
    except OverflowError as error:
        raise _Refused("its formula makes a factor or an offset that is too large") from error
    return dataclasses.replace(signal, factor=factor, offset=offset)


def _tabulated(formula: Formula, signal: Signal) -> Signal:
    bits = signal.field.bits
    if signal.kind is RawKind.FLOAT or bits > TABLE_BITS:
        raise _Refused(f"its formula is no line of x, which works for integers of up to {TABLE_BITS} bits")
    lowest = -(1 << bits - 1) if signal.kind is RawKind.SIGNED else 0
    raw = np.arange(lowest, lowest + (1 << bits))
    values = formula.values(raw.astype(np.float64) * signal.factor + signal.offset)
    has_value = np.isfinite(values)
    raw, values = raw[has_value], values[has_value]
    if not len(raw) or (values != np.rint(values)).any() or (np.abs(values) > EXACT_IN_DOUBLE).any():
        raise _Refused("its formula is no line of x and has values that are no integers")
    pairs = dict(zip(raw.tolist(), values.astype(np.int64).tolist(), strict=True))
    return _relabelled(signal, pairs, 1.0, {})


def _pairs(mapping: Sequence[Pair], signal: Signal) -> dict[int, Scalar]:
    """What each raw value becomes; of several lines for one value the first counts."""
    raw_of = {label: raw for raw, label in reversed(list(signal.labels.items()))}
    found: dict[int, Scalar] = {}
    for pair in mapping:
        raw = raw_of.get(pair.from_) if isinstance(pair.from_, str) else _raw_of(pair.from_, signal)
        if raw is None:
            known = ", ".join(signal.labels.values()) or "none"
            reason = f"no label (labels: {known})" if isinstance(pair.from_, str) else "no value it can have"
            raise _Refused(f"{pair.from_!r} of its mapping is {reason} of signal {signal.name!r}")
        found.setdefault(raw, pair.to)
    return found


def _raw_of(value: float, signal: Signal) -> int | None:
    """The raw integer of a value, if there is one within the field."""
    if not signal.factor:
        return None
    raw = (exact(value) - exact(signal.offset)) / exact(signal.factor)
    lowest = -(1 << signal.field.bits - 1) if signal.kind is RawKind.SIGNED else 0
    return int(raw) if raw.denominator == 1 and lowest <= raw < lowest + (1 << signal.field.bits) else None


def _translated(pairs: Mapping[int, Scalar], allowed: Sequence[Scalar], signal: Signal) -> Signal:
    if signal.kind is RawKind.FLOAT or signal.field.bits > FIELD_BITS:
        raise _Refused(f"its mapping needs an integer signal of up to {FIELD_BITS} bits")
    texts = {raw: to for raw, to in pairs.items() if isinstance(to, str)}
    if texts and len(texts) < len(pairs):
        raise _Refused("its mapping has texts and numbers")
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
        raise _Refused(f"{strange[0]!r} is none of the texts the tree allows: {', '.join(places)}")
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
        raise _Refused("a number of its mapping is beyond 2^53, or has too many decimals")
    return dataclasses.replace(signal, factor=factor, offset=0.0, labels=labels, relabel=relabel(pairs))

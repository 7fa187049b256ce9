"""Flat tables: what the decoder gathers, shifts and masks, compiled once a configuration. Pure.

One *row* a wanted signal and a way it is present. The rows of a node (a message, or a message with one value of its
multiplexer) stand together, so a node is `start` and `count` into them (CSR). A payload is read as aligned 64-bit
words, each in both byte orders: word `2w` little-endian, `2w + 1` big-endian; a field that crosses a word
(CAN FD only) has its rest in the next word of the same order.

Measured for these tables and this layout against loops by arbitration id: see `make bench`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from edge_agent.decode.catalog import BitField, Catalog, Entry, Selector, entry_of
from edge_agent.decode.computed import Computing, compile_computing
from edge_agent.decode.expected import Expected, compile_expected
from edge_agent.decode.j1939 import group_of, without_priority
from edge_agent.decode.multiplex import Node, branch
from edge_agent.decode.relabel import Relabels, compile_relabels
from edge_agent.records import I64, U8, U16, U32, U64, Bool, RawKind, SignalInfo

WORD_BITS = 64
ALL_ONES = (1 << 64) - 1

Way = tuple[tuple[BitField, int, int], ...]
"""(multiplexer, low, high) for each level that is left"""


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Where r numbers sit: `(words[word] >> shift | words[word + 2] << (64 - shift)) & mask`."""

    word: I64
    """[r] index into one frame's words of both byte orders"""
    shift: U64
    """[r] right shift of the first word"""
    carry: U64
    """[r] left shift of the next word; only where `crosses`"""
    crosses: Bool
    mask: U64
    any_crosses: bool


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One level of multiplexing over all rows; rows without it have `applies` False."""

    applies: Bool
    fields: Fields
    low: U64
    high: U64


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """The trees of `multiplex.py` over all n nodes; the first k + 1 nodes are the messages."""

    splits: Bool
    """[n] whether a multiplexer leads on from here"""
    fields: Fields
    """[n] its place"""
    first_child: I64
    """[n] where its children begin"""
    children: I64
    """nodes, by the multiplexer's value"""


@dataclass(frozen=True, slots=True, eq=False)
class DecodePlan:
    """All that `decode` needs; k known messages, n nodes, r rows, s signals."""

    signals: tuple[SignalInfo, ...]
    """[s] what `SampleBlock.signal` points to"""
    buses: int
    keys: U64
    """[k + 1] sorted `bus << 32 | can_id`; the last is a sentinel beyond every key, so that a search never runs out"""
    groups: U64
    """[g + 1] sorted keys of the J1939 messages without priority and addresses (`j1939.group_of`), and a sentinel"""
    group_message: I64
    """[g + 1] which of the k messages a group is"""
    senders: U64
    """[h + 1] sorted keys without priority of the J1939 messages that share a group, and a sentinel"""
    sender_message: I64
    """[h + 1] which of the k messages each is"""
    lengths: U16
    """[k + 1] bytes a frame needs"""
    fast_packet: Bool | None
    """[k + 1] whether a message comes in fast packets; None where none does"""
    start: I64
    count: I64
    """[n] first row and number of rows"""
    branches: Branches | None
    signal: U32
    """[r] index into `signals`, or beyond them for the sources of `computing`"""
    fields: Fields
    sign: U64
    """[r] the sign bit of a signed field, else 0"""
    float_bits: U8
    """[r] 16, 32 or 64 for a float field, else 0"""
    unsigned_64: Bool
    """[r] a raw value that may not fit an int64"""
    factor: np.ndarray[tuple[int], np.dtype[np.float64]]
    offset: np.ndarray[tuple[int], np.dtype[np.float64]]
    conditions: tuple[Condition, ...]
    float_sizes: tuple[int, ...]
    """of the rows' float fields"""
    extreme: bool
    """whether a value may be infinite or not a number"""
    has_unsigned_64: bool
    relabels: Relabels | None
    """what a mapping makes of raw values"""
    computing: Computing | None
    """what is computed from several signals, once a block was decoded; None where nothing is"""
    expected: Expected
    """what the databases say of cycles and ranges"""


def compile_plan(catalog: Catalog, wanted: Sequence[str]) -> DecodePlan:
    """Tables for the signals in `wanted` (public names, each in `catalog`); every message's id stays known."""
    names = tuple(dict.fromkeys(wanted))
    decoded, computing = _to_decode(catalog, names)
    entries = [entry for _, entry in decoded]
    order = sorted(catalog.messages, key=lambda item: _key(item[0], item[1].can_id))
    index_of = {_key(bus, message.can_id): i for i, (bus, message) in enumerate(order)}
    groups, senders = _groups(catalog, index_of)
    signals_of: list[list[int]] = [[] for _ in [*order, None]]
    for number, entry in enumerate(entries):
        signals_of[index_of[_key(entry.bus, entry.message.can_id)]].append(number)
    nodes, children = branch([tuple(one) for one in signals_of], [entry.signal.selectors for entry in entries])
    rows = [
        (number, conditions)
        for node in nodes
        for number, settled in node.rows
        for conditions in _ways(entries[number].signal.selectors[settled:])
    ]
    count = np.array(
        [sum(len(_ways(entries[n].signal.selectors[settled:])) for n, settled in node.rows) for node in nodes], np.int64
    )
    row_entries = [entries[number] for number, _ in rows]
    floats = [e.signal.field.bits if e.signal.kind is RawKind.FLOAT else 0 for e in row_entries]
    wide = [e.signal.kind is RawKind.UNSIGNED and e.signal.field.bits == WORD_BITS for e in row_entries]
    fast_packet = np.array([*(message.fast_packet for _, message in order), False], np.bool_)
    return DecodePlan(
        signals=tuple(catalog.info(name) for name in names),
        buses=len(catalog.bus_names),
        keys=np.array([*index_of, ALL_ONES], np.uint64),
        groups=np.array([*groups, ALL_ONES], np.uint64),
        group_message=np.array([*groups.values(), len(order)], np.int64),
        senders=np.array([*senders, ALL_ONES], np.uint64),
        sender_message=np.array([*senders.values(), len(order)], np.int64),
        lengths=np.array([*(message.length for _, message in order), 0], np.uint16),
        fast_packet=fast_packet if fast_packet.any() else None,
        start=count.cumsum() - count,
        count=count,
        branches=_branches(nodes, children),
        signal=np.array([decoded[number][0] for number, _ in rows], np.uint32),
        fields=_fields([e.signal.field for e in row_entries]),
        sign=np.array([_sign(e) for e in row_entries], np.uint64),
        float_bits=np.array(floats, np.uint8),
        unsigned_64=np.array(wide, np.bool_),
        factor=np.array([e.signal.factor for e in row_entries], np.float64),
        offset=np.array([e.signal.offset for e in row_entries], np.float64),
        conditions=_conditions([conditions for _, conditions in rows]),
        float_sizes=tuple(sorted(set(floats) - {0})),
        extreme=any(floats) or any(_may_overflow(e) for e in row_entries),
        has_unsigned_64=any(wide),
        relabels=compile_relabels([(e.signal.relabel, e.signal.factor, e.signal.offset) for e in row_entries]),
        computing=computing,
        expected=compile_expected(order, decoded),
    )


def _to_decode(catalog: Catalog, names: Sequence[str]) -> tuple[list[tuple[int, Entry]], Computing | None]:
    """All that must be decoded, by its number in a decoded block, and what is computed from it."""
    found: list[tuple[int, Entry]] = []
    computed = []
    for signal, name in enumerate(names):
        entry = catalog.computed.get(name)
        if entry is None:
            found.append((signal, catalog[name]))
        elif entry.is_choice:
            sources = [source for term in entry.terms for source in term.sources.values()]
            found += [(signal, entry_of(name, entry.bus, source.message, source.signal)) for source in sources]
        else:
            computed.append((signal, entry))
    computing = compile_computing(len(names), computed)
    for source, (bus, one) in enumerate(computing.sources if computing else ()):
        name = f"{one.message.name}.{one.signal.name}"
        found.append((len(names) + source, entry_of(name, bus, one.message, one.signal)))
    return found, computing


def _key(bus: int, can_id: int) -> int:
    return bus << 32 | can_id


def _groups(catalog: Catalog, index_of: Mapping[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """Sorted group keys to messages, and sorted keys without priority to those messages that share a group.

    Of several messages of one group a source nobody names has the first's layout.
    """
    of_group: dict[int, list[int]] = {}
    for bus, message in catalog.messages:
        if message.j1939:
            key = _key(bus, message.can_id)
            of_group.setdefault(group_of(key), []).append(key)
    senders: dict[int, int] = {}
    for keys in of_group.values():
        for key in keys if len(keys) > 1 else ():
            senders.setdefault(without_priority(key), index_of[key])
    return {group: index_of[keys[0]] for group, keys in sorted(of_group.items())}, dict(sorted(senders.items()))


def _ways(selectors: Sequence[Selector]) -> list[Way]:
    """Every way through the levels of multiplexing that are left: one of the ranges of each."""
    return list(product(*([(selector.field, *range_) for range_ in selector.ranges] for selector in selectors)))


def _branches(nodes: Sequence[Node], children: Sequence[int]) -> Branches | None:
    if not children:
        return None
    nowhere = BitField(0, 1, big_endian=False)
    return Branches(
        splits=np.array([node.multiplexer is not None for node in nodes], np.bool_),
        fields=_fields([node.multiplexer or nowhere for node in nodes]),
        first_child=np.array([node.first_child for node in nodes], np.int64),
        children=np.array(children, np.int64),
    )


def _may_overflow(entry: Entry) -> bool:
    return not math.isfinite(abs(entry.signal.factor) * 2.0**WORD_BITS + abs(entry.signal.offset))


def _sign(entry: Entry) -> int:
    return 1 << entry.signal.field.bits - 1 if entry.signal.kind is RawKind.SIGNED else 0


def _fields(fields: Sequence[BitField]) -> Fields:
    word, shift, carry, crosses = [], [], [], []
    for field in fields:
        at = field.first_bit % WORD_BITS
        over = at + field.bits - WORD_BITS
        word.append(2 * (field.first_bit // WORD_BITS) + field.big_endian)
        crosses.append(over > 0)
        if field.big_endian:
            # The low `over` bits stand at the top of the next word: handled as (first << over) | (next >> 64 - over).
            shift.append(max(-over, 0))
            carry.append(max(over, 0))
        else:
            shift.append(at)
            carry.append(WORD_BITS - at if over > 0 else 0)
    return Fields(
        word=np.array(word, np.int64),
        shift=np.array(shift, np.uint64),
        carry=np.array(carry, np.uint64),
        crosses=np.array(crosses, np.bool_),
        mask=np.array([ALL_ONES >> WORD_BITS - field.bits for field in fields], np.uint64),
        any_crosses=any(crosses),
    )


def _conditions(rows: Sequence[Way]) -> tuple[Condition, ...]:
    depth = max((len(way) for way in rows), default=0)
    nowhere = (BitField(0, 1, big_endian=False), 0, 1)
    levels = []
    for level in range(depth):
        here = [way[level] if level < len(way) else nowhere for way in rows]
        levels.append(
            Condition(
                applies=np.array([level < len(way) for way in rows], np.bool_),
                fields=_fields([field for field, _, _ in here]),
                low=np.array([low for _, low, _ in here], np.uint64),
                high=np.array([high for _, _, high in here], np.uint64),
            )
        )
    return tuple(levels)

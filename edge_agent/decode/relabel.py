"""Raw values that a mapping replaces by others, looked up for a whole block at once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.records import F64, I64, U64, Bool, RawKind

FIELD_BITS = 32
"""longest field whose raw values can be replaced: a row and a raw value share one 64-bit key"""
_ROW_SHIFT = np.uint64(FIELD_BITS)
_RAW_MASK = np.uint64((1 << FIELD_BITS) - 1)
_SENTINEL = (1 << 64) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Relabel:
    """`old[i]` becomes `new[i]`; a raw value that is not among `old` is no sample."""

    old: I64
    new: I64

    @property
    def kind(self) -> RawKind:
        """Of the new values."""
        return RawKind.SIGNED if (self.new < 0).any() else RawKind.UNSIGNED

    @property
    def bits(self) -> int:
        """How long a field of the new values would be."""
        low, high = int(self.new.min()), int(self.new.max())
        longest = max((low if low >= 0 else ~low).bit_length(), (high if high >= 0 else ~high).bit_length())
        return max(longest, 1) + (self.kind is RawKind.SIGNED)


def relabel(pairs: Mapping[int, int]) -> Relabel:
    """From a table of raw values, which must not be empty."""
    return Relabel(np.array(list(pairs), np.int64), np.array(list(pairs.values()), np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Relabels:
    """All replacements of a plan; k pairs, r rows."""

    applies: Bool
    """[r]"""
    keys: U64
    """[k + 1] sorted `row << 32 | raw`; the last is a sentinel, so that a search never runs out"""
    raw: I64
    """[k + 1]"""
    value: F64
    """[k + 1] raw * factor + offset"""


def compile_relabels(rows: Sequence[tuple[Relabel | None, float, float]]) -> Relabels | None:
    """Tables for rows of (replacement, factor, offset); None where no row has one."""
    found = [(row, *one) for row, one in enumerate(rows) if one[0] is not None]
    if not found:
        return None
    parts = [
        (_keys(np.full(len(table.old), row), table.old), table.new, table.new * factor + offset)
        for row, table, factor, offset in found
        if table is not None
    ]
    keys, raw, value = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = keys.argsort()
    return Relabels(
        applies=np.array([one[0] is not None for one in rows], np.bool_),
        keys=np.append(keys[order], np.uint64(_SENTINEL)),
        raw=np.append(raw[order], np.int64(0)),
        value=np.append(value[order], 0.0),
    )


def apply_relabels(relabels: Relabels, row: I64, raw: I64, value: F64) -> Bool | None:
    """Replace in place; returns which samples stay, None where all do."""
    at = np.flatnonzero(relabels.applies.take(row))
    keys = _keys(row.take(at), raw.take(at))
    found = relabels.keys.searchsorted(keys)
    raw[at] = relabels.raw.take(found)
    value[at] = relabels.value.take(found)
    known = relabels.keys.take(found) == keys
    if known.all():
        return None
    stays = np.ones(len(row), np.bool_)
    stays[at] = known
    return stays


def _keys(row: I64, raw: I64) -> U64:
    keys: U64 = raw.view(np.uint64) & _RAW_MASK
    keys |= row.view(np.uint64) << _ROW_SHIFT
    return keys

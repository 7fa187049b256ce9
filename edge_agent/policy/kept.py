"""Samples on their way through a keeper into a batch. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_agent.records import F64, I64, Frames


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """m samples for one keeper, in the order of the stream; `slot` is one signal of one of its rules."""

    t_ns: I64
    slot: I64
    raw: I64
    value: F64

    def __len__(self) -> int:
        return len(self.t_ns)

    def take(self, at: I64) -> "Samples":
        """The samples at these positions, in this order."""
        return Samples(self.t_ns.take(at), self.slot.take(at), self.raw.take(at), self.value.take(at))


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """m numbers that leave; `column` counts the columns of a keeper's rules, or of one rule where it says so."""

    t_ns: I64
    column: I64
    raw: I64

    def __len__(self) -> int:
        return len(self.t_ns)

    def take(self, at: I64) -> "Kept":
        """Those at these positions, in this order."""
        return Kept(self.t_ns.take(at), self.column.take(at), self.raw.take(at))

    def part(self, begin: int, end: int) -> "Kept":
        """Those from `begin` to before `end`; views."""
        return Kept(self.t_ns[begin:end], self.column[begin:end], self.raw[begin:end])


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Numbers for the batch of the rule at a position, in time order, columns counted within the rule."""

    rule: int
    kept: Kept
    fired_ns: tuple[int, ...] = ()
    """when the rule fired, of `event` and `snapshot`; told with these numbers"""
    ends: bool = False
    """whether the batch is whole with them"""
    frames: Frames | None = None
    """of an event that captures them"""


def joined(parts: Sequence[Kept]) -> Kept:
    """All parts, one after the other."""
    full = [part for part in parts if len(part)]
    if len(full) < 2:  # noqa: PLR2004  nothing to join
        return full[0] if full else NOTHING
    return Kept(
        np.concatenate([part.t_ns for part in full]),
        np.concatenate([part.column for part in full]),
        np.concatenate([part.raw for part in full]),
    )


def kept_of(found: Sequence[tuple[int, int, int]]) -> Kept:
    """Time, column and raw number of each."""
    if not found:
        return NOTHING
    t_ns, column, raw = zip(*found, strict=True)
    return Kept(np.array(t_ns, np.int64), np.array(column, np.int64), np.array(raw, np.int64))


def by_slot(slot: I64) -> I64:
    """Positions that bring equal slots together, each slot's in the order of the stream."""
    # numpy sorts 16 bits by radix: 3,000 in 20 us, where 64 bits take 100. No keeper has 65,536 slots: a document may
    # name 10,000 signals (twin/compilation.py).
    order: I64 = slot.astype(np.uint16).argsort(kind="stable")
    return order


NOTHING = Kept(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


class Keeper(Protocol):
    """The judgement of all rules of one kind at once, with the little state each signal needs between blocks.

    What is kept does not depend on how the stream was cut into blocks, as long as each block's samples are in the
    order of time: the clock steps back between blocks only.
    """

    def keep(self, samples: Samples) -> Kept:
        """What is kept for good now, each column's in time order."""

    def due(self, until_ns: int) -> Kept:
        """What is kept because time has reached `until_ns`: all earlier samples have come."""

    def rest(self) -> Kept:
        """What is kept because a batch must be whole here; the rules may go on."""

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time: the clock by which they were told was wrong by so much."""

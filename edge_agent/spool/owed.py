"""What will not arrive, until a batch that says so has arrived. Pure.

A range is untold -> told by a batch on disk -> forgotten when that batch is Acked; untold again when it is lost itself.

A month without a link can evict one batch in three, hundreds of thousands of ranges. Beyond `MOST_RANGES` those of one
boot and reason that are nearest to each other become one, oldest first, and all are told anew: the batches between
them are in the range too and may arrive all the same. What arrived has arrived, whatever a range says.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

from edge_agent.records import EnvelopeKey, LostRange

MOST_RANGES = 1024
COARSE_RANGES = 256
"""that are left then; as many as one batch tells, and 20 KB of state. Each boot and reason may have one more"""


class Owed:
    """Every loss that the far end does not know of for certain."""

    def __init__(self) -> None:
        self._untold: list[LostRange] = []
        self._told: dict[EnvelopeKey, tuple[LostRange, ...]] = {}
        self._lost: Counter[str] = Counter()

    @property
    def lost(self) -> Mapping[str, int]:
        """Batches that were lost since this object was made, by why."""
        return dict(self._lost)

    @property
    def untold(self) -> tuple[LostRange, ...]:
        """Ranges that no batch on disk names."""
        return tuple(self._untold)

    @property
    def told(self) -> Mapping[EnvelopeKey, tuple[LostRange, ...]]:
        """Batches on disk, and the ranges each names."""
        return dict(self._told)

    def resume(self, untold: Iterable[LostRange], told: Mapping[EnvelopeKey, tuple[LostRange, ...]]) -> None:
        """Take up what the state file says."""
        self._untold.extend(untold)
        self._told.update(told)

    def to_tell(self) -> tuple[LostRange, ...]:
        """What the next batches are to name, oldest first.

        A range grows over those beside it that others name already: told twice, but one range however long it lasts.
        """
        if self._untold:
            whole = _joined([*self._untold, *(one for ranges in self._told.values() for one in ranges)])
            untold = {_part_of(one, whole) for one in self._untold}
            rest = {
                carrier: tuple(one for one in ranges if _part_of(one, whole) not in untold)
                for carrier, ranges in self._told.items()
            }
            self._told = {carrier: ranges for carrier, ranges in rest.items() if ranges}
            self._untold = sorted(untold, key=_age)
        everything = [*self._untold, *(one for ranges in self._told.values() for one in ranges)]
        spells = len({(one.boot, one.why) for one in everything})
        if len(everything) > MOST_RANGES + spells:
            self._untold = sorted(_fewer(_joined(everything), COARSE_RANGES + spells), key=_age)
            self._told.clear()
        return tuple(self._untold)

    def add(self, keys: Iterable[EnvelopeKey], why: str) -> tuple[LostRange, ...]:
        """Keys that will not arrive, as ranges that name nothing else."""
        lost = tuple(_joined(LostRange(key.boot, key.seq, key.seq, why) for key in keys))
        self._untold.extend(lost)
        self._count(lost, 1)
        if len(self._untold) > 2 * MOST_RANGES:  # at once, and the state may be written before the next append asks
            self.to_tell()
        return lost

    def drop(self, lost: Iterable[LostRange]) -> None:
        """What `add` returned is not lost after all."""
        dropped = set(lost)
        self._remove(dropped)
        self._count(dropped, -1)

    def tell(self, carrier: EnvelopeKey, ranges: Iterable[LostRange]) -> None:
        """A batch on disk names these, as `to_tell` gave them; any other is passed over."""
        named = set(ranges).intersection(self._untold)
        if named:
            self._told[carrier] = self._told.get(carrier, ()) + tuple(one for one in self._untold if one in named)
            self._remove(named)

    def carrier_arrived(self, carrier: EnvelopeKey) -> None:
        """What it names is known at the far end."""
        self._told.pop(carrier, None)

    def carrier_lost(self, carrier: EnvelopeKey) -> None:
        """What it names is to be told by another."""
        self._untold.extend(self._told.pop(carrier, ()))

    def among(self, boot: int, first_seq: int, last_seq: int) -> set[int]:
        """Sequences of a boot between two that are owed and gone for certain; those without their key are not gone."""
        return {
            seq
            for ranges in (self._untold, *self._told.values())
            for one in ranges
            if one.boot == boot and one.exact and one.why != "no_key"
            for seq in range(max(first_seq, one.first_seq), min(last_seq, one.last_seq) + 1)
        }

    def _remove(self, ranges: set[LostRange]) -> None:
        self._untold = [one for one in self._untold if one not in ranges]

    def _count(self, ranges: Iterable[LostRange], sign: int) -> None:
        for one in ranges:
            self._lost[one.why] += sign * (one.last_seq - one.first_seq + 1)


def _joined(ranges: Iterable[LostRange]) -> list[LostRange]:
    """The same losses in as few ranges as name nothing else, by boot, reason and sequence."""
    joined: list[LostRange] = []
    for one in sorted(ranges, key=_place):
        last = joined[-1] if joined else None
        if last and (last.boot, last.why) == (one.boot, one.why) and one.first_seq <= last.last_seq + 1:
            joined[-1] = _over(last, one, exact=last.exact and one.exact)
        else:
            joined.append(one)
    return joined


def _fewer(joined: list[LostRange], most: int) -> list[LostRange]:
    """At most so many, the smallest gaps closed, oldest first; one a boot and reason at least."""
    gaps = sorted(
        (after.first_seq - before.last_seq, at)
        for at, (before, after) in enumerate(pairwise(joined), start=1)
        if (before.boot, before.why) == (after.boot, after.why)
    )
    closed = {at for _, at in gaps[: max(0, len(joined) - most)]}
    fewer: list[LostRange] = []
    for at, one in enumerate(joined):
        if at in closed:
            fewer[-1] = _over(fewer[-1], one, exact=False)
        else:
            fewer.append(one)
    return fewer


def _over(first: LostRange, second: LostRange, *, exact: bool) -> LostRange:
    return replace(first, last_seq=max(first.last_seq, second.last_seq), exact=exact)


def _part_of(one: LostRange, joined: list[LostRange]) -> LostRange:
    """The range that one went into."""
    return joined[bisect_right(joined, _place(one), key=_place) - 1]


def _age(one: LostRange) -> tuple[int, int]:
    return one.boot, one.first_seq


def _place(one: LostRange) -> tuple[int, str, int]:
    return one.boot, one.why, one.first_seq

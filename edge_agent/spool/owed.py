"""What will not arrive, until a batch that says so has arrived. Pure.

A range is untold -> told by a batch on disk -> forgotten when that batch is Acked; untold again when it is lost itself.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from edge_agent.records import EnvelopeKey, LostRange


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
            self._untold = sorted(untold, key=lambda one: (one.boot, one.first_seq))
        return tuple(self._untold)

    def add(self, keys: Iterable[EnvelopeKey], why: str) -> tuple[LostRange, ...]:
        """Keys that will not arrive, as ranges that name nothing else."""
        lost = tuple(_joined(LostRange(key.boot, key.seq, key.seq, why) for key in keys))
        self._untold.extend(lost)
        self._count(lost, 1)
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
        """Sequences of a boot between two that are owed and gone; those without their key are not gone."""
        return {
            seq
            for ranges in (self._untold, *self._told.values())
            for one in ranges
            if one.boot == boot and one.why != "no_key"
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
            joined[-1] = replace(last, last_seq=max(last.last_seq, one.last_seq))
        else:
            joined.append(one)
    return joined


def _part_of(one: LostRange, joined: list[LostRange]) -> LostRange:
    """The range that one went into."""
    return joined[bisect_right(joined, _place(one), key=_place) - 1]


def _place(one: LostRange) -> tuple[int, str, int]:
    return one.boot, one.why, one.first_seq

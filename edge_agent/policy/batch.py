"""An open batch: grows until it is old or large enough, then becomes columns. Pure."""

import numpy as np

from edge_agent.policy.json_size import json_sizes
from edge_agent.policy.kept import Kept, joined
from edge_agent.policy.rules import BatchLimits, ColumnInfo
from edge_agent.records import I64, CloseReason, Column, Lane, TimeUnit


class OpenBatch:
    """What one rule kept since its last batch was sealed."""

    def __init__(self, columns: tuple[ColumnInfo, ...], limits: BatchLimits, lane: Lane, unit: TimeUnit) -> None:
        self._told = [(column.signal, column.aggregate.value, column.max_error) for column in columns]
        self._limits = limits
        self._sizes = json_sizes(columns, limits, lane, unit)
        self._parts: list[Kept] = []
        self._json_bytes = 0
        self._seen = np.zeros(len(columns), np.bool_)
        self.opened_ns: int | None = None

    def overdue(self, until_ns: int) -> bool:
        """Whether a sample at `until_ns` would belong to the next batch."""
        if self.opened_ns is None:
            return False
        # A clock that stepped back must not hold a batch open until it has caught up.
        return not -self._limits.max_age_ns <= until_ns - self.opened_ns < self._limits.max_age_ns

    def add(self, kept: Kept) -> tuple[Kept, CloseReason]:
        """Take what fits (in time order); returns the rest, and why it did not fit if there is a rest."""
        opened_ns = int(kept.t_ns[0]) if self.opened_ns is None else self.opened_ns
        young = self._within_age(kept.t_ns, opened_ns)
        size = self._json_bytes + self._growth(kept.column).cumsum()
        small = int(size.searchsorted(self._limits.max_bytes, side="right"))
        fits = min(young, small) or int(self.opened_ns is None)  # one sample always fits an empty batch
        if fits:
            self._parts.append(kept.part(0, fits))
            self._json_bytes = int(size[fits - 1])
            self._seen[kept.column[:fits]] = True
            self.opened_ns = opened_ns
        why = CloseReason.AGE if young <= small else CloseReason.BYTES
        return kept.part(fits, len(kept)), why

    def columns(self) -> tuple[Column, ...]:
        """What was kept, each column in time order; empties the batch."""
        kept = joined(self._parts)
        self._parts.clear()
        kept = kept.take(np.lexsort((kept.t_ns, kept.column)))
        starts = np.flatnonzero(np.diff(kept.column, prepend=-1))
        ends = np.append(starts[1:], len(kept))
        told = [self._told[column] for column in kept.column[starts].tolist()]
        self._json_bytes = 0
        self._seen[:] = False
        self.opened_ns = None
        return tuple(
            Column(signal, aggregate, kept.t_ns[start:end], kept.raw[start:end], max_error)
            for (signal, aggregate, max_error), start, end in zip(told, starts.tolist(), ends.tolist(), strict=True)
        )

    def shift(self, delta_ns: int) -> None:
        """Move every time: the clock by which they were told was wrong by so much."""
        self._parts = [Kept(part.t_ns + delta_ns, part.column, part.raw) for part in self._parts]
        if self.opened_ns is not None:
            self.opened_ns += delta_ns

    def _growth(self, column: I64) -> I64:
        """Upper bound on the JSON bytes each kept number adds to its column."""
        growth = self._sizes.each[column]
        new = np.flatnonzero(~self._seen[column])
        if len(new):  # each opens its column once
            opened, first = np.unique(column[new], return_index=True)
            growth[new[first]] += self._sizes.first[opened]
        return growth

    def _within_age(self, t_ns: I64, opened_ns: int) -> int:
        """How many of these times, which do not decrease, may stand in a batch opened then."""
        if t_ns[0] < opened_ns - self._limits.max_age_ns:
            return 0
        return int(t_ns.searchsorted(opened_ns + self._limits.max_age_ns))

"""An open batch: grows until it is old or large enough, then becomes columns. Pure."""

import numpy as np

from edge_agent.policy.json_size import json_sizes
from edge_agent.policy.kept import Samples, joined
from edge_agent.policy.rules import BatchLimits
from edge_agent.records import I64, CloseReason, Column, Lane, SignalInfo, TimeUnit


class OpenBatch:
    """The kept samples of one rule since its last batch was sealed."""

    def __init__(self, signals: tuple[SignalInfo, ...], limits: BatchLimits, lane: Lane, unit: TimeUnit) -> None:
        self._signals = signals
        self._limits = limits
        self._sizes = json_sizes(signals, limits, lane, unit)
        self._parts: list[Samples] = []
        self._json_bytes = 0
        self._seen = np.zeros(len(signals), np.bool_)
        self.opened_ns: int | None = None

    def overdue(self, until_ns: int) -> bool:
        """Whether a sample at `until_ns` would belong to the next batch."""
        if self.opened_ns is None:
            return False
        # A clock that stepped back must not hold a batch open until it has caught up.
        return not -self._limits.max_age_ns <= until_ns - self.opened_ns < self._limits.max_age_ns

    def add(self, samples: Samples) -> tuple[Samples, CloseReason]:
        """Take what fits (samples in time order); returns the rest, and why it did not fit if there is a rest."""
        opened_ns = int(samples.t_ns[0]) if self.opened_ns is None else self.opened_ns
        young = self._within_age(samples.t_ns, opened_ns)
        size = self._json_bytes + self._growth(samples).cumsum()
        small = int(size.searchsorted(self._limits.max_bytes, side="right"))
        fits = min(young, small) or int(self.opened_ns is None)  # one sample always fits an empty batch
        if fits:
            self._parts.append(samples.head(fits))
            self._json_bytes = int(size[fits - 1])
            self._seen[samples.signal[:fits]] = True
            self.opened_ns = opened_ns
        why = CloseReason.AGE if young <= small else CloseReason.BYTES
        return samples.tail(fits), why

    def columns(self) -> tuple[Column, ...]:
        """The samples as one column a signal, in time order; empties the batch."""
        samples = joined(self._parts)
        samples = samples.take(np.lexsort((samples.t_ns, samples.signal)))
        starts = np.flatnonzero(np.diff(samples.signal, prepend=-1))
        ends = np.append(starts[1:], len(samples))
        self._parts.clear()
        self._json_bytes = 0
        self._seen[:] = False
        self.opened_ns = None
        return tuple(
            Column(self._signals[samples.signal[start]], "last", samples.t_ns[start:end], samples.raw[start:end])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        )

    def _growth(self, samples: Samples) -> I64:
        """Upper bound on the JSON bytes each sample adds."""
        growth = self._sizes.each[samples.signal]
        new = np.flatnonzero(~self._seen[samples.signal])
        if len(new):  # each opens its column once
            signal, first = np.unique(samples.signal[new], return_index=True)
            growth[new[first]] += self._sizes.first[signal]
        return growth

    def _within_age(self, t_ns: I64, opened_ns: int) -> int:
        """How many of these times, which do not decrease, may stand in a batch opened then."""
        if t_ns[0] < opened_ns - self._limits.max_age_ns:
            return 0
        return int(t_ns.searchsorted(opened_ns + self._limits.max_age_ns))

"""An open batch: grows until it is old or large enough, then becomes columns. Pure."""

import numpy as np

from edge_agent.policy.kept import NOTHING, Samples
from edge_agent.policy.rules import BatchLimits
from edge_agent.records import F64, I64, Bool, CloseReason, Column, RawKind, SignalInfo, TimeUnit

COLUMN_BYTES = 160
"""JSON around one column's arrays, without its name and unit; see `spool/columns.py`"""
FLOAT_BYTES = 25
"""longest repr of a float64 and a comma: -2.2250738585072014e-308"""
INT64_DIGITS = 20


class OpenBatch:
    """The kept samples of one rule since its last batch was sealed."""

    def __init__(self, signals: tuple[SignalInfo, ...], limits: BatchLimits, unit: TimeUnit) -> None:
        self._signals = signals
        self._limits = limits
        self._is_float = np.array([signal.kind is RawKind.FLOAT for signal in signals], np.bool_)
        self._column_bytes = np.array([COLUMN_BYTES + _text_bytes(signal) for signal in signals], np.float64)
        self._dt_bytes = len(str(limits.max_age_ns // unit)) + 1
        self._parts: list[Samples] = []
        self._json_bytes = 0.0
        self._seen = np.zeros(len(signals), np.bool_)
        self.opened_ns: int | None = None

    def overdue(self, until_ns: int) -> bool:
        """Whether a sample at `until_ns` would belong to the next batch."""
        return self.opened_ns is not None and until_ns >= self.opened_ns + self._limits.max_age_ns

    def add(self, samples: Samples) -> tuple[Samples, CloseReason]:
        """Take what fits (samples in time order); returns the rest, and why it did not fit if there is a rest."""
        opened_ns = int(samples.t_ns[0]) if self.opened_ns is None else self.opened_ns
        young = int(samples.t_ns.searchsorted(opened_ns + self._limits.max_age_ns))
        size = self._json_bytes + self._growth(samples).cumsum()
        small = int(size.searchsorted(self._limits.max_bytes, side="right"))
        fits = min(young, small) or int(self.opened_ns is None)  # one sample always fits an empty batch
        if fits:
            self._parts.append(samples.take(np.arange(fits)))
            self._json_bytes = float(size[fits - 1])
            self._seen[samples.signal[:fits]] = True
            self.opened_ns = opened_ns
        why = CloseReason.AGE if young <= small else CloseReason.BYTES
        return samples.take(np.arange(fits, len(samples))), why

    def columns(self) -> tuple[Column, ...]:
        """The samples as one column a signal, in time order; empties the batch."""
        samples = NOTHING
        for part in self._parts:
            samples = samples.then(part)
        samples = samples.take(np.lexsort((samples.t_ns, samples.signal)))
        starts = np.flatnonzero(np.diff(samples.signal, prepend=-1))
        ends = np.append(starts[1:], len(samples))
        self._parts.clear()
        self._json_bytes = 0.0
        self._seen[:] = False
        self.opened_ns = None
        return tuple(
            Column(self._signals[samples.signal[start]], "last", samples.t_ns[start:end], samples.raw[start:end])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        )

    def _growth(self, samples: Samples) -> F64:
        """Upper bound on the JSON bytes each sample adds."""
        # A difference has at most one digit more than the larger of its two numbers, a sign and a comma.
        digits = np.log10(np.abs(samples.raw.astype(np.float64)) + 1).astype(np.int64) + 4
        raw_bytes = np.where(self._is_float[samples.signal], FLOAT_BYTES, np.minimum(digits, INT64_DIGITS + 3))
        return (
            raw_bytes
            + self._dt_bytes
            + np.where(self._opens_column(samples.signal), self._column_bytes[samples.signal], 0)
        )

    def _opens_column(self, signal: I64) -> Bool:
        first = np.zeros(len(signal), np.bool_)
        first[np.unique(signal, return_index=True)[1]] = True
        return first & ~self._seen[signal]


def _text_bytes(signal: SignalInfo) -> int:
    """Name and unit as JSON, every character escaped at worst."""
    return 6 * (len(signal.name) + len(signal.unit))

"""The `on_change` rule: a sample that left the dead-band around the last kept one. Pure."""

import numpy as np

from edge_agent.policy.kept import NOTHING, Samples, joined
from edge_agent.records import I64, Bool


class OnChangeKeeper:
    """Remembers the last kept sample of each signal.

    Without interval and heartbeat a sample that repeats the one before it is never kept; those go first, at once,
    and without a dead-band the rest is kept as it is. Else whether a sample is kept depends on the one kept before it,
    so samples of one signal are judged one after the other, all signals at once: one round for every signal's first
    sample of the block, one for the second, ...
    """

    def __init__(self, signals: int, *, deadband: float, min_interval_ns: int, heartbeat_ns: int | None) -> None:
        self._deadband = deadband
        self._min_interval_ns = min_interval_ns
        self._heartbeat_ns = heartbeat_ns
        self._known = np.zeros(signals, np.bool_)
        self._t_ns = np.zeros(signals, np.int64)
        self._raw = np.zeros(signals, np.int64)
        self._value = np.zeros(signals, np.float64)
        self._seen = np.zeros(signals, np.bool_)
        self._seen_raw = np.zeros(signals, np.int64)

    def keep(self, samples: Samples) -> Samples:
        """The samples that left the dead-band, or whose heartbeat was due, and each signal's first."""
        if not self._min_interval_ns and self._heartbeat_ns is None:
            samples = samples.take(self._changed(samples))
            if not self._deadband:
                return samples
        if not len(samples):
            return NOTHING
        return joined([samples.take(at[self._judge(samples, at)]) for at in _rounds(samples.signal)])

    def due(self, until_ns: int) -> Samples:  # noqa: ARG002  samples alone decide; a heartbeat repeats a sample, not a memory
        """Nothing: no sample waits."""
        return NOTHING

    def rest(self) -> Samples:
        """Nothing: no sample waits."""
        return NOTHING

    def _changed(self, samples: Samples) -> I64:
        """Positions, in stream order, of samples whose raw value is not that of their signal's sample before."""
        if not len(samples):
            return samples.signal
        order = samples.signal.argsort(kind="stable")
        signal, raw = samples.signal.take(order), samples.raw.take(order)
        changed = np.empty(len(order), np.bool_)
        np.not_equal(raw[1:], raw[:-1], out=changed[1:])
        first = np.flatnonzero(np.append(True, signal[1:] != signal[:-1]))
        of = signal.take(first)
        changed[first] = (raw.take(first) != self._seen_raw.take(of)) | ~self._seen.take(of)
        self._seen[of] = True
        self._seen_raw[of] = raw.take(np.append(first[1:], len(order)) - 1)
        at = order[changed]
        at.sort()
        return at

    # An infinity less an infinity is NaN, which is judged below; numpy need not warn of it.
    @np.errstate(invalid="ignore")
    def _judge(self, samples: Samples, at: I64) -> Bool:
        """Which of `at` (one sample a signal) are kept; they become the last kept ones."""
        signal, t_ns = samples.signal[at], samples.t_ns[at]
        raw, value = samples.raw[at], samples.value[at]
        moved: Bool = raw != self._raw[signal]
        if self._deadband:
            # Not `> deadband`: a float signal that turned NaN has left the band, and NaN compares false.
            moved &= ~(np.abs(value - self._value[signal]) <= self._deadband)
        since = t_ns - self._t_ns[signal]
        # A clock that stepped back must not silence a signal until it has caught up.
        stepped_back = since < 0
        if self._min_interval_ns:
            moved &= (since >= self._min_interval_ns) | stepped_back
        if self._heartbeat_ns is not None:
            moved |= (since >= self._heartbeat_ns) | stepped_back
        moved |= ~self._known[signal]
        kept = signal[moved]
        self._known[kept] = True
        self._t_ns[kept], self._raw[kept], self._value[kept] = t_ns[moved], raw[moved], value[moved]
        return moved


def _rounds(signal: I64) -> list[I64]:
    """Positions of each signal's first sample, of each signal's second, and so on."""
    order = signal.argsort(kind="stable")
    by_signal = signal[order]
    starts = np.flatnonzero(np.diff(by_signal, prepend=-1))
    counts = np.diff(np.append(starts, len(signal)))
    nth = np.arange(len(signal)) - starts.repeat(counts)
    by_round = nth.argsort(kind="stable")
    ends = np.bincount(nth).cumsum()
    return np.split(order[by_round], ends[:-1])

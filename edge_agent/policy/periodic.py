"""The `periodic` rule: each signal's last sample of every window. Pure."""

import numpy as np

from edge_agent.policy.kept import NOTHING, Samples
from edge_agent.records import I64


class PeriodicKeeper:
    """Holds one sample a signal until its window is over; the sample keeps its own time."""

    def __init__(self, signals: int, every_ns: int) -> None:
        self._every_ns = every_ns
        self._held = np.zeros(signals, np.bool_)
        self._window = np.zeros(signals, np.int64)
        self._t_ns = np.zeros(signals, np.int64)
        self._raw = np.zeros(signals, np.int64)
        self._value = np.zeros(signals, np.float64)

    def keep(self, samples: Samples) -> Samples:
        """Samples whose window is known to be over because a later one of the same signal came."""
        if not len(samples):
            return NOTHING
        samples = samples.take(samples.signal.argsort(kind="stable"))
        window = samples.t_ns // self._every_ns
        new_signal = np.diff(samples.signal, prepend=-1) != 0
        new_run = new_signal | (np.diff(window, prepend=window[0] - 1) != 0)
        first = np.flatnonzero(new_run)
        last = np.append(first[1:], len(samples)) - 1
        ends_signal = np.append(new_signal[first[1:]], True)
        opening = first[new_signal[first]]
        over = self._released(samples.signal[opening], window[opening])
        kept = over.then(samples.take(last[~ends_signal]))
        self._hold(samples.take(last[ends_signal]), window[last[ends_signal]])
        return kept

    def due(self, until_ns: int) -> Samples:
        """Samples whose window ended at or before `until_ns`."""
        return self._release(np.flatnonzero(self._held & ((self._window + 1) * self._every_ns <= until_ns)))

    def rest(self) -> Samples:
        """Samples of windows that are not over."""
        return self._release(np.flatnonzero(self._held))

    def _released(self, signal: I64, window: I64) -> Samples:
        """Held samples of signals that have gone on to another window."""
        return self._release(signal[self._held[signal] & (self._window[signal] != window)])

    def _release(self, signal: I64) -> Samples:
        self._held[signal] = False
        return Samples(self._t_ns[signal], signal, self._raw[signal], self._value[signal])

    def _hold(self, samples: Samples, window: I64) -> None:
        at = samples.signal
        self._held[at] = True
        self._window[at], self._t_ns[at] = window, samples.t_ns
        self._raw[at], self._value[at] = samples.raw, samples.value

"""The samples that events may still ask for: one bounded memory for all rules. Pure.

A signal is held as long as the most demanding of its rules looks back, rounded up to 1, 2, 4, 8, ... seconds: the
signals of one such span share chunks of fixed size, the oldest of which goes as a whole. Where the memory is full the
oldest chunk of all goes, before its time; what was lost so is counted.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge_agent.policy.condition_instants import NOTHING, Readings
from edge_agent.records import I64, Bool

PAST_SAMPLES = 2_000_000
"""At most, of all rules together: 60 MB. 3 s of 14 764 frames with 45 signals each, 60 s of 300 signals at 100 Hz."""
CHUNK_SAMPLES = 4_096
NOT_HELD = -1
_SECOND_NS = 1_000_000_000


class _Chunk:
    """Samples in the order in which they came."""

    __slots__ = ("_raw", "_signal", "_t_ns", "_value", "count", "first_ns", "last_ns")

    def __init__(self) -> None:
        self._t_ns = np.empty(CHUNK_SAMPLES, np.int64)
        self._signal = np.empty(CHUNK_SAMPLES, np.uint32)
        self._raw = np.empty(CHUNK_SAMPLES, np.int64)
        self._value = np.empty(CHUNK_SAMPLES, np.float64)
        self.count = 0
        self.first_ns = self.last_ns = 0

    def add(self, samples: Readings, at: I64) -> int:
        """Take as many of the samples at these positions as there is room for."""
        at = at[: CHUNK_SAMPLES - self.count]
        here = slice(self.count, self.count + len(at))
        self._t_ns[here], self._signal[here] = samples.t_ns.take(at), samples.signal.take(at)
        self._raw[here], self._value[here] = samples.raw.take(at), samples.value.take(at)
        self.count += len(at)
        self.first_ns, self.last_ns = int(self._t_ns[: self.count].min()), int(self._t_ns[: self.count].max())
        return len(at)

    def between(self, mine: Bool, begin_ns: int, end_ns: int) -> Readings:
        t_ns, signal = self._t_ns[: self.count], self._signal[: self.count]
        wanted = mine.take(signal)
        if self.first_ns < begin_ns or self.last_ns >= end_ns:
            wanted &= (t_ns >= begin_ns) & (t_ns < end_ns)
        at = np.flatnonzero(wanted)
        return Readings(t_ns.take(at), signal.take(at).astype(np.int64), self._raw.take(at), self._value.take(at))

    def shift(self, delta_ns: int) -> None:
        self._t_ns[: self.count] += delta_ns
        self.first_ns += delta_ns
        self.last_ns += delta_ns


class Past:
    """Signals by their index; `held` and `lost` are counted in samples."""

    def __init__(self, horizon_ns: I64, room: int = PAST_SAMPLES) -> None:
        """`horizon_ns` for each signal of the plan: how long its samples are held at least, or NOT_HELD."""
        span_ns = np.maximum(horizon_ns - 1, 0) // _SECOND_NS
        # 0 for up to 1 s, 1 for up to 2 s, 2 for up to 4 s: the bits of the whole seconds before the last nanosecond.
        tier = np.frexp(span_ns.astype(np.float64))[1]
        # np.unique would import numpy.ma, 1.4 MB, to see that nothing is masked.
        tiers = sorted(set(tier[horizon_ns != NOT_HELD].tolist()))
        self._mine = [(tier == one) & (horizon_ns != NOT_HELD) for one in tiers]
        self._span_ns = [(1 << one) * _SECOND_NS for one in tiers]
        self._chunks: list[deque[_Chunk]] = [deque() for _ in tiers]  # bounded by `room`, all together
        self._room = max(room // CHUNK_SAMPLES, 1)
        self._until_ns = 0
        self.lost = 0

    @property
    def held(self) -> int:
        """Samples at hand now."""
        return sum(chunk.count for chunks in self._chunks for chunk in chunks)

    def add(self, samples: Readings) -> None:
        """Take the samples of signals that are held; what there is no room for otherwise makes room."""
        for mine, chunks in zip(self._mine, self._chunks, strict=True):
            at = np.flatnonzero(mine.take(samples.signal))
            while len(at):
                if not chunks or chunks[-1].count == CHUNK_SAMPLES:
                    self._make_room()
                    chunks.append(_Chunk())
                at = at[chunks[-1].add(samples, at) :]

    def forget(self, until_ns: int) -> None:
        """Nobody will ask for times before `until_ns` less a signal's horizon any more."""
        self._until_ns = until_ns
        for span_ns, chunks in zip(self._span_ns, self._chunks, strict=True):
            while chunks and chunks[0].last_ns < until_ns - span_ns:
                chunks.popleft()

    def between(self, mine: Bool, begin_ns: int, end_ns: int) -> Readings:
        """Samples of these signals in [begin, end), by time; those of one time as they came."""
        parts = [
            chunk.between(mine, begin_ns, end_ns)
            for held, chunks in zip(self._mine, self._chunks, strict=True)
            if (held & mine).any()
            for chunk in chunks
            if chunk.first_ns < end_ns and chunk.last_ns >= begin_ns
        ]
        return _by_time([part for part in parts if len(part)])

    def shift(self, delta_ns: int) -> None:
        """Move all times."""
        self._until_ns += delta_ns
        for chunks in self._chunks:
            for chunk in chunks:
                chunk.shift(delta_ns)

    def known_as(self, signals: Mapping[int, int]) -> Readings:
        """All that is held of some signals, by other indices: those of another plan."""
        if not self._mine:
            return NOTHING
        index = np.full(len(self._mine[0]), NOT_HELD, np.int64)
        index[list(signals)] = list(signals.values())
        parts = [
            chunk.between(index >= 0, chunk.first_ns, chunk.last_ns + 1) for chunks in self._chunks for chunk in chunks
        ]
        found = _by_time([part for part in parts if len(part)])
        return replace(found, signal=index.take(found.signal))

    def _make_room(self) -> None:
        """Let the oldest chunk go where there is no room for one more."""
        if sum(map(len, self._chunks)) < self._room:
            return
        full = [at for at, chunks in enumerate(self._chunks) if chunks]
        oldest = min(full, key=lambda at: self._chunks[at][0].first_ns)
        chunk = self._chunks[oldest].popleft()
        wanted_ns = self._until_ns - self._span_ns[oldest]
        self.lost += len(chunk.between(self._mine[oldest], wanted_ns, chunk.last_ns + 1))


def _by_time(parts: Sequence[Readings]) -> Readings:
    if not parts:
        return NOTHING
    found = Readings(
        np.concatenate([part.t_ns for part in parts]),
        np.concatenate([part.signal for part in parts]),
        np.concatenate([part.raw for part in parts]),
        np.concatenate([part.value for part in parts]),
    )
    return found.take(found.t_ns.argsort(kind="stable"))

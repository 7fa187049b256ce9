"""Chosen signals of a dry run, as they were on the bus and as the rules kept them, for a plot. Pure.

All of them are held until the end: 24 bytes a sample.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.records import F64, I64, Batch, CloseReason, SampleBlock, SignalInfo
from edge_agent.spool.rows import values

MOST_PANELS = 4
COUNT = "count"
"""an aggregate in no unit of its signal's"""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """m samples, in the order in which they came."""

    t_ns: I64
    value: F64

    def __len__(self) -> int:
        return len(self.t_ns)


@dataclass(frozen=True, slots=True, eq=False)
class KeptTrace:
    """What one rule kept of a signal."""

    rule: str
    aggregate: str
    max_error: float | None
    """where straight lines between the points are promised to stay this close to all samples"""
    samples: int
    points: Points
    """with a NaN where the rule stopped listening, so that no line is drawn over what nobody kept"""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One signal."""

    name: str
    unit: str
    raw: Points
    kept: tuple[KeptTrace, ...]


class Traces:
    """Gathers while the engine runs."""

    def __init__(self, signals: Sequence[SignalInfo], names: Collection[str]) -> None:
        """`signals` are the plan's; without `names` all are gathered, and the best are shown."""
        self._signals = tuple(signals)
        self._names = tuple(names)
        self._wanted = np.array([not names or signal.name in names for signal in signals], np.bool_)
        self._raw: list[tuple[I64, F64, I64]] = []
        self._kept: defaultdict[str, defaultdict[tuple[str, str, float | None], list[tuple[I64, F64]]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def hear(self, samples: SampleBlock) -> None:
        """Samples that the rules are about to judge."""
        at = np.flatnonzero(self._wanted.take(samples.signal))
        self._raw.append((samples.t_ns.take(at), samples.value.take(at), samples.signal.take(at).astype(np.int64)))

    def take(self, batch: Batch) -> None:
        """What a rule kept."""
        for column in batch.columns:
            if column.aggregate != COUNT:
                key = batch.rule.name, column.aggregate, column.max_error
                parts = self._kept[column.signal.name][key]
                parts.append((column.t_ns, np.array(values(column), np.float64)))
                if batch.why is CloseReason.EVENT:
                    parts.append((column.t_ns[-1:], np.array([np.nan])))

    def traces(self) -> tuple[Trace, ...]:
        """Those that were asked for, or the few that were reduced most among those that changed at all."""
        found = {trace.name: trace for trace in self._gathered()}
        if self._names:
            return tuple(found[name] for name in self._names if name in found)
        moving = [trace for trace in found.values() if len(trace.raw) and np.ptp(trace.raw.value) > 0]
        return tuple(sorted(moving, key=_share_kept)[:MOST_PANELS])

    def _gathered(self) -> list[Trace]:
        raw = tuple(np.concatenate(parts) for parts in zip(*self._raw, strict=True)) if self._raw else ()
        if not raw:
            return []
        t_ns, value, signal = raw
        order = signal.argsort(kind="stable")
        edges = signal[order].searchsorted(np.arange(len(self._signals) + 1))
        return [
            self._trace(self._signals[index], Points(t_ns[mine], value[mine]))
            for index in np.flatnonzero(self._wanted).tolist()
            for mine in (order[edges[index] : edges[index + 1]],)
        ]

    def _trace(self, signal: SignalInfo, raw: Points) -> Trace:
        kept = []
        for key, columns in self._kept[signal.name].items():
            t_ns, value = (np.concatenate(parts) for parts in zip(*columns, strict=True))
            kept.append(KeptTrace(*key, int(np.count_nonzero(~np.isnan(value))), Points(t_ns, value)))
        return Trace(signal.name, signal.unit, raw, tuple(kept))


def _share_kept(trace: Trace) -> tuple[float, str]:
    return sum(kept.samples for kept in trace.kept) / len(trace.raw), trace.name

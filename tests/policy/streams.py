"""Streams of samples, cut into blocks; and the rules as somebody would follow them with pencil and paper."""

import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from edge_agent.policy.kept import Keeper, Kept, Samples
from edge_agent.policy.rules import Aggregate, BatchLimits, Bounded, OnChange, Periodic
from edge_agent.records import (
    Batch,
    BusCounts,
    ClockQuality,
    Lane,
    RawKind,
    RuleInfo,
    SampleBlock,
    SignalInfo,
    TimeUnit,
)

SECOND = 1_000_000_000
FORWARD = st.integers(0, 40)
FORWARD_AND_BACK = st.integers(-30, 60)

Told = tuple[int, int, int]


class Sample(NamedTuple):
    t_ns: int
    signal: int
    raw: int
    value: float


SIGNALS = (
    SignalInfo("Motion.Speed", "km/h", 0.5, 0.0, RawKind.UNSIGNED, 16),
    SignalInfo("Motion.Torque", "Nm", 1.0, -3.0, RawKind.SIGNED, 12),
    SignalInfo("Cell.Voltage", "V", 1.0, 0.0, RawKind.FLOAT, 64),
)


def sample(t_ns: int, signal: int, number: float) -> Sample:
    """A sample of one of `SIGNALS` whose raw number is this."""
    info = SIGNALS[signal]
    return Sample(t_ns, signal, raw_of(info, number), number * info.factor + info.offset)


def raw_of(info: SignalInfo, number: float) -> int:
    """As SampleBlock.raw has it."""
    if info.kind is RawKind.FLOAT:
        bits: int = struct.unpack("<q", struct.pack("<d", number))[0]
        return bits
    whole = int(number)
    return whole - (1 << 64) if whole >= 1 << 63 else whole


def numbers(signal: int) -> st.SearchStrategy[float]:
    """Few and near, so that bands and equal values are met; a float may be anything."""
    if SIGNALS[signal].kind is RawKind.FLOAT:
        return st.sampled_from([0.0, -0.0, 1.0, 1.5, 4.0, math.nan, math.inf, -math.inf])
    return st.integers(-4 if SIGNALS[signal].kind is RawKind.SIGNED else 0, 6)


@st.composite
def streams(draw: st.DrawFn, steps: st.SearchStrategy[int] = FORWARD) -> list[Sample]:
    """Samples of all signals; times grow by `steps`."""
    found: list[Sample] = []
    t_ns = draw(st.integers(0, 10**6)) * 1_000_003
    for signal in draw(st.lists(st.integers(0, len(SIGNALS) - 1), max_size=40)):
        t_ns += draw(steps)
        found.append(sample(t_ns, signal, draw(numbers(signal))))
    return found


@st.composite
def cuts(draw: st.DrawFn, samples: Sequence[Sample]) -> list[slice]:
    """A way to cut a stream into blocks, some of them empty; where the clock steps back there is always a cut."""
    free = draw(st.lists(st.integers(0, len(samples)), max_size=6))
    edges = [0, *sorted([*free, *steps_back(samples)]), len(samples)]
    return [slice(a, b) for a, b in pairwise(edges)]


def block(samples: Sequence[Sample], until_ns: int | None = None) -> SampleBlock:
    """A block that was closed at its last sample's time, unless another is given."""
    t_ns, signal, raw, value = zip(*samples, strict=True) if samples else ((), (), (), ())
    end_ns = max(t_ns, default=0) if until_ns is None else until_ns
    return SampleBlock(
        t_ns=np.array(t_ns, np.int64),
        signal=np.array(signal, np.uint32),
        raw=np.array(raw, np.int64),
        value=np.array(value, np.float64),
        counts=(BusCounts(seen=len(samples), decoded=len(samples)),),
        until_ns=end_ns,
        uptime_ns=end_ns,
        clock=ClockQuality.SYSTEM,
    )


def blocks(samples: Sequence[Sample], parts: Sequence[slice]) -> list[SampleBlock]:
    """The stream cut so; a block without samples tells the time of the sample before it."""
    found = []
    until_ns = 0
    for part in parts:
        until_ns = samples[part][-1].t_ns if samples[part] else until_ns
        found.append(block(samples[part], until_ns))
    return found


def samples_of(samples: Sequence[Sample]) -> Samples:
    """For a keeper of one rule, whose slots are the signals."""
    one = block(samples)
    return Samples(one.t_ns, one.signal.astype(np.int64), one.raw, one.value)


def steps_back(samples: Sequence[Sample]) -> list[int]:
    """Where a block must begin: within one, time does not decrease."""
    return [i for i in range(1, len(samples)) if samples[i].t_ns < samples[i - 1].t_ns]


def judged(keeper: Keeper, samples: Sequence[Sample], parts: Sequence[slice]) -> list[Told]:
    """(column, time, raw) of all that a keeper keeps of a stream cut so, sorted."""
    found: list[Told] = []
    for part, one in zip(parts, blocks(samples, parts), strict=True):
        found += told(keeper.keep(samples_of(samples[part]))) + told(keeper.due(one.until_ns))
    return sorted(found + told(keeper.rest()))


def told(kept: Kept) -> list[Told]:
    return list(zip(kept.column.tolist(), kept.t_ns.tolist(), kept.raw.tolist(), strict=True))


def info(
    name: str = "rule", kind: str = "periodic", *, lane: Lane = Lane.WARM, unit: TimeUnit = TimeUnit.NS
) -> RuleInfo:
    return RuleInfo(name, kind, 5, lane, "test", unit)


LOOSE = BatchLimits(max_age_ns=3600 * SECOND, max_bytes=500_000)


def periodic(
    every_ns: int,
    keep: Sequence[Aggregate] = (Aggregate.LAST,),
    *,
    limits: BatchLimits = LOOSE,
    about: RuleInfo | None = None,
) -> Periodic:
    return Periodic(about or info(), np.arange(len(SIGNALS)), limits, every_ns, tuple(keep))


def on_change(
    *,
    deadband: float = 0.0,
    relative: float = 0.0,
    min_interval_ns: int = 0,
    heartbeat_ns: int | None = None,
    limits: BatchLimits = LOOSE,
    about: RuleInfo | None = None,
) -> OnChange:
    about = about or info("change", "on_change")
    return OnChange(about, np.arange(len(SIGNALS)), limits, deadband, min_interval_ns, heartbeat_ns, relative)


def bounded(
    max_error: float,
    max_hold_ns: int = 3600 * SECOND,
    *,
    limits: BatchLimits = LOOSE,
    about: RuleInfo | None = None,
) -> Bounded:
    about = about or info("lines", "on_change")
    return Bounded(about, np.arange(len(SIGNALS)), limits, max_error, max_hold_ns)


def named(samples: Sequence[Sample]) -> list[tuple[str, str, int, int]]:
    return sorted((SIGNALS[one.signal].name, "last", one.t_ns, one.raw) for one in samples)


def in_batches(batches: Sequence[Batch]) -> list[tuple[str, str, int, int]]:
    """(signal, aggregate, t_ns, raw) of everything, sorted."""
    return sorted(
        (column.signal.name, column.aggregate, t_ns, raw)
        for batch in batches
        for column in batch.columns
        for t_ns, raw in zip(column.t_ns.tolist(), column.raw.tolist(), strict=True)
    )

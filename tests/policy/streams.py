"""Streams of samples, cut into blocks; and the rules as somebody would follow them with pencil and paper."""

import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from edge_agent.policy.kept import Samples
from edge_agent.policy.rules import BatchLimits, OnChange, Periodic
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
def cuts(draw: st.DrawFn, length: int) -> list[slice]:
    """A way to cut `length` samples into blocks, some of them empty."""
    edges = [0, *sorted(draw(st.lists(st.integers(0, length), max_size=6))), length]
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
    one = block(samples)
    return Samples(one.t_ns, one.signal.astype(np.int64), one.raw, one.value)


def info(
    name: str = "rule", kind: str = "periodic", *, lane: Lane = Lane.WARM, unit: TimeUnit = TimeUnit.NS
) -> RuleInfo:
    return RuleInfo(name, kind, 5, lane, "test", unit)


LOOSE = BatchLimits(max_age_ns=3600 * SECOND, max_bytes=500_000)


def periodic(every_ns: int, *, limits: BatchLimits = LOOSE, about: RuleInfo | None = None) -> Periodic:
    return Periodic(about or info(), np.arange(len(SIGNALS)), limits, every_ns)


def on_change(
    *,
    deadband: float = 0.0,
    min_interval_ns: int = 0,
    heartbeat_ns: int | None = None,
    limits: BatchLimits = LOOSE,
    about: RuleInfo | None = None,
) -> OnChange:
    about = about or info("change", "on_change")
    return OnChange(about, np.arange(len(SIGNALS)), limits, deadband, min_interval_ns, heartbeat_ns)


# --- with pencil and paper -----------------------------------------------------------------------


def kept_by_periodic(samples: Sequence[Sample], every_ns: int) -> list[Sample]:
    """Each signal's last sample of every window, where times do not decrease."""
    last: dict[tuple[int, int], Sample] = {}
    for one in samples:
        last[one.signal, one.t_ns // every_ns] = one
    return list(last.values())


def kept_by_on_change(
    samples: Sequence[Sample], *, deadband: float, min_interval_ns: int, heartbeat_ns: int | None
) -> list[Sample]:
    """One sample after the other, as the fields of `OnChange` are described."""
    found: list[Sample] = []
    before: dict[int, Sample] = {}
    for one in samples:
        last = before.get(one.signal)
        if last is None or _is_news(one, last, deadband, min_interval_ns, heartbeat_ns):
            before[one.signal] = one
            found.append(one)
    return found


def _is_news(one: Sample, last: Sample, deadband: float, min_interval_ns: int, heartbeat_ns: int | None) -> bool:
    since_ns = one.t_ns - last.t_ns
    if heartbeat_ns is not None and (since_ns >= heartbeat_ns or since_ns < 0):
        return True
    if 0 <= since_ns < min_interval_ns or one.raw == last.raw:
        return False
    if deadband == 0 or math.isnan(one.value) or math.isnan(last.value):
        return True
    if math.isinf(one.value) or math.isinf(last.value):
        return one.value != last.value
    return abs(one.value - last.value) > deadband


def in_batches(batches: Sequence[Batch]) -> list[tuple[str, int, int]]:
    """(signal, t_ns, raw) of every sample, sorted."""
    return sorted(
        (column.signal.name, t_ns, raw)
        for batch in batches
        for column in batch.columns
        for t_ns, raw in zip(column.t_ns.tolist(), column.raw.tolist(), strict=True)
    )


def named(samples: Sequence[Sample]) -> list[tuple[str, int, int]]:
    return sorted((SIGNALS[one.signal].name, one.t_ns, one.raw) for one in samples)

"""Batches as the policy seals them, made by hand or by hypothesis."""

import math
import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from edge_agent.records import (
    Batch,
    BootInfo,
    BusCounts,
    ClockQuality,
    CloseReason,
    Column,
    Frames,
    Lane,
    LostRange,
    RawKind,
    RuleInfo,
    SignalInfo,
    TimeUnit,
)
from edge_agent.spool.header import Sender

SENDER = Sender("vehicle-1", "edge-agent")
BOOT = BootInfo(3, 2, 41)
LOST = (LostRange(2, 7, 9, "cap"), LostRange(3, 0, 0, "refused"))
WARM = RuleInfo("idle", "periodic", 5, Lane.WARM, "fleet", TimeUnit.MS)
HOT = replace(WARM, name="alarms", kind="on_change", lane=Lane.HOT)
NOON_NS = 1_800_000_000_000_000_000

SPEED = SignalInfo("Motion.Speed", "km/h", 0.01, 0.0, RawKind.UNSIGNED, 16)
TORQUE = SignalInfo("Motion.Torque", "Nm", 1.0, -3.5, RawKind.SIGNED, 12)
VOLTAGE = SignalInfo("Cell.Voltage", "V", 1.0, 0.0, RawKind.FLOAT, 32)
SERIAL = SignalInfo("Unit.Serial", "", 1.0, 0.0, RawKind.UNSIGNED, 64)


def column(signal: SignalInfo, *samples: tuple[int, float]) -> Column:
    """A column of (t_ns, raw number)."""
    raw = [_bits(signal, number) for _, number in samples]
    return Column(signal, "last", np.array([t_ns for t_ns, _ in samples], np.int64), np.array(raw, np.int64))


def capture(seq: int = 5) -> Batch:
    """Two frames of a bus."""
    frames = Frames(
        t_ns=np.array([NOON_NS, NOON_NS + 1000]),
        bus=np.zeros(2, np.uint8),
        can_id=np.array([1, 2], np.uint32),
        flags=np.zeros(2, np.uint8),
        length=np.full(2, 8, np.uint16),
        data=np.zeros((2, 8), np.uint8),
    )
    return replace(batch(column(SPEED, (NOON_NS, 1)), seq=seq), columns=(), frames=frames)


def _bits(signal: SignalInfo, number: float) -> int:
    if signal.kind is RawKind.FLOAT:
        return int(struct.unpack("<q", struct.pack("<d", number))[0])
    return int(number) - (1 << 64) if number >= 1 << 63 else int(number)


def batch(*columns: Column, rule: RuleInfo = WARM, seq: int = 5) -> Batch:
    """Sealed for its age, with one bus's counters."""
    return Batch(
        seq=seq,
        rule=rule,
        opened_ns=min(int(one.t_ns[0]) for one in columns),
        closed_ns=max(int(one.t_ns[-1]) for one in columns),
        why=CloseReason.AGE,
        config_version=7,
        columns=columns,
        counts=(("can0", BusCounts(100, 90, 8, 2, 1)),),
        clock=ClockQuality.SYSTEM,
        uptime_ns=12_345_678_901,
    )


def numbers(signal: SignalInfo) -> st.SearchStrategy[float]:
    """Any raw number the signal can have."""
    if signal.kind is RawKind.FLOAT:
        return st.floats()
    if signal.kind is RawKind.SIGNED:
        return st.integers(-(1 << signal.bits - 1), (1 << signal.bits - 1) - 1)
    return st.integers(0, (1 << signal.bits) - 1)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    """Any column of one signal."""
    kind = draw(st.sampled_from(list(RawKind)))
    signal = SignalInfo(
        name,
        draw(st.text(max_size=4)),
        draw(st.floats(-1e6, 1e6)),
        draw(st.floats(-1e6, 1e6)),
        kind,
        draw(st.sampled_from([16, 32, 64] if kind is RawKind.FLOAT else [1, 8, 16, 32, 52, 53, 54, 63, 64])),
    )
    times = sorted(draw(st.lists(st.integers(NOON_NS, NOON_NS + 10**10), min_size=1, max_size=12)))
    return column(signal, *((t_ns, draw(numbers(signal))) for t_ns in times))


@st.composite
def batches(draw: st.DrawFn, lane: Lane) -> Batch:
    """Any batch of one lane."""
    names: Sequence[str] = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
    rule = replace(WARM, lane=lane, time_unit=draw(st.sampled_from(list(TimeUnit))))
    return batch(*(draw(columns(name)) for name in names), rule=rule)


def raw_numbers(one: Column) -> list[int | float]:
    """The column's raw numbers as they were on the bus."""
    if one.signal.kind is RawKind.FLOAT:
        return list(map(float, one.raw.view(np.float64)))
    return list(map(int, one.raw.view(np.uint64) if one.signal.kind is RawKind.UNSIGNED else one.raw))


def same(one: float, other: float) -> bool:
    """Equal, and of one type; NaN is equal to itself and -0.0 is not 0.0."""
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return repr(one) == repr(other)

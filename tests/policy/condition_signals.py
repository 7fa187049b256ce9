"""Signals, their catalogue, and streams of their samples, late ones among them, cut into blocks; for conditions."""

import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.records import BusCounts, ClockQuality, RawKind, SampleBlock, SignalInfo

MS = 1_000_000
SECOND = 1_000_000_000

SIGNALS = (
    SignalInfo("Motion.Speed", "km/h", 0.1, 0.0, RawKind.UNSIGNED, 16),
    SignalInfo("Motion.Gear", "", 1.0, -3.0, RawKind.SIGNED, 8),
    SignalInfo("Cell.Voltage", "V", 1.0, 0.0, RawKind.FLOAT, 64),
    SignalInfo("Cell.Serial", "", 1.0, 0.0, RawKind.UNSIGNED, 64),
)
SPEED, GEAR, VOLTAGE, SERIAL = (info.name for info in SIGNALS)
LABELS = {1: "One", 2: "Two's", -1: "Two's"}
"""of the gear"""
_NUMBERS: tuple[Sequence[float], ...] = (
    (0, 1, 2, 5, 65535),
    (-4, -1, 0, 1, 2, 3),
    (0.0, -0.0, 0.1, 1.5, -4.0, 1e300, -1e300, 5e-324, math.nan, math.inf, -math.inf),
    (0, 1, 2**53 + 1, 2**63, 2**64 - 1),
)


class Sample(NamedTuple):
    """As a SampleBlock has it."""

    t_ns: int
    signal: int
    raw: int
    value: float


def sample(t_ns: int, signal: int, number: float) -> Sample:
    """A sample of one of `SIGNALS` whose raw number is this."""
    info = SIGNALS[signal]
    if info.kind is RawKind.FLOAT:
        raw: int = struct.unpack("<q", struct.pack("<d", number))[0]
    else:
        raw = int(number) - ((1 << 64) if number >= 1 << 63 else 0)
    return Sample(t_ns, signal, raw, number * info.factor + info.offset)


_STEPS = st.sampled_from([0, 0, 1, MS, 10 * MS - 1, 10 * MS, 40 * MS, SECOND, 2 * SECOND])
_LATE = st.sampled_from([0, 0, 0, 0, 1, 10 * MS, 500 * MS])


@st.composite
def streams(draw: st.DrawFn) -> list[Sample]:
    """Samples of all signals; each may come later than others that were taken after it."""
    found: list[Sample] = []
    t_ns = draw(st.integers(1, 1000)) * SECOND
    for signal in draw(st.lists(st.integers(0, len(SIGNALS) - 1), max_size=25)):
        t_ns += draw(_STEPS)
        found.append(sample(t_ns - draw(_LATE), signal, draw(st.sampled_from(_NUMBERS[signal]))))
    return found


def block(samples: Sequence[Sample], until_ns: int) -> SampleBlock:
    """A block of these, in the order of time."""
    ordered = sorted(samples, key=lambda one: one.t_ns)
    t_ns, signal, raw, value = zip(*ordered, strict=True) if ordered else ((), (), (), ())
    return SampleBlock(
        t_ns=np.array(t_ns, np.int64),
        signal=np.array(signal, np.uint32),
        raw=np.array(raw, np.int64),
        value=np.array(value, np.float64),
        counts=(BusCounts(seen=len(samples), decoded=len(samples)),),
        until_ns=until_ns,
        uptime_ns=0,
        clock=ClockQuality.SYSTEM,
    )


@st.composite
def blocks_of(draw: st.DrawFn, samples: Sequence[Sample]) -> list[SampleBlock]:
    """The stream cut anywhere; each block says of the time no more than is true."""
    edges = [0, *sorted(draw(st.lists(st.integers(0, len(samples)), max_size=6))), len(samples)]
    found = []
    until_ns = 0
    for begin, end in pairwise(edges):
        true_ns = min((one.t_ns for one in samples[end:]), default=until_ns)
        until_ns = draw(st.sampled_from([until_ns, true_ns]))
        found.append(block(samples[begin:end], until_ns))
    return found


def _message(can_id: int, name: str) -> Message:
    signals = tuple(
        Signal(
            info.name.split(".")[1],
            BitField(0, info.bits, big_endian=False),
            info.kind,
            info.factor,
            info.offset,
            info.unit,
            labels=LABELS if info.name == GEAR else {},
        )
        for info in SIGNALS
        if info.name.startswith(f"{name}.")
    )
    return Message(name, can_id, 8, signals)


CATALOG = Catalog([("can0", [Database("drive.dbc", (_message(1, "Motion"), _message(2, "Cell")))])])

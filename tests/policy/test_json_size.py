"""The bounds, against what the encoders make of the worst there is."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.collector import Collector
from edge_agent.policy.json_size import json_sizes
from edge_agent.policy.rules import Aggregate, BatchLimits, ColumnInfo, OnChange, Periodic, Rule
from edge_agent.records import (
    Batch,
    BusCounts,
    ClockQuality,
    CloseReason,
    Lane,
    RawKind,
    SampleBlock,
    SignalInfo,
    TimeUnit,
)
from tests.policy.sealing import payload_bytes, sample_json_bytes
from tests.policy.streams import SECOND, in_batches, info, raw_of
from tests.spool.batches import batch, column

TIGHT = 4096
LONGEST = -2.2250738585072014e-308
HUB_BYTES = 240_000

SPITEFUL = ("\x01\x02\x1f", "°°°", "🚗🚗", '"\\"\\', "plain")


@st.composite
def infos(draw: st.DrawFn, name: str) -> SignalInfo:
    kind = draw(st.sampled_from(list(RawKind)))
    return SignalInfo(
        name + draw(st.sampled_from(SPITEFUL)),
        draw(st.sampled_from(SPITEFUL)),
        draw(st.sampled_from([1.0, LONGEST, 0.1])),
        draw(st.sampled_from([0.0, LONGEST])),
        kind,
        64 if kind is RawKind.FLOAT else draw(st.sampled_from([1, 2, 8, 16, 32, 53, 54, 63, 64])),
    )


def extremes(signal: SignalInfo) -> list[float]:
    """What makes the longest texts and the widest differences, in turn."""
    if signal.kind is RawKind.FLOAT:
        return [LONGEST, math.nan, 0.1 + 0.2, -1.7976931348623157e308, math.inf]
    if signal.kind is RawKind.SIGNED:
        return [-(1 << signal.bits - 1), (1 << signal.bits - 1) - 1, 0]
    return [0, (1 << signal.bits) - 1]


def collected(signals: list[SignalInfo], numbers: list[tuple[int, int, float]], rule: Rule) -> list[Batch]:
    """Batches of (t_ns, signal, number), fed as one block."""
    collector = Collector(["can0"])
    collector.reconfigure(1, signals, [rule])
    t_ns = [t for t, _, _ in numbers]
    block = SampleBlock(
        t_ns=np.array(t_ns, np.int64),
        signal=np.array([signal for _, signal, _ in numbers], np.uint32),
        raw=np.array([raw_of(signals[signal], number) for _, signal, number in numbers], np.int64),
        value=np.array([number for _, _, number in numbers], np.float64),
        counts=(BusCounts(),),
        until_ns=max(t_ns),
        uptime_ns=0,
        clock=ClockQuality.SYSTEM,
    )
    return collector.feed(block) + collector.flush(CloseReason.STOPPED)


def bound(one: Batch) -> int:
    """What `json_sizes` says of a batch whose samples have one time, so that no digit of a time is in doubt."""
    columns = [ColumnInfo(column.signal, Aggregate(column.aggregate), column.max_error) for column in one.columns]
    sizes = json_sizes(columns, BatchLimits(0, 0), one.rule.lane, one.rule.time_unit)
    counts = [len(column.t_ns) for column in one.columns]
    return sum(int(sizes.first[i] + sizes.each[i] * count) for i, count in enumerate(counts))


WORST = SignalInfo("\x01" * 9, "\x02" * 9, LONGEST, LONGEST, RawKind.FLOAT, 64)
LONG_AGO_NS = -(1 << 63)


@pytest.mark.parametrize(
    ("signal", "numbers", "slack"),
    [
        (WORST, [LONGEST] * 49 + [math.nan], 25),  # the NaN itself is short
        (WORST, [LONGEST], 6),
        (replace(WORST, kind=RawKind.SIGNED), [-(1 << 63)] * 50, 6),
        (replace(WORST, kind=RawKind.UNSIGNED), [(1 << 64) - 1] * 50, 6 + 50),  # no sign
        (replace(WORST, kind=RawKind.UNSIGNED, bits=53), [0, (1 << 53) - 1] * 25, 6 + 25 + 16),  # every other no sign
        (replace(WORST, kind=RawKind.SIGNED, bits=8), [-128, 127] * 25, 6 + 25),
        (replace(WORST, kind=RawKind.SIGNED, bits=1), [0, -1] * 25, 6 + 25 + 1),
    ],
)
def test_a_column_at_its_worst_is_as_large_as_its_bound_and_no_larger(
    signal: SignalInfo, numbers: list[float], slack: int
) -> None:
    rule = info(unit=TimeUnit.NS)
    worst = replace(
        column(signal, *((LONG_AGO_NS, number) for number in numbers)), aggregate="count", max_error=-LONGEST
    )
    one = batch(worst, rule=rule)

    assert bound(one) - slack <= sample_json_bytes(one) <= bound(one)


def test_a_row_at_its_worst_is_as_large_as_its_bound_and_no_larger() -> None:
    signal = replace(WORST, factor=1.0, offset=0.0)
    worst = replace(column(signal, *((LONG_AGO_NS, LONGEST) for _ in range(50))), aggregate="count")
    one = batch(worst, rule=info(lane=Lane.HOT))

    assert bound(one) - 1 <= sample_json_bytes(one) <= bound(one)


@given(data=st.data(), lane=st.sampled_from(list(Lane)), unit=st.sampled_from(list(TimeUnit)))
def test_no_batch_is_larger_than_its_rule_allows(data: st.DataObject, lane: Lane, unit: TimeUnit) -> None:
    signals = [data.draw(infos(f"S{i}")) for i in range(data.draw(st.integers(1, 3)))]
    limits = BatchLimits(data.draw(st.sampled_from([SECOND // 10, 3600 * SECOND])), TIGHT)
    steps = data.draw(st.sampled_from([[0], [1], [999_999, 1], [SECOND], [7 * SECOND // 2, -3 * SECOND]]))
    start_ns = data.draw(st.sampled_from([0, 1_800_000_000 * SECOND, (1 << 63) - 3 * 3600 * SECOND]))
    numbers, t_ns = [], start_ns
    for i in range(data.draw(st.integers(1, 600))):
        signal = i % len(signals)
        t_ns += steps[i % len(steps)]
        worst = extremes(signals[signal])
        numbers.append((t_ns, signal, worst[i // len(signals) % len(worst)]))

    every_sample = OnChange(info(lane=lane, unit=unit), np.arange(len(signals)), limits, 0.0, 0, heartbeat_ns=0)
    batches = collected(signals, numbers, every_sample)

    assert in_batches(batches) == sorted((signals[s].name, "last", t, raw_of(signals[s], n)) for t, s, n in numbers)
    for one in batches:
        assert sample_json_bytes(one) <= TIGHT or one.kept == 1


def random_digits(bits: int, kind: RawKind) -> Callable[[random.Random], float]:
    if kind is RawKind.FLOAT:
        return lambda chance: chance.random() * 10.0 ** chance.randint(-9, 9)
    return lambda chance: chance.getrandbits(bits)


@pytest.mark.parametrize("unit", [TimeUnit.MS, TimeUnit.NS])
@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        (RawKind.UNSIGNED, 4),
        (RawKind.UNSIGNED, 16),
        (RawKind.UNSIGNED, 53),
        (RawKind.UNSIGNED, 64),
        (RawKind.FLOAT, 64),
    ],
)
def test_the_largest_batch_of_random_digits_fits_into_a_message(kind: RawKind, bits: int, unit: TimeUnit) -> None:
    signal = SignalInfo("Noise.Level", "", 1.0, 0.0, kind, bits)
    chance, make = random.Random(bits), random_digits(bits, kind)  # noqa: S311  the same noise each time
    numbers, t_ns = [], 0
    for _ in range(60_000):
        t_ns += chance.randrange(1, 40 * 1_000_000)
        numbers.append((t_ns, 0, make(chance)))

    limits = BatchLimits(3600 * SECOND, 500_000)
    batches = collected([signal], numbers, Periodic(info(unit=unit), np.arange(1), limits, every_ns=1))

    assert len(batches) > 1
    largest = max(batches, key=payload_bytes)
    assert largest.why is CloseReason.BYTES
    assert payload_bytes(largest) < HUB_BYTES


def test_a_bound_is_not_far_from_what_is_used() -> None:
    signal = SignalInfo("Motion.Speed", "km/h", 0.01, 0.0, RawKind.UNSIGNED, 16)
    numbers = [(i * 10_000_000, 0, float(i * 7919 % 65536)) for i in range(5000)]

    limits = BatchLimits(10 * SECOND, 10_000)
    batches = collected([signal], numbers, Periodic(info(unit=TimeUnit.MS), np.arange(1), limits, every_ns=1))

    full = [one for one in batches if one.why is CloseReason.BYTES]
    assert full
    assert min(map(sample_json_bytes, full)) > 6_000

"""What deciding costs beside decoding: many rules over four full buses, in CPU time of the block that holds them."""

import random
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.decoder import decode
from edge_agent.policy.collector import Collector
from edge_agent.records import ClockQuality, FrameBlock, RawKind
from edge_agent.twin.compilation import Config, compile_document
from edge_agent.twin.document import judge

BUSES = ("can0", "can1", "can2", "can3")
CYCLES_MS = (1, 1, 2, 2, 5, 5, 10, 10, 20, 50, 100, 100, 1000)
"""13 messages, 3,691 frames/s a bus and 14,764 on four: the bus load of AWS IoT FleetWise's load test (its
`sample_high_bus_load.dbc` and `loadtest.py`, 50 heartbeat and 30 condition-based schemes)"""
SIGNALS = 4
"""of 16 bits in each message"""
TICK_MS = 50
STREAM_S = 10
LATE_MS = 200
"""how far `until_ns` of live buses is behind"""


def catalog() -> Catalog:
    """Four buses with the same messages."""
    signals = tuple(
        Signal(f"S{i}", BitField(16 * i, 16, big_endian=False), RawKind.UNSIGNED, 0.1, 0.0, "") for i in range(SIGNALS)
    )
    messages = tuple(Message(f"M{i}", 0x100 + i, 8, signals) for i in range(len(CYCLES_MS)))
    return Catalog([(bus, [Database("load.dbc", messages)]) for bus in BUSES])


def stream() -> list[FrameBlock]:
    """Signals that swing through their range, each at its own pace; blocks of one tick."""
    due = sorted(
        (t_ms * 1_000_000 + 1_000 * (13 * bus + message), bus, message)
        for bus in range(len(BUSES))
        for message, cycle_ms in enumerate(CYCLES_MS)
        for t_ms in range(0, STREAM_S * 1000, cycle_ms)
    )
    t_ns, bus, message = np.array(due, np.int64).T
    swing = np.sin(t_ns[:, None] / 1e9 / (1 + bus[:, None] + np.arange(SIGNALS)) + message[:, None])
    data = np.ascontiguousarray((32_767 * (1 + swing)).astype("<u2")).view(np.uint8)
    edges = np.searchsorted(t_ns, np.arange(0, STREAM_S * 1000 + 1, TICK_MS) * 1_000_000)
    return [
        FrameBlock(
            t_ns=t_ns[begin:end],
            bus=bus[begin:end].astype(np.uint8),
            can_id=(0x100 + message[begin:end]).astype(np.uint32),
            flags=np.zeros(end - begin, np.uint8),
            length=np.full(end - begin, 8, np.uint16),
            data=data[begin:end],
            dropped=(0,) * len(BUSES),
            until_ns=int(t_ns[end - 1]) - LATE_MS * 1_000_000,
            uptime_ns=0,
            clock=ClockQuality.SYSTEM,
        )
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]


def name(rng: random.Random) -> str:
    """Some signal of some bus."""
    return f"{rng.choice(BUSES)}.M{rng.randrange(len(CYCLES_MS))}.S{rng.randrange(SIGNALS)}"


def comparison(rng: random.Random) -> str:
    """Three operations."""
    return f"{name(rng)} {rng.choice('<>')} {rng.randrange(500, 6000)}"


def condition(rng: random.Random) -> str:
    """20 operations over five signals."""
    first, second, third, fourth, fifth = (comparison(rng) for _ in range(5))
    return f"({first} and {second}) or ({third} and not {fourth}) and {fifth}"


def event(rng: random.Random, when: str) -> dict[str, Any]:
    """A second before and after, of six signals."""
    signals = [name(rng) for _ in range(6)]
    return {"kind": "event", "signals": signals, "when": when, "before_s": 1, "after_s": 1, "cooldown_s": 10}


def fleetwise() -> dict[str, Any]:
    """50 periodic rules and 30 events."""
    rng = random.Random(1)  # noqa: S311  the same rules in every run
    periodic = {
        f"p{i}": {"kind": "periodic", "signals": [name(rng) for _ in range(6)], "every_ms": 1000} for i in range(50)
    }
    return periodic | {f"e{i}": event(rng, f"{comparison(rng)} and {comparison(rng)}") for i in range(30)}


def many_conditions() -> dict[str, Any]:
    """256 events with 20 operations each."""
    rng = random.Random(2)  # noqa: S311  the same numbers each time
    return {f"e{i}": event(rng, condition(rng)) for i in range(256)}


def block_us(config: Config, blocks: Sequence[FrameBlock]) -> list[float]:
    """CPU time of decoding and judging each block, once warm."""
    collector = Collector(BUSES)
    collector.reconfigure(1, config.plan.signals, config.rules, config.conditions)
    found = []
    for block in blocks:
        began = time.process_time_ns()
        collector.feed(decode(config.plan, block))
        found.append((time.process_time_ns() - began) / 1e3)
    return found[len(found) // 10 :]


def bench_rules() -> None:
    """Both loads."""
    known, blocks = catalog(), stream()
    frames = sum(map(len, blocks)) / STREAM_S
    print(f"\nrules: decoding and policy together, {len(BUSES)} buses, {frames:,.0f} frames/s, ticks of {TICK_MS} ms")
    for title, rules in (
        ("50 periodic rules and 30 events", fleetwise()),
        ("256 events, conditions of 20 operations", many_conditions()),
    ):
        config = compile_document(judge({"schema_version": 1, "rules": rules}), known, version=1)
        costs = block_us(config, blocks)
        mean = statistics.mean(costs)
        share = mean / (TICK_MS * 10)
        slow = np.quantile(costs, 0.99)
        print(f"  {title:<52} {mean:8,.0f} us/block   {share:6.1f} % of a core   p99 {slow:,.0f} us")


if __name__ == "__main__":
    bench_rules()

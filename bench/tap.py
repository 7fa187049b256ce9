"""What the tap costs: N signals that all change with each block of 100 ms, to a broker of this machine.

    python -m bench.tap [signals] [seconds]

Prints the process's CPU with a broker and without one, so that what feeds it is not counted as the tap's.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from edge_agent.clock import SystemClock
from edge_agent.records import ClockQuality, RawKind, SampleBlock, SignalInfo
from edge_agent.tap.latest import Latest
from edge_agent.tap.live import OFFLINE, LiveTap
from edge_agent.tap.local_bus import LocalBus
from edge_agent.tap.tick import TapAsked
from tests.tap.broker import mosquitto, until
from tests.uplink.fakes import Told

BLOCK_S = 0.1


def block(signals: int, at: int, clock: SystemClock) -> SampleBlock:
    """One sample of each signal, taken now; no two blocks have the same values."""
    now_ns, uptime_ns = clock.both_ns()
    raw = np.arange(signals, dtype=np.int64) + at * 7
    return SampleBlock(
        t_ns=np.full(signals, now_ns),
        signal=np.arange(signals, dtype=np.uint32),
        raw=raw,
        value=raw.astype(np.float64) * np.float64(0.05),
        counts=(),
        until_ns=now_ns,
        uptime_ns=uptime_ns,
        clock=ClockQuality.SYSTEM,
        epoch_ns=now_ns - uptime_ns,
    )


async def measure(signals: int, seconds: float, *, with_broker: bool) -> tuple[float, int]:
    """Percent of a core, and ticks that were published."""
    names = [f"Vehicle.Some.Branch.Signal{i}" for i in range(signals)]
    plan = [SignalInfo(name, "", 0.05, 0.0, RawKind.UNSIGNED, 16) for name in names]
    clock, log, latest = SystemClock(), Told(), Latest()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = await stack.enter_async_context(mosquitto(folder / "broker")) if with_broker else None
        bus = LocalBus(broker.link(log) if broker else None, OFFLINE, clock=clock, random=lambda: 0.0, log=log)
        tap = LiveTap(bus, 1, clock=clock, log=log)
        latest.reconfigure(plan)
        tap.follow(TapAsked(signals=tuple(names)), plan, 1)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(bus.run(), name="bus"), group.create_task(tap.run(dict), name="tap")]
        if broker:
            await until(lambda: bus.up)
        began_s, cpu_s = time.monotonic(), time.process_time()
        for at in range(int(seconds / BLOCK_S)):
            one = block(signals, at, clock)
            latest.update(one)
            tap.feed(latest, one.uptime_ns)
            await asyncio.sleep(began_s + (at + 1) * BLOCK_S - time.monotonic())
        percent = 100 * (time.process_time() - cpu_s) / (time.monotonic() - began_s)
        for task in tasks:
            task.cancel()
    return percent, tap.published


def main(signals: int = 50, seconds: float = 10.0) -> None:
    """Both, and the difference."""
    without, _ = asyncio.run(measure(signals, seconds, with_broker=False))
    with_broker, ticks = asyncio.run(measure(signals, seconds, with_broker=True))
    print(f"{signals} signals at {1 / BLOCK_S:g} Hz for {seconds:g} s, {ticks} ticks")
    print(f"{without:.2f} % of a core without a broker, {with_broker:.2f} % with one: {with_broker - without:.2f} %")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

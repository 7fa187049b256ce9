"""`make bench`: what a frame costs and what a sample weighs, beside the usual ways, in one run.

CPU time of this process, the median of interleaved rounds; the machine's speed drifts, so trust the ratios.
"""

import asyncio
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import can
import cantools
import structlog
from cantools.database.can import Database

from bench.end_to_end import bench_end_to_end
from bench.footprint import bench_footprint
from bench.protobuf_rows import encoded
from bench.receive import bench_receive
from bench.rules import bench_rules
from bench.spool import bench_spool
from bench.traffic import Traffic, blocks, traffic
from bench.uplink import bench_uplink
from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.bus import Buses
from edge_agent.acquire.pythoncan import message_of
from edge_agent.clock import SystemClock
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.policy.collector import Collector
from edge_agent.records import EXTENDED_ID, Batch, BootInfo, CloseReason
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_agent.spool.segments import SegmentSpool
from edge_agent.twin.compilation import Config, compile_document
from edge_agent.twin.document import judge

ROUNDS = 5
BUS_FRAMES = 10_000
WANTED = 150
END_TO_END_S = 10.0
BACKLOG_BYTES = 64 << 20
AHEAD = 2_000
"""frames the sender may be ahead of the reader"""
RULES = {"schema_version": 1, "rules": {"all": {"kind": "on_change", "signals": ["*"]}}}
SENDER = Sender("bench", "telematics")
BOOT = BootInfo(1, None, None)

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
LOG = structlog.get_logger()


def cpu_us(work: Callable[[], object]) -> float:
    """CPU time of this process, all threads."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e6


def interleaved(works: dict[str, Callable[[], object]], per: int) -> dict[str, float]:
    """Median microseconds for one of `per` items; the ways take turns, so that a slow moment hits all."""
    rounds = [{name: cpu_us(work) / per for name, work in works.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in works}


def table(title: str, costs: dict[str, float], base: str) -> None:
    """One line a way, with its ratio to `base`."""
    print(f"\n{title}")
    for name, cost in costs.items():
        print(f"  {name:<52} {cost:8.2f} us/frame   {costs[base] / cost:6.1f} x {base}")


def cantools_database(load: Traffic) -> Database:
    """The traffic's database as cantools has it."""
    database = cantools.database.load_file(load.database, strict=False)
    assert isinstance(database, Database)
    return database


def bench_decode(load: Traffic, plan: DecodePlan, few: DecodePlan) -> None:
    """Decoding alone."""
    database = cantools_database(load)
    by_id = {m.frame_id | (EXTENDED_ID if m.is_extended_frame else 0): m for m in database.messages}
    hundred, thousand = blocks(load.frames, 100), blocks(load.frames, 1000)

    def with_cantools() -> None:
        for frame in load.frames:
            message = by_id.get(frame.can_id)
            if message is not None:
                try:
                    message.decode(frame.data, decode_choices=False)
                except cantools.database.DecodeError:
                    continue  # a frame shorter than its message, or an unknown multiplexer

    costs = interleaved(
        {
            "cantools": with_cantools,
            "this decoder, blocks of 100": lambda: [decode(plan, block) for block in hundred],
            "this decoder, blocks of 1000": lambda: [decode(plan, block) for block in thousand],
            f"this decoder, {len(few.signals)} signals wanted, blocks of 100": lambda: [
                decode(few, block) for block in hundred
            ],
            f"this decoder, {len(few.signals)} signals wanted, blocks of 1000": lambda: [
                decode(few, block) for block in thousand
            ],
        },
        len(load.frames),
    )
    samples = sum(len(decode(plan, block)) for block in thousand)
    table(
        f"decode: {load.name}, {len(load.frames)} frames, {samples / len(load.frames):.1f} signals a frame",
        costs,
        "cantools",
    )


class Sending:
    """Frames put on a virtual bus as fast as the readers keep up; its own cost is measured and taken off."""

    def __init__(self, load: Traffic) -> None:
        self.messages = [message_of(frame) for frame in load.frames[:BUS_FRAMES]]

    def __call__(self, seen: Callable[[], int]) -> None:
        """Send all; `seen` says how many were read."""
        with can.Bus(interface="virtual", channel="bench") as bus:
            for sent, message in enumerate(self.messages):
                while sent - seen() > AHEAD:
                    time.sleep(0.001)
                bus.send(message)


def bench_bus(load: Traffic, catalog: Catalog) -> None:
    """From a bus to batches on disk."""
    sending = Sending(load)
    database = cantools_database(load)
    config = compile_document(judge(RULES), catalog, version=1)
    costs = interleaved(
        {
            "sending alone": lambda: sending(lambda: 1 << 60),
            "python-can Notifier + cantools + gzipped JSON": lambda: notifier_path(sending, database),
            "bus to spool, this agent": lambda: asyncio.run(agent_path(sending, catalog.bus_names, config)),
        },
        BUS_FRAMES,
    )
    own = costs.pop("sending alone")
    table(
        f"bus to disk: {load.name}, {BUS_FRAMES} frames over python-can's virtual bus, all signals, on change "
        f"({own:.1f} us/frame of sending taken off)",
        {name: cost - own for name, cost in costs.items()},
        "python-can Notifier + cantools + gzipped JSON",
    )


def notifier_path(sending: Sending, database: Database) -> None:
    """The usual way: a thread, a callback a frame, a dictionary a message, what changed as JSON, to a file."""
    last: dict[str, object] = {}
    changed: list[tuple[float, str, object]] = []
    seen = 0

    def receive(message: can.Message) -> None:
        nonlocal seen
        seen += 1
        try:
            signals = database.decode_message(message.arbitration_id, bytes(message.data), decode_choices=False)
        except (KeyError, cantools.database.DecodeError):
            return
        for name, value in signals.items():  # type: ignore[union-attr]
            if last.get(name) != value:
                last[name] = value
                changed.append((message.timestamp, name, value))

    with can.Bus(interface="virtual", channel="bench") as bus, tempfile.TemporaryFile() as file:
        notifier = can.Notifier(bus, [receive])
        sending(lambda: seen)
        while seen < BUS_FRAMES:
            time.sleep(0.001)
        notifier.stop()
        file.write(gzip.compress(json.dumps(changed).encode()))


async def agent_path(sending: Sending, bus_names: Sequence[str], config: Config) -> None:
    """The agent's own stages, as `wiring/parts.py` joins them."""
    collector = Collector(bus_names)
    collector.reconfigure(1, config.plan.signals, config.rules)
    source = Buses([BusAddress("log", "virtual", "bench")], log=LOG, clock=SystemClock())
    with tempfile.TemporaryDirectory() as folder:
        spool = await SegmentSpool.open(Path(folder), cap_bytes=1 << 26, log=LOG)
        frames = source.blocks()
        await anext(frames)
        sender = asyncio.get_running_loop().run_in_executor(None, sending, lambda: collector.counts[0][1].seen)
        sealed: list[Batch] = []
        while collector.counts[0][1].seen < BUS_FRAMES:
            sealed += collector.feed(decode(config.plan, await anext(frames)))
        sealed += collector.flush(CloseReason.STOPPED)
        await spool.append([seal(batch, SENDER, spool.boot, ()) for batch in sealed])
        await sender
        await frames.aclose()
        await spool.close()


def batches_of(load: Traffic, catalog: Catalog, unit: str) -> list[Batch]:
    """What the rules keep of all frames, in batches of 10 s."""
    rules = {"schema_version": 1, "rules": {"all": {"kind": "on_change", "signals": ["*"], "time_unit": unit}}}
    config = compile_document(judge(rules), catalog, version=1)
    collector = Collector(catalog.bus_names)
    collector.reconfigure(1, config.plan.signals, config.rules)
    sealed = [batch for block in blocks(load.frames, 100) for batch in collector.feed(decode(config.plan, block))]
    return sealed + collector.flush(CloseReason.STOPPED)


def bench_bytes(load: Traffic, catalog: Catalog) -> None:
    """What a sample weighs."""
    batches = batches_of(load, catalog, "ms")
    samples = sum(batch.kept for batch in batches)
    rows = encoded(batches) / samples
    print(f"\nbytes a sample: {load.name}, {samples} samples on change in {len(batches)} batches of 10 s")
    print(f"  {'protobuf rows + Snappy':<52} {rows:8.2f}")
    for unit in ("ms", "us"):
        sealed = [seal(batch, SENDER, BOOT, ()) for batch in batches_of(load, catalog, unit)]
        size = sum(len(envelope.payload) for envelope in sealed) / samples
        print(f"  {f'columns/1, times in {unit}, header included':<52} {size:8.2f}   {rows / size:6.1f} x smaller")


def plans(load: Traffic) -> tuple[Catalog, DecodePlan, DecodePlan]:
    """All signals, and 150 from all over them, or every tenth of fewer than 1500."""
    catalog = Catalog([("log", [load_database(load.database)])])
    names: Sequence[str] = list(catalog)
    return (
        catalog,
        compile_plan(catalog, names),
        compile_plan(catalog, names[:: max(10, len(names) // WANTED)][:WANTED]),
    )


def main() -> None:
    """Print everything."""
    bench_receive()
    bench_end_to_end(END_TO_END_S)
    bench_footprint()
    bench_rules()
    for load in traffic():
        catalog, plan, few = plans(load)
        bench_decode(load, plan, few)
        if load.payloads_are_real:
            bench_bus(load, catalog)
            bench_bytes(load, catalog)
    with tempfile.TemporaryDirectory() as folder:
        bench_spool(Path(folder), BACKLOG_BYTES)
        bench_uplink(Path(folder))


if __name__ == "__main__":
    main()

"""`python -m bench.uplink`: how fast a backlog goes through Microsoft's SDK to the local hub, beside the SDK alone.

Both ways take turns in one run, every other time the agent first, each in a process of its own, through the same hub in
another, with the same messages on the wire and at most 16 of them in flight:

    SDK alone   azure-iot-device on the event loop, 16 tasks that each send what is next, out of memory; nothing of the
                agent touches it
    the agent   a spool filled on disk and opened anew, `Delivery`, `IotEdge`; each batch is settled on disk

Time runs from the first send to the last acknowledgement, so what the agent takes to find its pace counts too. CPU is
told in milliseconds a message, of the sending process (all threads) and of the hub's. The machine's speed drifts, and
one turn of the SDK alone differs from its next by as much as by half: trust the median of the ratios of neighbours.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubModuleClient

from bench.spool import CAP_BYTES, LOG, NoInbox, Segments, envelopes, fill, free_address
from edge_agent.clock import SystemClock
from edge_agent.desk.hub_process import HubProcess
from edge_agent.large_buffers import give_back_large_buffers
from edge_agent.records import Envelope
from edge_agent.spool.segments import SegmentSpool
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import Delivery
from edge_agent.uplink.iotedge import IotEdge

IN_FLIGHT = 16
LOADS = ((1 << 10, 3000), (200 << 10, 300))
"""(bytes of payload, messages a round)"""
ROUNDS = 11
ALONE, AGENT = "SDK alone", "the agent"


@dataclass(frozen=True, slots=True)
class Round:
    """What one way did once."""

    per_s: float
    """messages"""
    client_ms: float
    """CPU a message"""
    hub_ms: float


class Watch:
    """Times and CPU between `start` and `stop`."""

    def __init__(self, hub_pid: int) -> None:
        self._hub_pid = hub_pid
        self._began: tuple[float, float, float] | None = None

    def start(self) -> None:
        """Of what comes from now on; only the first call counts."""
        self._began = self._began or self._now()

    def stop(self, count: int) -> Round:
        """So many messages went since the start."""
        assert self._began
        took_s, client_s, hub_s = (after - before for after, before in zip(self._now(), self._began, strict=True))
        return Round(count / took_s, client_s * 1000 / count, hub_s * 1000 / count)

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), cpu_s(self._hub_pid)


def cpu_s(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """What the SDK finds in its process's environment meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@asynccontextmanager
async def hub_on(folder: Path) -> AsyncIterator[HubProcess]:
    """A hub of its own, and its module's environment."""
    hub = HubProcess(folder / "hub", free_address())
    await hub.start()
    try:
        with environment(hub.environment):
            yield hub
    finally:
        await hub.kill()


def alone(variables: dict[str, str], _folder: Path, size: int, count: int, hub_pid: int) -> Round:
    """`sent_alone`, for another process."""
    with environment(variables):
        return asyncio.run(sent_alone(envelopes(1, 0, size, count), Watch(hub_pid)))


def agent(variables: dict[str, str], folder: Path, size: int, count: int, hub_pid: int) -> Round:
    """`delivered`, for another process."""
    give_back_large_buffers()  # as the agent does
    with environment(variables):
        return asyncio.run(delivered(folder, size, count, Watch(hub_pid)))


async def sent_alone(batch: Sequence[Envelope], watch: Watch) -> Round:
    """The SDK as its samples use it, with as many sends at once."""
    client = IoTHubModuleClient.create_from_edge_environment(connection_retry=False)
    await client.connect()
    await client.get_twin()
    left = iter(batch)

    async def send() -> None:
        for envelope in left:
            await client.send_message(message_of(envelope))

    watch.start()
    async with asyncio.TaskGroup() as group:
        for number in range(IN_FLIGHT):
            group.create_task(send(), name=f"send {number}")
    figures = watch.stop(len(batch))
    await client.shutdown()
    return figures


def message_of(envelope: Envelope) -> Message:
    """With the properties that the agent's messages have."""
    key = envelope.key
    message = Message(  # type: ignore[no-untyped-call]  # typed in the SDK's docstring only
        envelope.payload,
        message_id=f"{key.boot}-{key.seq}",
        content_type=envelope.content_type,
        content_encoding=envelope.content_encoding,
        output_name="telemetry",
    )
    message.custom_properties = {
        "schema": envelope.schema,
        "lane": envelope.lane.value,
        "rule": envelope.rule,
        "boot": str(key.boot),
        "seq": str(key.seq),
    }
    return message


async def delivered(folder: Path, size: int, count: int, watch: Watch) -> Round:
    """A backlog of an earlier start, as `wiring/parts.py` has it delivered."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        spool = await SegmentSpool.open(Path(data), cap_bytes=CAP_BYTES, log=LOG)
        await fill(Segments(spool), size, count)
        await spool.close()
        spool = await SegmentSpool.open(Path(data), cap_bytes=CAP_BYTES, log=LOG)
        delivery = Delivery(
            IotEdge(LOG),
            spool,
            NoInbox(),
            Reported(),
            clock=SystemClock(),
            random=random.random,
            log=LOG,
            sending=lambda _: watch.start(),
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            delivering = group.create_task(delivery.run(stop), name="uplink")
            await spool.emptied()
            figures = watch.stop(count)
            stop.set()
            await delivering
        await spool.close()
    assert (delivery.counts.acked, delivery.counts.uncertain) == (count, 0), delivery.counts
    return figures


async def rounds(home: Path, size: int, count: int) -> dict[str, list[Round]]:
    """The two ways in turn, each pair with a hub of its own."""
    done: dict[str, list[Round]] = {ALONE: [], AGENT: []}
    ways = [(ALONE, alone, _process()), (AGENT, agent, _process())]
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=home) as folder:
            async with hub_on(Path(folder)) as hub:
                for name, way, process in ways:
                    given = hub.environment, Path(folder), size, count, hub.pid
                    done[name].append(await asyncio.get_running_loop().run_in_executor(process, way, *given))
        ways.reverse()
    for _, _, process in ways:
        process.shutdown()
    return done


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"))


def bench_uplink(home: Path, loads: Sequence[tuple[int, int]] = LOADS) -> None:
    """One line a way and size, and their ratio."""
    load = f"load {os.getloadavg()[0]:.1f} before"
    print(f"\nuplink: SDK and local hub, {IN_FLIGHT} in flight, medians of {ROUNDS} rounds in turn; {load}")
    for size, count in loads:
        done = asyncio.run(rounds(home, size, count))
        for way, figures in done.items():
            per_s, client_ms, hub_ms = (
                statistics.median(getattr(one, name) for one in figures) for name in ("per_s", "client_ms", "hub_ms")
            )
            cores = f"{client_ms * per_s / 1000:5.2f} + {hub_ms * per_s / 1000:4.2f} cores"
            print(
                f"  {f'{size >> 10} KiB, {way}':<24}{per_s:8.0f} a s   CPU a message:"
                f" client {client_ms:5.2f} ms, hub {hub_ms:5.2f} ms   {cores}",
            )
        ratios = sorted(ours.per_s / theirs.per_s for ours, theirs in zip(done[AGENT], done[ALONE], strict=True))
        low, middle, high = statistics.quantiles(ratios)
        print(
            f"  {'':<24}{middle:8.2f} x the SDK alone (half of the rounds {low:.2f} to {high:.2f},"
            f" all {ratios[0]:.2f} to {ratios[-1]:.2f})",
        )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as elsewhere:
        bench_uplink(chosen.folder or Path(elsewhere))


if __name__ == "__main__":
    main()

"""What ends a connection that has lasted, through the real SDK: a suspend, and a token that is renewed."""

import asyncio
import gc
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.records import Acked
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import Delivery
from edge_agent.uplink.iotedge import IotEdge, Limits
from tests.uplink.desk import SHORT, Desk, desk, until
from tests.uplink.fakes import MemorySpool, Recorder, envelope
from tests.uplink.run import Run, acked, sessions

RENEWED_AFTER_S = 2
"""from its making to the SDK's renewal of a token, which comes 120 s before its end"""


LEFT_BY_THE_SDK = pytest.mark.filterwarnings(r"ignore:unclosed <socket.socket fd=\d+, family=2,:ResourceWarning")
"""paho's pair of sockets, of which it makes another with each connection of one client."""


class SleepyClock:
    """The system's, as after a suspend: its uptime went on, the loop's time did not."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.asleep_s = 0.0

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def uptime_ns(self) -> int:
        return self._clock.uptime_ns() + int(self.asleep_s * 1e9)

    def both_ns(self) -> tuple[int, int]:
        return self.now_ns(), self.uptime_ns()

    def is_synced(self) -> bool | None:
        return self._clock.is_synced()


@pytest.mark.timed
@pytest.mark.parametrize("size", [500, 200_000], ids=["small", "large"])
async def test_after_a_suspend_the_first_batch_is_acknowledged_within_two_seconds_though_nobody_told_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    async with desk(tmp_path, "127.0.0.121" if size == 500 else "127.0.0.122", monkeypatch, limits=Limits()) as parts:
        spool, clock, stop = MemorySpool(), SleepyClock(), asyncio.Event()
        delivery = Delivery(
            parts.uplink, spool, Recorder(), Reported(), clock=clock, random=random.random, log=parts.log
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(delivery.run(stop), name="delivery")
            await until(lambda: delivery.up)
            parts.forget()
            await spool.append([envelope(seq, payload=bytes(size)) for seq in range(20)])
            await asyncio.sleep(0.3)  # by then sends have filled what there is of buffers
            clock.asleep_s = 3600.0
            began_s = time.monotonic()
            await until(lambda: delivery.counts.acked > 0)
            took_s = time.monotonic() - began_s
            await until(lambda: not spool.pending)
            stop.set()
    print(f"acknowledged {took_s:.2f} s after the resume")  # noqa: T201  a figure
    assert took_s < 2.0
    assert delivery.counts.failures == 0
    assert len(spool.keys(Acked)) == 20
    assert parts.log.at("warning") + parts.log.at("error") == []


@LEFT_BY_THE_SDK
async def test_a_token_that_is_renewed_under_load_costs_a_new_connection_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with renewing(tmp_path, "127.0.0.123", monkeypatch) as parts:
        run = await loaded(parts, lambda run: until(sessions(run, 4)))
    assert run.delivery.counts.failures >= 3
    assert {line["reason"] for line in parts.log.fields("uplink.link_down")} == {"the connection was lost"}


@LEFT_BY_THE_SDK
@pytest.mark.timeout(40)
@pytest.mark.parametrize(("fault", "value"), [("workload_status", 500), ("mute_workload", True)])
async def test_a_workload_api_that_fails_at_a_renewal_and_is_healthy_again_costs_nothing_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, value: object
) -> None:
    """After a failure the SDK asks no more, and waiting for an answer it holds up every client of the process."""
    address = "127.0.0.124" if fault == "mute_workload" else "127.0.0.125"
    async with renewing(tmp_path, address, monkeypatch) as parts:

        async def fail_once(run: Run) -> None:
            await until(acked(run, 20))
            setattr(parts.hub, fault, value)
            await asyncio.sleep(2 * RENEWED_AFTER_S)
            setattr(parts.hub, fault, None if fault == "workload_status" else False)
            parts.drop()
            await until(lambda: run.delivery.counts.failures > 0)

        await loaded(parts, fail_once)


@asynccontextmanager
async def renewing(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A desk whose tokens, by the workload API, are renewed every few seconds."""
    async with desk(folder, address, monkeypatch, "workload") as parts:
        parts.uplink = IotEdge(parts.log, limits=SHORT, keep_alive_s=3, token_s=120 + RENEWED_AFTER_S)
        yield parts


async def loaded(parts: Desk, act: Callable[[Run], Coroutine[None, None, None]]) -> Run:
    """Deliver while `act` goes on, with a batch each 20 ms; then everything must have arrived."""
    run, stop = Run(parts, 0), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run.delivery.run(stop), name="delivery")
        acting = group.create_task(act(run), name="act")
        count = 0
        while not acting.done():
            await run.spool.append([envelope(count)])
            count += 1
            await asyncio.sleep(0.02)
        await until(lambda: not run.spool.pending, limit_s=15)
        stop.set()
    arrived = Counter(key.seq for key in parts.arrived())
    assert sorted(arrived) == list(range(count)), "a batch is missing"
    # A client that the SDK connects anew may send again what it had cancelled (azure-iot-device 2.14.0), as ours does.
    assert arrived.total() - count <= 2 * run.delivery.counts.uncertain, (arrived.most_common(9), run.delivery.counts)
    gc.collect()  # what the SDK left is to be found while it is excused
    return run

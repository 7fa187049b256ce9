"""A delivery through a desk while somebody does its worst to the hub, with what must be true of any such."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable

from edge_agent.backoff import Backoff
from edge_agent.clock import SystemClock
from edge_agent.records import Acked
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import Delivery
from edge_agent.uplink.quarantine import Quarantine
from tests.uplink.desk import Desk, until
from tests.uplink.fakes import MemorySpool, Recorder, envelope


class Run:
    """A delivery of `count` batches through a desk."""

    def __init__(
        self, parts: Desk, count: int, payload: bytes = b"x" * 500, quarantine: Quarantine | None = None
    ) -> None:
        self.desk = parts
        self.inbox = Recorder()
        self.spool = MemorySpool([envelope(seq, payload=payload) for seq in range(count)])
        self.delivery = Delivery(
            parts.uplink,
            self.spool,
            self.inbox,
            Reported(),
            clock=SystemClock(),
            random=random.random,
            log=parts.log,
            backoff=Backoff(first_s=0.05, cap_s=0.3),
            quarantine=quarantine,
        )


async def deliver(parts: Desk, count: int, act: Callable[[Run], Awaitable[None]], payload: bytes = b"x" * 500) -> Run:
    """Deliver while `act` does its worst; then everything must have arrived, and duplicates are all explained."""
    run, stop = Run(parts, count, payload), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run.delivery.run(stop), name="delivery")
        await act(run)
        await until(lambda: not run.spool.pending, limit_s=15)
        stop.set()
        await running
    arrived = Counter(key.seq for key in parts.arrived())
    assert sorted(arrived) == list(range(count)), "a batch is missing"
    assert len(run.spool.keys(Acked)) == count
    assert arrived.total() - count <= run.delivery.counts.uncertain
    return run


def acked(run: Run, count: int) -> Callable[[], bool]:
    return lambda: run.delivery.counts.acked >= count


def threads_of_ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("iotedge")]


def sessions(run: Run, count: int) -> Callable[[], bool]:
    return lambda: run.delivery.counts.sessions >= count

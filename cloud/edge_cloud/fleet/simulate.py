"""Many vehicles on one hub: each connects, sends its drive's messages at its own times, connects again when it must."""

import asyncio
import json
import random
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge_cloud.errors import EdgeCloudError
from edge_cloud.fleet.ledger import Ledger
from edge_cloud.fleet.recorded import Pattern
from edge_cloud.fleet.session import Credentials, Disconnected, Hub, Session, connected

HUB_NAME: Final = "local-hub.invalid"
_HANDSHAKES: Final = 16
"""at a time: a thousand at once would only wait for each other"""
_BACKOFF_S: Final = 0.5
_BACKOFF_MAX_S: Final = 30.0


class NoHub(EdgeCloudError):  # noqa: N818  a verdict on one folder
    """A hub's folder that cannot be used, or a hub that lets nobody in."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a fleet shall do."""

    vehicles: int
    boot: int
    """of every vehicle; greater than that of any run before, so that a hub's folder can hold many"""
    rounds: int
    """how often each sends the whole drive"""
    rate: float
    """messages a second of all together; 0 for as fast as they are taken"""
    patience_s: float = 120.0
    """how long a vehicle tries to connect before the run is given up"""


def credentials_of(hub_folder: Path, vehicles: int) -> list[Credentials]:
    """The first vehicles that `edge-agent hub --vehicles` made. Raises NoHub."""
    place = hub_folder / "identities.json"
    try:
        rows = json.loads(place.read_bytes())["modules"]
    except (OSError, ValueError, KeyError) as error:
        raise NoHub(f"{place}: {error}; edge-agent hub --folder {hub_folder} --vehicles {vehicles} makes it") from None
    found = [Credentials(row["device"], row["module"], row["key"]) for row in rows if row["device"].startswith("car-")]
    if len(found) < vehicles:
        raise NoHub(f"{place}: {len(found)} vehicles; start the hub with --vehicles {vehicles}")
    return sorted(found, key=lambda one: one.device)[:vehicles]


def hub_at(hub_folder: Path, address: str) -> Hub:
    """The local hub of a folder. Raises NoHub."""
    try:
        trust = ssl.create_default_context(cafile=str(hub_folder / "ca.pem"))
    except OSError as error:
        raise NoHub(f"{hub_folder / 'ca.pem'}: {error.strerror}") from None
    return Hub(address, HUB_NAME, trust)


async def simulate(
    run: Run,
    hub: Hub,
    credentials: Sequence[Credentials],
    drive: Sequence[Pattern],
    *,
    ledger: Ledger,
    acknowledged: Callable[[], None] = lambda: None,
) -> float:
    """Every vehicle sends every message until it is acknowledged; returns the seconds from the first to the last.

    Sending begins when all are connected. `ledger` is filled as it goes. Raises NoHub.
    """
    fleet = _Fleet(run, hub, drive, ledger, acknowledged, len(credentials))
    try:
        async with asyncio.TaskGroup() as group:
            for n, one in enumerate(credentials):
                group.create_task(_Vehicle(fleet, n, one).run(), name=one.device)
    except* NoHub as errors:
        raise errors.exceptions[0] from None
    return time.monotonic() - fleet.start_s


@dataclass(slots=True)
class _Fleet:
    plan: Run
    hub: Hub
    drive: Sequence[Pattern]
    ledger: Ledger
    acknowledged: Callable[[], None]
    missing: int
    """vehicles that have not been connected yet"""
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    handshakes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HANDSHAKES))
    start_s: float = 0.0

    def join(self) -> None:
        """One more is connected, for the first time."""
        self.missing -= 1
        if not self.missing:
            self.start_s = time.monotonic()
            self.complete.set()

    def now_us(self) -> int:
        return int((time.monotonic() - self.start_s) * 1e6)


class _Vehicle:
    def __init__(self, fleet: _Fleet, number: int, credentials: Credentials) -> None:
        self._fleet, self._number, self._credentials = fleet, number, credentials
        self._next, self._total = 0, len(fleet.drive) * fleet.plan.rounds
        self._joined, self._tried_again = False, False

    async def run(self) -> None:
        """All its messages, in order; after a lost connection from the first that was not acknowledged."""
        fleet, failures, deadline = self._fleet, 0, time.monotonic() + self._fleet.plan.patience_s
        while self._next < self._total:
            done = self._next
            try:
                async with AsyncExitStack() as stack:
                    async with fleet.handshakes:
                        session = await stack.enter_async_context(connected(fleet.hub, self._credentials))
                    await self._send_all(session)
            except Disconnected as error:
                fleet.ledger.disconnections += 1
                if self._next > done:
                    failures, deadline = 0, time.monotonic() + fleet.plan.patience_s
                if time.monotonic() > deadline:
                    device = self._credentials.device
                    raise NoHub(f"{device} cannot send to {fleet.hub.address}: {error}") from None
                failures += 1
                longest_s = min(_BACKOFF_MAX_S, _BACKOFF_S * 2**failures)
                await asyncio.sleep(random.uniform(0, longest_s))  # noqa: S311  jitter

    async def _send_all(self, session: Session) -> None:
        fleet = self._fleet
        if not self._joined:
            self._joined = True
            fleet.join()
        await fleet.complete.wait()
        while self._next < self._total:
            await asyncio.sleep(max(0.0, self._due_s() - (time.monotonic() - fleet.start_s)))
            await self._send(session)
            self._next += 1

    def _due_s(self) -> float:
        """Phases are spread, so that all together send at one pace."""
        plan = self._fleet.plan
        return (self._next * plan.vehicles + self._number) / plan.rate if plan.rate else 0.0

    async def _send(self, session: Session) -> None:
        fleet, device, seq = self._fleet, self._credentials.device, self._next
        pattern = fleet.drive[seq % len(fleet.drive)]
        body = pattern.body(device, fleet.plan.boot, seq)
        tells = {"schema": pattern.schema, "lane": pattern.lane, "rule": pattern.rule}
        tells |= {"boot": str(fleet.plan.boot), "seq": str(seq)}
        fleet.ledger.sent += 1
        fleet.ledger.again += self._tried_again
        self._tried_again = True
        sent_us = fleet.now_us()
        await session.publish(body, tells)
        self._tried_again = False
        fleet.ledger.acknowledged((device, fleet.plan.boot, seq), len(body), sent_us, fleet.now_us())
        fleet.acknowledged()

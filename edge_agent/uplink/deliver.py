"""Spool to hub, one connection after another, until stopped. The only retry loop of this stage."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent import events
from edge_agent.backoff import Backoff
from edge_agent.errors import CredentialsRefused, HubUnreachable
from edge_agent.events import Log
from edge_agent.ports import Clock, Inbox, Session, Spool, Uplink
from edge_agent.records import Envelope
from edge_agent.reported import Reported
from edge_agent.uplink.allowance import Allowance
from edge_agent.uplink.stream import LinkCounts, Stream
from edge_agent.uplink.window import Window

UNREACHABLE = Backoff(cap_s=5.0)
"""A hub that is back is found within 7.5 s, however long it was away. Microsoft's SDK asks each 10 s, all together."""
REFUSED = Backoff(first_s=30.0)
"""Of credentials: only somebody at the hub can help."""


@dataclass(frozen=True, slots=True)
class _Failure:
    why: str
    spell_s: float = 0.0
    """how long the connection had lived"""
    patient: bool = False
    """trying again soon cannot help"""


class Delivery:
    """Keeps a connection and delivers what the spool leases; `up` and `counts` may be read at any time."""

    def __init__(
        self,
        uplink: Uplink,
        spool: Spool,
        inbox: Inbox,
        reported: Reported,
        *,
        clock: Clock,
        random: Callable[[], float],
        log: Log,
        backoff: Backoff | None = None,
        window: Window | None = None,
        drain_s: float = 2.5,
        allowance: Allowance | None = None,
        sending: Callable[[Envelope], None] = lambda _: None,
    ) -> None:
        """`allowance` says what may go, all without; `sending` is told each envelope as often as it is sent."""
        self.up = False
        self.counts = LinkCounts()
        self._uplink = uplink
        self._spool = spool
        self._inbox = inbox
        self._reported = reported
        self._clock = clock
        self._random = random
        self._log = log
        self._backoff = backoff or UNREACHABLE
        self._window = window or Window()
        self._drain_s = drain_s
        self._allowance = allowance or Allowance()
        self._sending = sending
        self._down_ns = clock.uptime_ns()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then what is in flight has `drain_s` to settle. Raises UplinkWedged, in a group."""
        retry_num = -1
        while not stop.is_set():
            failure = await self._spell(stop, retry_num + 1)
            if failure is None:
                return
            self._count(LinkCounts(failures=1))
            retry_num = self._backoff.next_retry_num(retry_num, failure.spell_s)
            wait_s = (REFUSED if failure.patient else self._backoff).delay_s(retry_num, self._random())
            events.link_down(self._log, reason=failure.why, retry_num=retry_num, wait_s=wait_s)
            await _until(stop, wait_s)

    async def _spell(self, stop: asyncio.Event, retry_num: int) -> _Failure | None:
        """One connection, from the attempt to its end; None where we ended it."""
        session = await self._connect(stop)
        if session is None or isinstance(session, _Failure):
            return session
        began_ns = self._clock.uptime_ns()
        self.up = True
        self._count(LinkCounts(sessions=1))
        events.link_up(self._log, retry_num=retry_num, down_s=(began_ns - self._down_ns) / 1e9)
        try:
            why = await self._stream(session).run(stop)
        finally:
            self.up = False
            self._down_ns = self._clock.uptime_ns()
            await session.close()
        if why is None:
            events.link_closed(self._log)
            return None
        return _Failure(why, spell_s=(self._down_ns - began_ns) / 1e9)

    async def _connect(self, stop: asyncio.Event) -> Session | _Failure | None:
        """A session, why there is none, or None where the stop came first."""
        async with asyncio.TaskGroup() as group:
            attempt = group.create_task(self._attempt(), name="uplink.connect")
            halt = group.create_task(stop.wait(), name="uplink.stop")
            await asyncio.wait((attempt, halt), return_when=asyncio.FIRST_COMPLETED)
            attempt.cancel()
            halt.cancel()
        return None if attempt.cancelled() else attempt.result()

    async def _attempt(self) -> Session | _Failure:
        try:
            return await self._uplink.connect(self._inbox)
        except HubUnreachable as error:
            return _Failure(error.sentence(), patient=isinstance(error, CredentialsRefused))

    def _stream(self, session: Session) -> Stream:
        return Stream(
            session,
            self._spool,
            self._window,
            self._reported,
            clock=self._clock,
            log=self._log,
            count=self._count,
            drain_s=self._drain_s,
            allowance=self._allowance,
            sending=self._sending,
        )

    def _count(self, counts: LinkCounts) -> None:
        self.counts += counts


async def _until(stop: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await stop.wait()
    except TimeoutError:
        return

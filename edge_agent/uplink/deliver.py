"""Spool to hub, one connection after another, until stopped. The only retry loop of this stage.

A connection that the system slept through is given up, whatever it says of itself: the far end forgot it, or a router
between did, and nobody was told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent import events
from edge_agent.backoff import Backoff
from edge_agent.errors import CredentialsRefused, HubUnreachable
from edge_agent.events import Log
from edge_agent.ports import Clock, Inbox, Session, Spool, Uplink
from edge_agent.records import Envelope, EnvelopeKey
from edge_agent.twin.reported import Reported
from edge_agent.uplink.allowance import Allowance
from edge_agent.uplink.link_counts import LinkCounts
from edge_agent.uplink.quarantine import Quarantine
from edge_agent.uplink.stream import Stream
from edge_agent.uplink.suspension import Suspension
from edge_agent.uplink.window import Window

UNREACHABLE = Backoff(cap_s=5.0)
"""A hub that is back is found within 7.5 s, however long it was away. Microsoft's SDK asks each 10 s, all together."""
REFUSED = Backoff(first_s=30.0)
"""Of credentials: only somebody at the hub can help."""
SESSION_S = 3300.0
"""Before the SDK renews its token, 58 min after it was signed by default: it breaks off what is on its way, leaves
sockets behind (azure-iot-device 2.14.0 with paho 1.6.1), and asks the workload API where an answer that does not come
holds up every client of the process."""
LOOK_S = 0.5
"""How often it is looked whether the system was suspended."""


@dataclass(frozen=True, slots=True)
class _Failure:
    why: str
    spell_s: float = 0.0
    """how long the connection had lived"""
    patient: bool = False
    """trying again soon cannot help"""


class Delivery:
    """Keeps a connection and delivers what the spool leases; all that is public may be read at any time."""

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
        quarantine: Quarantine | None = None,
        drain_s: float = 2.5,
        session_s: float = SESSION_S,
        allowance: Allowance | None = None,
        sending: Callable[[Envelope], None] = lambda _: None,
        acked: Callable[[EnvelopeKey], None] = lambda _: None,
        withdrawn: Callable[[EnvelopeKey], bool] = lambda _: False,
    ) -> None:
        """`allowance` says what may go, all without; `sending` is told each envelope as often as it is sent.

        `acked` is told each that was acknowledged. What is `withdrawn` when it would be sent is not.

        A connection that has lasted `session_s` is ended in order, and another one made.
        """
        self.up = False
        self.connecting = False
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
        self.quarantine = Quarantine() if quarantine is None else quarantine
        self._drain_s = drain_s
        self._session_s = session_s
        self._allowance = allowance or Allowance()
        self._sending = sending
        self._acked = acked
        self._withdrawn = withdrawn
        self._down_ns = clock.uptime_ns()
        self._leave = asyncio.Event()
        """set when the connection is to end and no other be made; another one from the next `wake` on"""
        self._woken, self._absent = asyncio.Event(), asyncio.Event()
        self._resumed = asyncio.Event()
        """set, and replaced, when the system was suspended"""

    @property
    def hopeless(self) -> int:
        """How many envelopes may never be settled: they wait apart, or every session dies of them.

        They stay on disk.
        """
        return len(self.quarantine) + self._window.worn

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then what is in flight has `drain_s` to settle. Raises UplinkWedged, in a group."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch_suspension(), name="uplink.suspension")
            leaving = group.create_task(self._leave_at(stop), name="uplink.leave")
            try:
                while not stop.is_set():
                    await self._reach(stop)
            finally:
                watch.cancel()
                leaving.cancel()
                self._absent.set()

    async def hush(self) -> None:
        """End the connection in order, as a stop does; from the return of this on no network is used until `wake`."""
        self._woken.clear()
        self._leave.set()
        await self._absent.wait()

    def wake(self) -> None:
        """Connect again after a `hush`."""
        if self._leave.is_set():
            self._absent.clear()
            self._leave = asyncio.Event()
            self._woken.set()

    async def _reach(self, stop: asyncio.Event) -> None:
        """Connect again and again, until `stop` or `hush`; then, where it was that, wait until `wake`."""
        leave = self._leave
        self._absent.clear()
        retry_num = -1
        while not leave.is_set():
            resumed = self._resumed
            failure = await self._spell(leave, resumed, retry_num + 1)
            if failure is None:
                retry_num = -1
                continue
            self._count(LinkCounts(failures=1))
            retry_num = self._backoff.next_retry_num(retry_num, failure.spell_s)
            wait_s = (REFUSED if failure.patient else self._backoff).delay_s(retry_num, self._random())
            events.link_down(self._log, reason=failure.why, retry_num=retry_num, wait_s=wait_s)
            await _until_any(leave, resumed, limit_s=wait_s)
            if resumed.is_set():
                retry_num = -1
        self._absent.set()
        await _until_any(stop, self._woken)

    async def _leave_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._leave.set()

    async def _watch_suspension(self) -> None:
        """The loop's clock stands still in a suspend, the agent's does not (CLOCK_MONOTONIC, CLOCK_BOOTTIME)."""
        loop = asyncio.get_running_loop()
        suspension = Suspension(self._clock.uptime_ns(), int(loop.time() * 1e9))
        while True:
            await asyncio.sleep(LOOK_S)
            gap_ns = suspension.look(self._clock.uptime_ns(), int(loop.time() * 1e9))
            if gap_ns:
                events.resumed(self._log, suspended_s=gap_ns / 1e9)
                self._resumed.set()
                self._resumed = asyncio.Event()

    async def _spell(self, leave: asyncio.Event, resumed: asyncio.Event, retry_num: int) -> _Failure | None:
        """One connection, from the attempt to its end; None where we ended it."""
        session = await self._connect(leave, resumed)
        if session is None or isinstance(session, _Failure):
            return session
        began_ns = self._clock.uptime_ns()
        self.up = True
        self._count(LinkCounts(sessions=1))
        events.link_up(self._log, retry_num=retry_num, down_s=(began_ns - self._down_ns) / 1e9)
        try:
            why = await self._deliver_through(session, leave, resumed)
        finally:
            self.up = False
            self._down_ns = self._clock.uptime_ns()
            await session.close()
        if why is None:
            events.link_closed(self._log)
            return None
        return _Failure(why, spell_s=(self._down_ns - began_ns) / 1e9)

    async def _deliver_through(self, session: Session, leave: asyncio.Event, resumed: asyncio.Event) -> str | None:
        """As `Stream.run`, with an end in order when it was long enough too."""
        end = asyncio.Event()

        async def end_in_order() -> None:
            await _until_any(leave, limit_s=self._session_s)
            end.set()

        async with asyncio.TaskGroup() as group:
            ending = group.create_task(end_in_order(), name="uplink.end")
            why = await self._stream(session).run(end, resumed)
            ending.cancel()
        return why

    async def _connect(self, leave: asyncio.Event, resumed: asyncio.Event) -> Session | _Failure | None:
        """A session, why there is none, or None where it is wanted no longer, or its attempt was suspended."""
        async with asyncio.TaskGroup() as group:
            attempt = group.create_task(self._attempt(), name="uplink.connect")
            halt = group.create_task(_until_any(leave, resumed), name="uplink.stop")
            await asyncio.wait((attempt, halt), return_when=asyncio.FIRST_COMPLETED)
            attempt.cancel()
            halt.cancel()
        return None if attempt.cancelled() else attempt.result()

    async def _attempt(self) -> Session | _Failure:
        self.connecting = True
        try:
            return await self._uplink.connect(self._inbox)
        except HubUnreachable as error:
            return _Failure(error.sentence(), patient=isinstance(error, CredentialsRefused))
        finally:
            self.connecting = False

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
            acked=self._acked,
            withdrawn=self._withdrawn,
            quarantine=self.quarantine,
        )

    def _count(self, counts: LinkCounts) -> None:
        self.counts += counts


async def _until_any(*moments: asyncio.Event, limit_s: float | None = None) -> None:
    """Wait for the first of them, at most so long."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(each.wait(), name="uplink.wait") for each in moments]
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

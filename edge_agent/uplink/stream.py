"""One session's share of the work: lease, send, settle, report, until the connection is lost or the agent stops.

One loop reads one mailbox and decides with the window; the tasks around it only wait: for a lease, for each
acknowledgement, for a report to be due, for the loss of the connection, for the stop, for the end of a suspend. So a
receipt is never cut off half-way.

There is one lease for live envelopes and one for the backlog; both are taken anew when what may go changes. What
connections died of is no longer leased: its lease is the quarantine's, over sessions, and goes alone when it is due.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from edge_agent import events
from edge_agent.errors import CredentialsRefused, EnvelopeRefused, HubUnreachable, NotTaken
from edge_agent.events import Log
from edge_agent.ports import Clock, Session, Spool
from edge_agent.records import Acked, Deferred, Envelope, EnvelopeKey, Part, Receipt, Refused, Terms
from edge_agent.twin.reported import Reported
from edge_agent.uplink.allowance import Allowance
from edge_agent.uplink.lanes import Lanes
from edge_agent.uplink.link_counts import LinkCounts
from edge_agent.uplink.quarantine import Quarantine
from edge_agent.uplink.window import Convicted, Window


@dataclass(frozen=True, slots=True)
class _Leased:
    part: Part
    terms: Terms
    envelopes: tuple[Envelope, ...]


@dataclass(frozen=True, slots=True)
class _Changed:
    """Other envelopes may go than before."""


@dataclass(frozen=True, slots=True)
class _Due:
    """One in the quarantine may be tried."""


@dataclass(frozen=True, slots=True)
class _Answered:
    envelope: Envelope
    receipt: Receipt
    waited_s: float


@dataclass(frozen=True, slots=True)
class _Stopped:
    pass


@dataclass(frozen=True, slots=True)
class _Reported:
    """The last report before a stop is over."""


@dataclass(frozen=True, slots=True)
class _Over:
    why: str
    died: bool
    """False where we ended the session"""
    not_taken: EnvelopeKey | None = None
    """which envelope the hub did not take, where it said so"""


_Letter = _Leased | _Changed | _Answered | _Stopped | _Reported | _Over

_STOPPED = _Over("the agent stopped", died=False)
_RESUMED = _Over("the system was suspended", died=False)
"""Nothing is held against an envelope that was in flight then."""

_WITHDRAWN = Deferred("the driver withdrew it")
_NOT_NOW = Deferred("other envelopes go first now, or none on this link")

LOOK_S = 1.0
"""How often it is looked whether something is to be reported."""


class Stream:
    """Moves envelopes from a spool through one session. Used once."""

    def __init__(
        self,
        session: Session,
        spool: Spool,
        window: Window,
        reported: Reported,
        *,
        clock: Clock,
        log: Log,
        count: Callable[[LinkCounts], None],
        drain_s: float,
        allowance: Allowance,
        sending: Callable[[Envelope], None],
        acked: Callable[[EnvelopeKey], None] = lambda _: None,
        quarantine: Quarantine | None = None,
        withdrawn: Callable[[EnvelopeKey], bool] = lambda _: False,
    ) -> None:
        """What is `withdrawn` since it was leased is not sent any more.

        `sending` is told each envelope that is sent, as often as it is, `acked` each that was acknowledged.

        `window` and `quarantine` outlive it.
        """
        self._session = session
        self._spool = spool
        self._window = window
        self._reported = reported
        self._clock = clock
        self._log = log
        self._count = count
        self._drain_s = drain_s
        self._allowance = allowance
        self._sending = sending
        self._acked = acked
        self._withdrawn = withdrawn
        self._quarantine = Quarantine() if quarantine is None else quarantine
        self._began_ns = clock.uptime_ns()
        self._terms = allowance.terms
        self._lanes = Lanes(window.size)
        self._held: dict[EnvelopeKey, Envelope] = {}  # leased, not settled; bounded by the window's reach and the lanes
        self._tasks: set[asyncio.Task[None]] = set()
        self._leases: dict[Part, asyncio.Task[None]] = {}
        self._reporting = True
        self._stopping = False
        # A send, a change, the loss, the resume and the reports each say one thing, the stop two; so does a lease, and
        # one that was cancelled too late.
        self._mailbox: asyncio.Queue[_Letter] = asyncio.Queue(window.size + 10)

    async def run(self, stop: asyncio.Event, resumed: asyncio.Event) -> str | None:
        """Return why the connection was lost, or None where we ended it.

        Every lease is settled by then, but for those in the quarantine. In order at `stop`; at once where the system
        has `resumed`, whatever the connection looks like.
        """
        async with asyncio.TaskGroup() as group:
            self._start(group, self._watch(), "uplink.loss")
            self._start(group, self._halt(stop), "uplink.stop")
            self._start(group, self._give_up(resumed), "uplink.resume")
            self._start(group, self._report_until(stop), "uplink.report")
            self._start(group, self._change(), "uplink.terms")
            over = await self._turn(group)
            for task in self._tasks:
                task.cancel()
        await self._settle_rest(over)
        return over.why if over.died and not stop.is_set() else None

    async def _turn(self, group: asyncio.TaskGroup) -> _Over:
        """Until the session is over, or stopped with nothing in flight and all reported."""
        while True:
            if self._mailbox.empty():  # else what has come may make room for more of both
                await self._let_withdrawn_go()
                self._try_quarantined()
                self._send_due(group)
                self._lease_more(group)
            if self._stopping and not self._window.in_flight and not self._reporting:
                return _STOPPED
            match await self._next_letter():
                case _Leased() | _Answered() as outcome:
                    await self._settle_outcome(outcome)
                case _Changed():
                    await self._follow_terms(group)
                case _Due():
                    pass
                case _Stopped():
                    self._stopping = True
                    await self._give_back(Deferred(_STOPPED.why))
                case _Reported():
                    self._reporting = False
                case _Over() as over:
                    return over

    def _start(self, group: asyncio.TaskGroup, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _next_letter(self) -> _Letter | _Due:
        """The next one, or that the time of a trial has come; while something is in flight there will be a letter."""
        due_ns = None if self._window.in_flight else self._trial_ns
        if due_ns is None:
            return await self._mailbox.get()
        with suppress(TimeoutError):
            async with asyncio.timeout((due_ns - self._clock.uptime_ns()) / 1e9):
                return await self._mailbox.get()
        return _Due()

    @property
    def _trial_ns(self) -> int | None:
        if self._stopping or not (self._quarantine and self._window.proven):
            return None
        return self._quarantine.due_ns(self._terms, self._began_ns)

    async def _let_withdrawn_go(self) -> None:
        """What the driver withdrew holds no place in the quarantine; what is on trial is answered by its `_send`."""
        for key in self._quarantine.keys - self._held.keys() if self._quarantine else ():
            if self._withdrawn(key):
                self._quarantine.forget(key)
                await self._settled(key, _WITHDRAWN)

    def _try_quarantined(self) -> None:
        """One at a time, on a connection that has proven itself and is no longer young."""
        if self._stopping or not (self._quarantine and self._window.proven and self._window.reach):
            return
        envelope = self._quarantine.due(self._clock.uptime_ns(), self._terms, self._began_ns)
        if envelope is not None:
            self._held[envelope.key] = envelope
            self._lanes.take(Part.BACKLOG, (envelope,))
            self._window.take_alone(envelope.key)

    def _send_due(self, group: asyncio.TaskGroup) -> None:
        for key in self._window.due(partial(self._next, now_ns=self._clock.uptime_ns())):
            self._start(group, self._send(self._held[key]), f"uplink.send {key.boot}/{key.seq}")

    def _next(self, ready: Iterable[EnvelopeKey], now_ns: int) -> EnvelopeKey | None:
        """Which goes now; it is counted at once, and where that spends a budget no other goes with it."""
        if self._window.in_flight and self._allowance.terms != self._terms:
            return None
        if (key := self._lanes.pick(ready, now_ns)) is not None:
            self._sending(self._held[key])
        return key

    def _lease_more(self, group: asyncio.TaskGroup) -> None:
        """One lease of each part at a time, where there is room for it."""
        for part in () if self._stopping else Part:
            limit = self._lanes.limit(part, self._window.reach)
            if limit and part not in self._leases:
                self._leases[part] = self._start(group, self._lease(part, limit), f"uplink.lease {part.value}")

    async def _lease(self, part: Part, limit: int) -> None:
        terms = self._terms
        envelopes = await self._spool.lease(limit, replace(terms, parts=frozenset({part})))
        self._mailbox.put_nowait(_Leased(part, terms, envelopes))

    async def _change(self) -> None:
        await self._allowance.changed(self._terms)
        self._mailbox.put_nowait(_Changed())

    async def _follow_terms(self, group: asyncio.TaskGroup) -> None:
        """What is in flight stays there; all else goes back, to be leased anew."""
        self._terms = self._allowance.terms
        for task in self._leases.values():
            task.cancel()
        self._leases.clear()
        await self._give_back(_NOT_NOW)
        self._start(group, self._change(), "uplink.terms")

    async def _give_back(self, receipt: Deferred) -> None:
        """All that is leased and was not sent."""
        for key in self._window.withdrawn():
            await self._settle(key, receipt)

    async def _send(self, envelope: Envelope) -> None:
        if self._withdrawn(envelope.key):
            self._mailbox.put_nowait(_Answered(envelope, _WITHDRAWN, 0.0))
            return
        began_ns = self._clock.uptime_ns()
        receipt: Acked | Refused = Acked()
        try:
            await self._session.send(envelope)
        except (CredentialsRefused, NotTaken) as error:
            self._mailbox.put_nowait(_Over(error.reason, died=True, not_taken=envelope.key))
            return
        except HubUnreachable as error:
            self._mailbox.put_nowait(_Over(error.reason, died=True))
            return
        except EnvelopeRefused as error:
            receipt = Refused(error.reason)
        self._mailbox.put_nowait(_Answered(envelope, receipt, (self._clock.uptime_ns() - began_ns) / 1e9))

    async def _report_until(self, stop: asyncio.Event) -> None:
        """Report what is due, and once more all there is when the agent stops."""
        try:
            while not stop.is_set():
                await self._report(self._reported.due(self._clock.uptime_ns()))
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await stop.wait()
            await self._report(self._reported.due(self._clock.uptime_ns(), last=True))
        except HubUnreachable as error:
            self._mailbox.put_nowait(_Over(error.reason, died=True))
        else:
            self._mailbox.put_nowait(_Reported())

    async def _report(self, patch: str | None) -> None:
        if patch is None:
            return
        taken = False
        try:
            taken = await self._session.report(patch)
        finally:
            self._reported.answered(taken=taken)

    async def _watch(self) -> None:
        self._mailbox.put_nowait(_Over(await self._session.lost(), died=True))

    async def _give_up(self, resumed: asyncio.Event) -> None:
        await resumed.wait()
        self._mailbox.put_nowait(_RESUMED)

    async def _halt(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._mailbox.put_nowait(_Stopped())
        await asyncio.sleep(self._drain_s)
        self._mailbox.put_nowait(_STOPPED)

    async def _settle_outcome(self, outcome: _Leased | _Answered) -> None:
        if isinstance(outcome, _Leased):
            await self._take(outcome)
        else:
            await self._settle_answer(outcome)

    async def _take(self, leased: _Leased) -> None:
        envelopes = {envelope.key: envelope for envelope in leased.envelopes}
        self._held.update(envelopes)
        self._lanes.take(leased.part, leased.envelopes)
        if leased.terms != self._terms:  # it was cancelled, and had its answer already
            for key in envelopes:
                await self._settle(key, _NOT_NOW)
            return
        self._leases.pop(leased.part, None)
        self._window.take(list(envelopes))

    async def _settle_answer(self, answer: _Answered) -> None:
        key, size = answer.envelope.key, len(answer.envelope.payload)
        if isinstance(answer.receipt, Acked):
            sends = self._window.sends(key)
            self._window.acked(key)
            self._lanes.acked(key, answer.waited_s, self._clock.uptime_ns())
            self._count(LinkCounts(acked=1, acked_bytes=size))
            self._acked(key)
            events.batch_acked(self._log, key=key, payload_bytes=size, attempts=sends, waited_s=answer.waited_s)
        else:
            self._window.refused(key)
        await self._settle(key, answer.receipt)

    async def _settle_rest(self, over: _Over) -> None:
        """What came while the tasks ended, then everything without an answer."""
        while not self._mailbox.empty():
            match self._mailbox.get_nowait():
                case _Leased() | _Answered() as outcome:
                    await self._settle_outcome(outcome)
                case _Changed() | _Stopped() | _Reported() | _Over():
                    pass
        self._count(LinkCounts(uncertain=self._window.in_flight))
        for key, verdict in self._window.session_ended(over.why, died=over.died, not_taken=over.not_taken):
            if isinstance(verdict, Convicted):
                await self._quarantined(key, verdict)
            else:
                await self._settle(key, verdict)

    async def _settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        self._let_go(key)
        if key not in self._quarantine:
            await self._settled(key, receipt)
        elif isinstance(receipt, Deferred) and receipt is not _WITHDRAWN:
            self._quarantine.unanswered(key, self._clock.uptime_ns())
        else:
            self._quarantine.forget(key)
            await self._settled(key, receipt)

    async def _quarantined(self, key: EnvelopeKey, verdict: Convicted) -> None:
        """It stays leased; what is given up for its sake, or for good, is settled."""
        envelope = self._let_go(key)
        now_ns = self._clock.uptime_ns()
        given_up = self._quarantine.put(envelope, deaths=verdict.deaths, cause=verdict.cause, now_ns=now_ns)
        if key in self._quarantine:
            events.batch_quarantined(self._log, key=key, reason=verdict.cause, waiting=len(self._quarantine))
        for one, receipt in given_up:
            await self._settled(one.key, receipt)

    def _let_go(self, key: EnvelopeKey) -> Envelope:
        self._lanes.forget(key)
        return self._held.pop(key)

    async def _settled(self, key: EnvelopeKey, receipt: Receipt) -> None:
        if isinstance(receipt, Refused):
            self._count(LinkCounts(refused=1))
            events.batch_refused(self._log, key=key, reason=receipt.cause)
        await self._spool.settle(key, receipt)

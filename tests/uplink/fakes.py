"""A hub, a spool and an inbox in memory. The hub's sessions pass tests/contract/test_uplink_contract.py."""

import asyncio
import json
from collections.abc import Sequence

from edge_agent.errors import CredentialsRefused, EnvelopeRefused, HubUnreachable, NotTaken
from edge_agent.ports import Inbox
from edge_agent.records import (
    ANYTHING,
    Acked,
    Appended,
    BootInfo,
    Deferred,
    Envelope,
    EnvelopeKey,
    Lane,
    MethodAnswer,
    Part,
    Receipt,
    Refused,
    Terms,
    Upload,
)
from edge_agent.twin.reported import Reported
from edge_agent.uplink.inbound import Inbound, MethodCall, Patch

THIS_BOOT = 1
"""its envelopes are live, those of others backlog"""


def envelope(seq: int, *, boot: int = 1, payload: bytes = b"payload", priority: int = 5) -> Envelope:
    return Envelope(
        EnvelopeKey(boot, seq), priority, Lane.WARM, "idle", "columns/1", "application/json", "gzip", payload
    )


class Told:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, **fields: object) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))

    def fields(self, event: str) -> list[dict[str, object]]:
        return [fields for _, name, fields in self.lines if name == event]

    def numbers(self, event: str, field: str) -> list[float]:
        return [float(str(fields[field])) for fields in self.fields(event)]

    def at(self, level: str) -> list[str]:
        return [name for told, name, _ in self.lines if told == level]


class Recorder:
    """An inbox that keeps what it hears and answers with it; a connection makes all reports begin anew."""

    def __init__(self, reported: Reported | None = None) -> None:
        self._reported = reported or Reported()
        self.documents: list[dict[str, object]] = []
        self.patches: list[dict[str, object]] = []
        self.methods: list[tuple[str, object]] = []
        self.method_delay_s = 0.0

    async def document(self, text: str) -> str:
        self.documents.append(json.loads(text))
        self._reported.connected(json.loads(text)["reported"])
        return json.dumps({"documents": len(self.documents)})

    async def patch(self, text: str) -> str:
        self.patches.append(json.loads(text))
        return json.dumps({"version": self.patches[-1]["$version"]})

    async def method(self, name: str, payload: str) -> MethodAnswer:
        self.methods.append((name, json.loads(payload)))
        await asyncio.sleep(self.method_delay_s)
        return MethodAnswer(200, json.dumps({"did": name})) if name == "ping" else MethodAnswer(404, "{}")


def _may_go(envelope: Envelope, terms: Terms) -> bool:
    part = Part.LIVE if envelope.key.boot == THIS_BOOT else Part.BACKLOG
    may_go = envelope.priority <= terms.last_priority and (terms.unmetered or envelope.upload is Upload.ANY)
    return may_go and part in terms.parts


class MemorySpool:
    """`ports.Spool` that keeps nothing; `settled` has every receipt in order."""

    def __init__(self, envelopes: Sequence[Envelope] = ()) -> None:
        self._waiting = {envelope.key: envelope for envelope in envelopes}
        self._leased: dict[EnvelopeKey, Envelope] = {}
        self._more = asyncio.Event()
        self.settled: list[tuple[EnvelopeKey, Receipt]] = []

    @property
    def boot(self) -> BootInfo:
        return BootInfo(THIS_BOOT, None, None)

    @property
    def pending(self) -> int:
        return len(self._waiting) + len(self._leased)

    @property
    def leased(self) -> int:
        return len(self._leased)

    def keys(self, kind: type[Receipt]) -> list[EnvelopeKey]:
        return [key for key, receipt in self.settled if isinstance(receipt, kind)]

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        self._waiting.update({envelope.key: envelope for envelope in envelopes})
        self._more.set()
        return Appended((), tuple(envelope.key for envelope in envelopes))

    async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        assert limit > 0
        while not (may_go := [one for one in self._waiting.values() if _may_go(one, terms)]):
            self._more.clear()
            await self._more.wait()
        order = sorted(may_go, key=lambda envelope: (envelope.priority, envelope.key))[:limit]
        for leased in order:
            self._leased[leased.key] = self._waiting.pop(leased.key)
        return tuple(order)

    async def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        leased = self._leased.pop(key)  # a KeyError here is a receipt for something not leased
        self.settled.append((key, receipt))
        match receipt:
            case Deferred():
                self._waiting[key] = leased
                self._more.set()
            case Acked() | Refused():
                pass

    async def close(self) -> None:
        pass


class MemoryHub:
    """`ports.Uplink` to itself; its attributes are what can go wrong."""

    cap_bytes = 240 * 1024

    def __init__(self, log: Told | None = None) -> None:
        self.log = log or Told()
        self.unreachable = False
        self.wrong_key = False
        self.connect_s = 0.0
        self.never_ack = False
        self.ack_s = 0.01
        self.send_limit_s = 6.0
        self.poison: set[EnvelopeKey] = set()
        """the connection ends when one of these comes"""
        self.declined: set[EnvelopeKey] = set()
        """not taken for now, and that is said"""
        self.attempts: list[float] = []
        self.arrived: list[Envelope] = []
        self.acked: list[EnvelopeKey] = []
        self.desired: dict[str, object] = {"$version": 1}
        self.reported: dict[str, object] = {}
        self.reports: list[tuple[float, dict[str, object]]] = []
        """(when, patch) of all, refused ones too"""
        self.refuses_reports = False
        self.session: MemorySession | None = None
        self.open_sessions = 0
        self.most_in_flight = 0

    async def connect(self, inbox: Inbox) -> "MemorySession":
        self.attempts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.connect_s)
        if self.wrong_key:
            raise CredentialsRefused("the key is wrong")
        if self.unreachable:
            raise HubUnreachable("nobody answers")
        self.session = session = MemorySession(self, inbox)
        await session.report(await inbox.document(json.dumps({"desired": self.desired, "reported": self.reported})))
        self.open_sessions += 1
        return session

    def drop(self, why: str = "dropped") -> None:
        if self.session is not None:
            self.session.end(why)

    def desire(self, patch: dict[str, object]) -> None:
        self.desired = {**self.desired, **patch, "$version": int(str(self.desired["$version"])) + 1}
        if self.session is not None:
            self.session.inbound.hear(Patch(json.dumps({**patch, "$version": self.desired["$version"]})))

    async def call(self, name: str, payload: str) -> MethodAnswer:
        assert self.session is not None
        answered: asyncio.Future[MethodAnswer] = asyncio.get_running_loop().create_future()

        async def reply(answer: MethodAnswer) -> None:
            answered.set_result(answer)

        self.session.inbound.hear(MethodCall(name, payload, reply))
        return await answered


class MemorySession:
    """One connection to a MemoryHub."""

    def __init__(self, hub: MemoryHub, inbox: Inbox) -> None:
        self._hub = hub
        self._gone = asyncio.Event()
        self._why = ""
        self._in_flight = 0
        self.inbound = Inbound(inbox, self.report, log=hub.log, method_limit_s=1.0)

    async def send(self, envelope: Envelope) -> None:
        if len(envelope.payload) > self._hub.cap_bytes:
            raise EnvelopeRefused(envelope.key.boot, envelope.key.seq, "too big")
        if self._gone.is_set():
            raise HubUnreachable(self._why)
        if envelope.key in self._hub.declined:
            raise NotTaken("the quota is exceeded")
        self._in_flight += 1
        self._hub.most_in_flight = max(self._hub.most_in_flight, self._in_flight)
        try:
            await self._publish(envelope)
        finally:
            self._in_flight -= 1

    async def _publish(self, envelope: Envelope) -> None:
        if envelope.key in self._hub.poison:
            self.end("the hub closed the connection")
            raise HubUnreachable(self._why)
        self._hub.arrived.append(envelope)
        limit_s = self._hub.send_limit_s if self._hub.never_ack else self._hub.ack_s
        try:
            async with asyncio.timeout(limit_s):
                await self._gone.wait()
        except TimeoutError:
            if self._hub.never_ack:
                raise HubUnreachable("no acknowledgement in time") from None
            self._hub.acked.append(envelope.key)
        else:
            raise HubUnreachable(self._why)

    async def report(self, patch: str) -> bool:
        self._hub.reports.append((asyncio.get_running_loop().time(), json.loads(patch)))
        if self._gone.is_set():
            raise HubUnreachable(self._why)
        if self._hub.refuses_reports:
            return False
        self._hub.reported.update(json.loads(patch))
        return True

    async def lost(self) -> str:
        return await self.inbound.serve()

    async def close(self) -> None:
        self.end("closed")
        self._hub.open_sessions -= 1
        self._hub.session = None

    def break_silently(self, why: str) -> None:
        """The connection is gone, and nobody notices before using it."""
        self._why = why
        self._gone.set()

    def end(self, why: str) -> None:
        self._why = self._why or why
        self._gone.set()
        self.inbound.lose(why)

"""What the hub says during one session: brought over from foreign threads, served in order on the loop."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edge_agent import events
from edge_agent.errors import HubUnreachable
from edge_agent.events import Log
from edge_agent.ports import Inbox
from edge_agent.records import MethodAnswer

_WAITING = 64
"""Patches and methods not yet served; more of them end the session, and the next reads the whole twin."""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole twin anew, as JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Patch:
    """Desired properties that changed, as JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A direct method, its JSON payload, and where the answer goes."""

    name: str
    payload: str
    reply: Callable[[MethodAnswer], Awaitable[None]]


class Inbound:
    """Hands patches and methods to the inbox until the connection is lost. Made on the loop that serves it."""

    def __init__(
        self, inbox: Inbox, report: Callable[[str], Awaitable[object]], *, log: Log, method_limit_s: float
    ) -> None:
        self._inbox = inbox
        self._report = report
        self._log = log
        self._method_limit_s = method_limit_s
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[Document | Patch | MethodCall] = asyncio.Queue(_WAITING)
        self._lost = asyncio.Event()
        self._why = ""

    def hear(self, said: Document | Patch | MethodCall) -> None:
        """Bring something over; from any thread."""
        self._loop.call_soon_threadsafe(self._keep, said)

    def lose(self, why: str) -> None:
        """The connection is gone; from any thread. The first reason counts."""
        self._loop.call_soon_threadsafe(self._end, why)

    async def serve(self) -> str:
        """Return why the connection was lost; until then serve what was heard, also before this call."""
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._serve_each(), name="uplink.inbox")
            await self._lost.wait()
            serving.cancel()
        return self._why

    def _keep(self, said: Document | Patch | MethodCall) -> None:
        if self._waiting.full():
            self._end(f"{_WAITING} patches and methods wait to be served")
        else:
            self._waiting.put_nowait(said)

    def _end(self, why: str) -> None:
        self._why = self._why or why
        self._lost.set()

    async def _serve_each(self) -> None:
        try:
            while True:
                match await self._waiting.get():
                    case Document(text):
                        await self._report(await self._inbox.document(text))
                    case Patch(text):
                        await self._report(await self._inbox.patch(text))
                    case MethodCall() as call:
                        await self._answer(call)
        except HubUnreachable as error:
            self._end(error.reason)

    async def _answer(self, call: MethodCall) -> None:
        try:
            async with asyncio.timeout(self._method_limit_s):
                answer = await self._inbox.method(call.name, call.payload)
        except TimeoutError:
            answer = MethodAnswer(504, json.dumps({"error": f"no answer within {self._method_limit_s:g} s"}))
        events.method_called(self._log, name=call.name, status=answer.status)
        await call.reply(answer)

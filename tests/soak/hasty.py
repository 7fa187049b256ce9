"""The reverse: an uplink that takes for delivered what it handed over, whatever the hub says; a soak must see it."""

import asyncio
from contextlib import suppress

from edge_agent.ports import Inbox, Session, Uplink
from edge_agent.records import Envelope

PATIENCE_S = 0.001


class HastyUplink:
    """`ports.Uplink` over another one, without its promise."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink

    async def connect(self, inbox: Inbox) -> "HastySession":
        return HastySession(await self._uplink.connect(inbox))


class HastySession:
    """`ports.Session` that waits for no acknowledgement."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.report = session.report
        self.lost = session.lost
        self.close = session.close

    async def send(self, envelope: Envelope) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._session.send(envelope)

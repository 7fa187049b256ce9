"""An uplink that is built when it first connects: frames need not wait for what it imports."""

import asyncio
from collections.abc import Callable

from edge_agent.ports import Inbox, Session, Uplink


class LateUplink:
    """The Uplink that `build` gives, asked once, on a thread: it may block, and raises nothing."""

    def __init__(self, build: Callable[[], Uplink]) -> None:
        self._build = build
        self._uplink: Uplink | None = None

    async def connect(self, inbox: Inbox) -> Session:
        """As `ports.Uplink`."""
        if self._uplink is None:
            self._uplink = await asyncio.to_thread(self._build)
        return await self._uplink.connect(inbox)

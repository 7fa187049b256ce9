"""An uplink that is built when it first connects: frames need not wait for what it imports."""

import asyncio
from collections.abc import Callable
from threading import Lock

from edge_agent.ports import Inbox, Session, Uplink


class LateUplink:
    """The Uplink that `build` gives, asked once, on a thread: it may block, and raises nothing."""

    def __init__(self, build: Callable[[], Uplink]) -> None:
        self._build = build
        self._uplink: Uplink | None = None
        self._one_at_a_time = Lock()

    async def connect(self, inbox: Inbox) -> Session:
        """As `ports.Uplink`."""
        uplink = self._uplink
        if uplink is None:
            uplink = await asyncio.to_thread(self._built)
        return await uplink.connect(inbox)

    def _built(self) -> Uplink:
        with self._one_at_a_time:  # whoever gave up on it left a thread behind that builds
            if self._uplink is None:
                self._uplink = self._build()
            return self._uplink

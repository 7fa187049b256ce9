"""The threads of MQTT clients, the SDK's and aiomqtt's, one a connection, and those that would not end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge_agent.errors import UplinkWedged
from edge_agent.uplink.sdk_thread import SdkThread


class Threads:
    """Begins and ends them; one that does not end in time goes on trying, and counts until it has."""

    def __init__(self, name: str, tell: Callable[[int], None], *, shutdown_s: float, undisposed: int) -> None:
        """`tell` is called with each that does not end in time, and with how many there are of them now."""
        self._name = name
        self._tell = tell
        self._shutdown_s = shutdown_s
        self._most = undisposed
        self._begun = 0
        self._undisposed: list[SdkThread] = []  # bounded by `undisposed`

    def begin(self) -> SdkThread:
        """One for the next client. Raises UplinkWedged where too many have not ended."""
        self._undisposed = [each for each in self._undisposed if each.alive]
        if len(self._undisposed) >= self._most:
            raise UplinkWedged(len(self._undisposed))
        self._begun += 1
        return SdkThread(f"{self._name}-{self._begun}")

    async def end(self, thread: SdkThread, last: Coroutine[Any, Any, None] | None) -> None:
        """Run `last`, the client's own way to end, and end the thread; returns in time, ended or not."""
        thread.retire(last)
        try:
            async with asyncio.timeout(self._shutdown_s):
                await thread.ended()
        except TimeoutError:
            self._undisposed = [each for each in (*self._undisposed, thread) if each.alive]
            self._tell(len(self._undisposed))

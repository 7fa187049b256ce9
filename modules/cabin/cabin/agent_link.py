"""What goes between the agent and the cabin on the vehicle's broker: ticks in, consent and trips out.

Nothing waits for the broker: what the agent says is heard as it comes, the consent is said again until it was taken.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cabin import events
from cabin.errors import MessageRejected
from cabin.events import Log
from cabin.ports import Clock, Tap
from cabin.tapin.latest import Latest
from cabin.tapin.messages import SIGNALS, STATUS, TICK, TRIP_KEPT, kept_of, signals_of, status_of, tick_of

CONSENT = "cabin/v1/consent"
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Who is told of what the agent says."""

    look: Callable[[], None]
    """after each tick and status"""
    rebound: Callable[[], None]
    """the agent taps other signals"""
    kept: Callable[[str, str | None], None]
    """a trip, and why it was refused"""


class AgentLink:
    """`hear` and `tell` run as tasks until they are cancelled."""

    def __init__(
        self, tap: Tap, latest: Latest, heard: Heard, body: Callable[[], bytes], *, clock: Clock, log: Log
    ) -> None:
        """`body` is that of `cabin/v1/consent` as of now."""
        self._tap, self._latest, self._heard = tap, latest, heard
        self._body, self._clock, self._log = body, clock, log
        self._due = asyncio.Event()
        self._due.set()
        self._told = asyncio.Event()
        self.rejected = 0

    def say_consent(self) -> None:
        """It is other than it was, or the broker may have forgotten it."""
        self._told.clear()
        self._due.set()

    async def consent_said(self, limit_s: float) -> bool:
        """Whether the broker has it, waiting for so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._told.wait()
        return self._told.is_set()

    async def hear(self) -> None:
        """Take what comes."""
        async for topic, payload in self._tap.messages():
            try:
                self._take(topic, payload)
            except MessageRejected as error:
                self.rejected += 1
                events.message_rejected(self._log, place=error.place, reason=error.reason)

    async def tell(self) -> None:
        """Say the consent whenever it is due, until the broker has taken it."""
        while True:
            await self._due.wait()
            self._due.clear()
            if await self._tap.publish(CONSENT, self._body(), retain=True):
                if not self._due.is_set():
                    self._told.set()
                continue
            self._due.set()
            await asyncio.sleep(AGAIN_S)

    def _take(self, topic: str, payload: bytes) -> None:
        if topic == TICK:
            self._latest.take(tick_of(payload), now_ms=self._clock.now_ms(), up_ms=self._clock.up_ms())
            self._heard.look()
        elif topic == STATUS:
            self._latest.hear(status_of(payload))
            self._heard.look()
        elif topic == SIGNALS:
            self._latest.reconfigure(signals_of(payload))
            self._heard.rebound()
        elif topic == TRIP_KEPT:
            self._heard.kept(*kept_of(payload))

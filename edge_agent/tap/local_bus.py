"""The vehicle's local MQTT bus as the agent uses it: one connection for all, made anew whenever it is lost.

Nothing waits for it: what cannot go now is dropped, and nothing that was dropped is sent later.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from edge_agent import events
from edge_agent.backoff import Backoff
from edge_agent.errors import LocalBusDown, LocalBusRefused
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.tap.link import UNHEARD, Heard, LocalLink, LocalSession, Message

RECONNECT = Backoff(first_s=0.2, cap_s=5.0)
"""A broker beside the agent is back in a second, and nobody else asks for it."""


class LocalBus:
    """Without a link there is no bus: then nobody hears anything, and nothing is counted as lost."""

    def __init__(
        self, link: LocalLink | None, last: Message, *, clock: Clock, random: Callable[[], float], log: Log
    ) -> None:
        """`last` is what the bus keeps of the agent when its connection ends."""
        self._link, self._last = link, last
        self._clock, self._random, self._log = clock, random, log
        self._heard: dict[str, Heard] = {}
        self._session: LocalSession | None = None
        self._hearing: LocalSession | None = None
        """the same, until it is closed"""
        self._down_ns = clock.uptime_ns()
        self._retry_num = 0
        self._offers_lost = 0
        self._unheard = Counter[str]()
        """of connections that were closed"""
        self.connects = 0
        self.news = asyncio.Event()
        """set with each connect; whoever has something to say then clears it"""

    @property
    def exists(self) -> bool:
        """Whether there is a broker to connect to."""
        return self._link is not None

    @property
    def up(self) -> bool:
        """Whether there is a connection now."""
        return self._session is not None

    @property
    def offers_lost(self) -> int:
        """Offers that were taken and did not reach the socket, for the connection was lost with them; since the start.

        Those of a connection that stands are known when it ends.
        """
        return self._offers_lost

    @property
    def unheard(self) -> Mapping[str, int]:
        """Messages that came and were dropped, for each reason of `UNHEARD`; since the start."""
        now = self._hearing.unheard if self._hearing is not None else {}
        return {reason: self._unheard[reason] + now.get(reason, 0) for reason in UNHEARD}

    def subscribe(self, topic: str, heard: Heard) -> None:
        """From the next connect on, `heard` is called with each payload on exactly this topic, on the agent's loop.

        A retained message comes again with each connect.
        """
        self._heard[topic] = heard

    def offer(self, messages: Sequence[Message]) -> bool:
        """Send at QoS 0 if that can be done now. False: these are dropped."""
        return self._session is not None and self._session.offer(messages)

    async def publish(self, message: Message) -> None:
        """Return when the broker has it (QoS 1). Raises LocalBusDown, and LocalBusRefused where an ACL forbids it."""
        if self._session is None:
            raise LocalBusDown("there is no connection")
        await self._session.publish(message)

    async def run(self) -> None:
        """Until cancelled; the last word is said then."""
        if self._link is None:
            return
        while True:
            await self._one_session(self._link)

    async def _one_session(self, link: LocalLink) -> None:
        try:
            session = await link.connect(self._heard, self._last)
        except LocalBusRefused as error:
            await self._wait(error.reason, RECONNECT.cap_s)
            return
        except LocalBusDown as error:
            await self._wait(error.reason)
            return
        up_ns = self._clock.uptime_ns()
        events.local_bus_up(
            self._log,
            broker=link.address,
            retry_num=self._retry_num,
            down_s=(up_ns - self._down_ns) / 1e9,
        )
        self._session = self._hearing = session
        self.connects += 1
        self.news.set()
        try:
            reason = await session.lost()
        finally:
            self._session = None
            await session.close()
            self._offers_lost += session.unwritten
            self._unheard.update(session.unheard)
            self._hearing = None
        self._down_ns = self._clock.uptime_ns()
        if (self._down_ns - up_ns) / 1e9 >= RECONNECT.healthy_s:
            self._retry_num = 0
        await self._wait(reason)

    async def _wait(self, reason: str, least_s: float = 0.0) -> None:
        wait_s = max(least_s, RECONNECT.delay_s(self._retry_num, self._random()))
        events.local_bus_down(self._log, reason=reason, retry_num=self._retry_num, wait_s=wait_s)
        self._retry_num += 1
        await asyncio.sleep(wait_s)

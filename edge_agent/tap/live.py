"""The tap at work: ticks as blocks end, and beside them what the bus is to keep, each when it changed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from edge_agent import events
from edge_agent.errors import LocalBusDown, LocalBusRefused
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.records import SignalInfo
from edge_agent.tap.latest import Latest
from edge_agent.tap.link import Message
from edge_agent.tap.local_bus import LocalBus
from edge_agent.tap.tick import SIGNALS, STATUS, TICK, TapAsked, Ticks, as_json
from edge_agent.twin.fitting import JsonObject

OFFLINE = Message(STATUS, as_json({"online": False}), retain=True)
"""what the bus keeps of an agent that has left"""
LOOK_S = 1.0
"""how often it is looked whether the status changed"""
STATUS_AT_MOST_NS = 900_000_000
"""A look that comes a little early is one too."""
STATUS_AT_LEAST_NS = 4_900_000_000
"""likewise; it is what finds a broker out that takes everything and answers nothing"""


class LiveTap:
    """Says on the local bus what the vehicle does and how the agent is (docs/tap.md); never waits for it."""

    def __init__(self, bus: LocalBus, boot: int, *, clock: Clock, log: Log) -> None:
        self._bus, self._boot = bus, boot
        self._clock, self._log = clock, log
        self._ticks = Ticks(boot)
        self._ticked_connects = 0
        self._taken = 0
        self._dropped = {"offline": 0, "busy": 0}
        self._about: JsonObject = {"boot": boot, "config_version": 0, "signals": {}}
        self._told_connects = 0
        self._told: dict[str, JsonObject] = {}
        """what the bus keeps of this connection, by topic"""
        self._status_ns = 0

    @property
    def published(self) -> int:
        """Ticks that went to the socket, as far as is known: what a broken connection held is known when it ends."""
        return self._taken - self._bus.offers_lost

    @property
    def dropped(self) -> Mapping[str, int]:
        """Ticks that did not: `offline` there was no connection, `busy` the one before had not gone, `cut` it broke."""
        return {**self._dropped, "cut": self._bus.offers_lost}

    def follow(self, asked: TapAsked, signals: Sequence[SignalInfo], version: int) -> None:
        """Go on with a new configuration, whose plan has these signals."""
        self._ticks.follow(asked, signals)
        self._about = {"boot": self._boot, "config_version": version, "signals": asked.about}
        self._bus.news.set()

    def feed(self, latest: Latest, uptime_ns: int) -> None:
        """A block ended at this uptime, and `latest` has its samples."""
        if not self._bus.exists or not self._ticks.is_due(uptime_ns):
            return
        if not self._bus.up:
            self._ticks.miss()
            self._dropped["offline"] += 1
            return
        if self._ticked_connects != self._bus.connects:
            self._ticked_connects = self._bus.connects
            self._ticks.begin_anew()
        now_ns, now_uptime_ns = self._clock.both_ns()
        columns = latest.columns
        tick = self._ticks.take(columns, uptime_ns, (now_ns - now_uptime_ns + uptime_ns) // 1_000_000)
        if tick is None:
            return
        of_signals = [Message(topic, payload, retain=True) for topic, payload in tick.topics]
        if self._bus.offer([Message(TICK, tick.payload), *of_signals]):
            self._ticks.went(tick, columns)
            self._taken += 1
        else:
            self._dropped["busy"] += 1

    async def run(self, status: Callable[[], JsonObject]) -> None:
        """Keep the bus told of the signals, and of `status` besides `t` and `online`, until cancelled."""
        while self._bus.exists:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._bus.news.wait()
            self._bus.news.clear()
            if self._bus.up:
                with suppress(LocalBusDown):  # with the next connection all is told anew
                    await self._tell(status())

    async def _tell(self, status: JsonObject) -> None:
        if self._told_connects != self._bus.connects:
            self._told_connects = self._bus.connects
            self._told.clear()
        if self._told.get(SIGNALS) != self._about:
            await self._keep(SIGNALS, self._about)
        since_ns = self._clock.uptime_ns() - self._status_ns
        is_other = self._told.get(STATUS) != status and since_ns >= STATUS_AT_MOST_NS
        if STATUS not in self._told or is_other or since_ns >= STATUS_AT_LEAST_NS:
            self._status_ns = self._clock.uptime_ns()
            await self._keep(STATUS, status, t=self._clock.now_ns() // 1_000_000, online=True)

    async def _keep(self, topic: str, body: JsonObject, **first: int) -> None:
        """Have the broker retain it; what it refuses is told once a connection."""
        is_first, self._told[topic] = topic not in self._told, body
        try:
            await self._bus.publish(Message(topic, as_json({**first, **body}), retain=True))
        except LocalBusRefused as error:
            if is_first:
                events.local_message_refused(self._log, topic=topic, reason=error.reason)

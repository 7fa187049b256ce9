"""What may go now: by the kind of link there is, and by what is left of the budget. Counts, decides, reports."""

import asyncio
from dataclasses import asdict

from edge_agent import events
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.records import Envelope, Terms
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.reported import Reported
from edge_agent.uplink.allowance import Allowance
from edge_agent.uplink.budget import Budget, Level, Spent, level, percent
from edge_agent.uplink.link import Link, LinkSaid, counted
from edge_agent.uplink.link_file import LinkFile
from edge_agent.uplink.metering import blocks, message_bytes
from edge_agent.uplink.spent_file import SpentFile

LINK_SECTION, BUDGET_SECTION = "link", "budget"
LOOK_S = 2.0
"""How often the file is looked at, and whether a day is over."""
KEPT_NS = 60_000_000_000
"""What was spent is written this often: a power cut forgets a minute of it at most."""


class Tariff:
    """Follows link, budget and clock; sets the terms of `allowance`."""

    def __init__(
        self,
        link_file: LinkFile,
        spent_file: SpentFile,
        reported: Reported,
        *,
        clock: Clock,
        log: Log,
        clock_trusted: bool = False,
    ) -> None:
        """`clock_trusted`: the wall clock is right though the system does not know that it is. Reads both files."""
        self._link_file, self._spent_file = link_file, spent_file
        self._reported, self._clock, self._log = reported, clock, log
        self._clock_trusted = clock_trusted
        self._twin = LinkSaid()
        self._file = link_file.look()
        self._budget = Budget()
        self._told_waiting: tuple[str, ...] = ()
        self._connection: JsonObject = {}
        self._level = Level.OPEN
        self._spent = spent_file.read()
        self._seen_ns = self._kept_ns = clock.uptime_ns()
        self.link = Link()
        self.allowance = Allowance(Terms(unmetered=False))
        self._judge()

    @property
    def spent(self) -> Spent:
        """In this day and month, as far as it is known."""
        return self._spent

    @property
    def budget_percent(self) -> int:
        """Of the limit that is nearest."""
        return percent(self._spent, self._budget, self.link)

    def follow(self, twin: LinkSaid, budget: Budget, waiting: tuple[str, ...]) -> None:
        """A new document says this of link and budget; `waiting` are its rules that wait for an unmetered link."""
        is_told = budget != self._budget
        self._twin, self._budget = twin, budget
        self._judge()
        if is_told:
            self._say_budget(soon=True)
        if waiting and waiting != self._told_waiting and self.link.said_by == "nobody":
            events.unmetered_unknown(self._log, rules=waiting)
            self._told_waiting = waiting

    def connected(self, connection: JsonObject) -> None:
        """A connection was made; its own members of the section `link`."""
        self._connection = connection
        self._say_link()

    def sending(self, envelope: Envelope) -> None:
        """It goes now; also where the hub says no to it, or nothing."""
        self._spent = self._spent.plus(message_bytes(envelope), blocks(envelope), self.link)
        self._set_terms()

    async def run(self) -> None:
        """Look and count until cancelled; then what was spent is written."""
        try:
            while True:
                self._file = await asyncio.to_thread(self._link_file.look)
                self._judge()
                if self._is_kept and self._clock.uptime_ns() - self._kept_ns >= KEPT_NS:
                    self._kept_ns = self._clock.uptime_ns()
                    await self._keep()
                await asyncio.sleep(LOOK_S)
        finally:
            self._judge()
            await self._keep()

    async def _keep(self) -> None:
        await asyncio.to_thread(self._spent_file.write, lambda: self._spent)

    @property
    def _is_kept(self) -> bool:
        """Without a limit a minute's count is not worth a page of flash."""
        return self._budget != Budget()

    def _judge(self) -> None:
        """Time has passed, or something else is said."""
        now_ns, uptime_ns = self._clock.both_ns()
        is_right = self._clock_trusted or self._clock.is_synced() is not False
        self._spent = self._spent.later(now_ns, uptime_ns - self._seen_ns, clock_is_right=is_right)
        self._seen_ns = uptime_ns
        if (link := counted(self._file, self._twin)) != self.link:
            self.link = link
            events.link_changed(self._log, metered=link.metered, roaming=link.roaming, said_by=link.said_by)
            self._say_link()
        self._set_terms()
        if self._is_kept:
            self._say_budget()

    def _set_terms(self) -> None:
        now = level(self.budget_percent)
        if now is not self._level:
            events.budget_level_changed(self._log, level=now.name.lower(), percent=self.budget_percent)
            self._level = now
            self._say_budget(soon=True)
        self.allowance.allow(Terms(last_priority=now.value, unmetered=not self.link.metered))

    def _say_link(self) -> None:
        said: JsonObject = {"metered": self.link.metered, "roaming": self.link.roaming, "said_by": self.link.said_by}
        self._reported.say(LINK_SECTION, {**self._connection, **said}, soon=True)

    def _say_budget(self, *, soon: bool = False) -> None:
        limits = {name: most for name, most in asdict(self._budget).items() if most is not None}
        state: JsonObject = {"state": self._level.name.lower(), "percent": self.budget_percent}
        self._reported.say(BUDGET_SECTION, {**state, "spent": self._spent.by_limit, "limits": limits}, soon=soon)

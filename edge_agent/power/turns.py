"""Makes the agent quiet and awake: what follows from each turn of `Quiet`, in the order a power manager relies on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from edge_agent import events
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.power.power_file import PowerFile
from edge_agent.power.quiet import ALL, NOTHING, PowerState, Quiet, QuietAsked
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.reported import Reported

SECTION: Final = "power"
LOOK_S: Final = 0.1
"""How often it is looked whether the disk has what was sealed, and whether something urgent waits."""


@dataclass(frozen=True, slots=True)
class Line:
    """What of the agent has to become quiet."""

    seal: Callable[[], int]
    """seals what is open; how many batches were sealed since the start"""
    commit: Callable[[int], bool]
    """whether so many batches of this start were handed to the disk; what is missing goes at once"""
    waits: Callable[[], bool]
    """whether something waits that may be sent"""
    limit: Callable[[int], None]
    """nothing of a greater priority number is sent from now on"""
    hush: Callable[[], Awaitable[None]]
    """ends the connection in order; none is made until `wake`"""
    wake: Callable[[], None]
    left: Callable[[], int]
    """batches that are not delivered"""


class Power:
    """Hears the condition and the signals; `run` does the rest."""

    def __init__(self, line: Line, file: PowerFile, reported: Reported, *, clock: Clock, log: Log) -> None:
        self._line, self._file, self._reported = line, file, reported
        self._clock, self._log = clock, log
        self._quiet = Quiet()
        self._turned = asyncio.Event()

    @property
    def state(self) -> PowerState:
        """As it is asked for; what follows from it may still be on its way."""
        return self._quiet.state

    def follow(self, asked: QuietAsked) -> None:
        """A new document says this."""
        self._quiet.follow(asked)

    def hear(self, *, is_true: bool) -> None:
        """What the condition is now; each block may say it."""
        if self._quiet.hear(self._clock.uptime_ns(), is_true=is_true):
            self._turned.set()

    def ask(self) -> None:
        """Be quiet."""
        self._quiet.ask(self._clock.uptime_ns())
        self._turned.set()

    def wake(self, by: str = "signal") -> None:
        """Be awake."""
        self._quiet.wake(by)
        self._turned.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._tell(PowerState.AWAKE)
        while True:
            await self._until(lambda: self.state is not PowerState.AWAKE)
            sealed = self._line.seal()
            await self._send_what_is_urgent(sealed)
            if self.state is PowerState.QUIET:
                await self._fall_quiet(sealed)
                await self._until(lambda: self.state is not PowerState.QUIET)
            self._line.limit(ALL)
            self._line.wake()
            events.power_changed(self._log, state="awake", by=self._quiet.by, batches_left=self._line.left())
            await self._tell(PowerState.AWAKE)

    async def _send_what_is_urgent(self, sealed: int) -> None:
        """Until nothing urgent waits, the time is over, or it is woken."""
        self._line.limit(self._quiet.last_priority)
        events.power_changed(self._log, state="sending", by=self._quiet.by, batches_left=self._line.left())
        await self._tell(PowerState.SENDING)

        def is_sent() -> bool:
            return self._line.commit(sealed) and not self._line.waits()

        await self._until(lambda: self.state is not PowerState.SENDING or is_sent(), look_s=LOOK_S)
        self._quiet.sent()

    async def _fall_quiet(self, sealed: int) -> None:
        """The last report goes with the connection's end; only then, and with all on disk, the file says quiet."""
        self._line.limit(NOTHING)
        since_ms = self._clock.now_ns() // 1_000_000
        left = self._line.left()
        self._reported.say(SECTION, {"state": "quiet", "since_ms": since_ms, "batches_left": left}, soon=True)
        await self._line.hush()
        await self._until(lambda: self.state is not PowerState.QUIET or self._line.commit(sealed), look_s=LOOK_S)
        if self.state is PowerState.QUIET:  # it may have been woken meanwhile
            events.power_changed(self._log, state="quiet", by=self._quiet.by, batches_left=self._line.left())
            await self._file.write(PowerState.QUIET, since_ms)

    async def _tell(self, state: PowerState) -> None:
        since_ms = self._clock.now_ns() // 1_000_000
        body: JsonObject = {"state": state.value, "since_ms": since_ms}
        self._reported.say(SECTION, body, soon=True)
        await self._file.write(state, since_ms)

    async def _until(self, reached: Callable[[], bool], look_s: float | None = None) -> None:
        """Return when it is so: looked at with each turn, each deadline, and as often as `look_s`."""
        while True:
            self._turned.clear()
            self._quiet.due(self._clock.uptime_ns())
            if reached():
                return
            due_ns = self._quiet.next_ns
            waits = [look_s] if look_s is not None else []
            if due_ns is not None:
                waits.append(max(0.0, (due_ns - self._clock.uptime_ns()) / 1e9))
            try:
                async with asyncio.timeout(min(waits, default=None)):
                    await self._turned.wait()
            except TimeoutError:
                continue

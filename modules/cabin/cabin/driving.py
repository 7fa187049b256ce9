"""What is so in the vehicle now, and the one View of it that every page gets: `ports.Views`.

`look` is called ten times a second, and with each tick of the tap: it judges the drive state and says whether there is
something new to see. What may be seen is decided by `safety/` alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from cabin import events
from cabin.calendar.items import reminded
from cabin.calendar.reminders import Reminders
from cabin.calendar.store import zone_of
from cabin.events import Log
from cabin.ports import Clock, Json
from cabin.records import (
    AgentStatus,
    Answer,
    Connectivity,
    Drive,
    Limits,
    Market,
    Meeting,
    Model,
    Purpose,
    TripNow,
    Vehicle,
)
from cabin.safety.limits import limits_of
from cabin.safety.redact import view_of
from cabin.safety.state import DriveState
from cabin.tapin.latest import Latest
from cabin.tapin.roles import Roles
from cabin.tiles import DEFAULT, tiles_of

GUEST = "guest"
"""whose answers to all purposes are NOT_SET, and who has no calendar"""
NIGHT_BEGINS_H, NIGHT_ENDS_H = 19, 7
"""of the car's zone, where nothing lately said whether it is dark"""
DARK_MS = 60_000
_LOCATION = ("currentlocation", "latitude", "longitude")
"""The branch of VSS for latitude, longitude, altitude and heading; and what a database without VSS names says."""


@dataclass(slots=True)
class Chosen:
    """What somebody chose: the twin, the driver, or the settings before both."""

    market: Market
    language: str
    tiles: Sequence[str] = DEFAULT
    profile: str = GUEST
    private: bool = False
    dialled: str | None = None
    has_bridge: bool = False
    """whether the integrator named one"""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the rest of a Model comes from, asked at each look; all of it is in memory."""

    meetings: Callable[[str, float, ZoneInfo], Sequence[Meeting]]
    """of a profile, today's and tomorrow's at that second of that zone"""
    profiles: Callable[[], Sequence[str]]
    answers: Callable[[str], Mapping[Purpose, Answer]]
    trip: Callable[[], TripNow | None]
    dialer: Callable[[], str]


@dataclass(slots=True)
class _Seen:
    """What was last shown, without its time and ages."""

    essence: object = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Driving:
    """Made once; `chosen` may be written by whoever decides."""

    def __init__(self, latest: Latest, chosen: Chosen, sources: Sources, clock: Clock, log: Log) -> None:
        self.chosen = chosen
        self._latest, self._sources, self._clock, self._log = latest, sources, clock, log
        self._roles = Roles({}, {})
        self._state = DriveState()
        self._reminders = Reminders()
        self._seen = _Seen()
        self._view: Mapping[str, Json] = {}
        self.vehicle = Vehicle()
        self.seq = 0
        self.look()

    @property
    def drive(self) -> Drive:
        """As of the last look."""
        return self._state.state

    @property
    def limits(self) -> Limits:
        """As of the last look."""
        return limits_of(self.drive, self.chosen.market)

    @property
    def redraw_ms(self) -> int:
        """As `ports.Views`."""
        return self.limits.redraw_ms

    @property
    def missing_roles(self) -> Sequence[str]:
        """Without which the vehicle is never known to be parked; none before the agent has said what it taps."""
        return self._roles.missing if self._latest.signals else ()

    def bind(self, bound: Mapping[str, str]) -> None:
        """Take the roles' signals anew: the agent taps other ones, or the twin binds them otherwise."""
        self._roles = Roles(self._latest.signals, bound)

    def located_by(self, signal: str) -> bool:
        """Whether this signal says where the vehicle is."""
        is_bound = any(signal in self._roles.names[role] for role in ("latitude", "longitude"))
        return is_bound or any(word in signal.lower() for word in _LOCATION)

    def may_tell(self, signal: str) -> bool:
        """Whether apps of the vehicle may have it (VISS): where it is, with consent alone, and not in private mode.

        The cabin cannot know what an app does with a place, and private mode promises that none leaves the vehicle.
        """
        if not self.located_by(signal):
            return True
        allowed = self._sources.answers(self.chosen.profile).get(Purpose.LOCATION) is Answer.YES
        return allowed and not self.chosen.private

    def look(self) -> None:
        """Judge this moment; whoever waits for a change is told of one."""
        up_ms = self._clock.up_ms()
        before = self.drive
        self.vehicle = self._roles.vehicle(self._latest.readings)
        if self._state.look(self.vehicle, up_ms) is not before:
            events.drive_changed(self._log, before=before.value, after=self.drive.value)
        view = self._made(up_ms)
        essence = _without_times(view)
        if essence != self._seen.essence:
            self.seq += 1
            self._seen.essence = essence
            self._seen.changed.set()
            self._seen.changed = asyncio.Event()
        self._view = {**view, "seq": self.seq}

    def view(self) -> Mapping[str, Json]:
        """As `ports.Views`."""
        self.look()
        return self._view

    async def changed(self, seq: int) -> None:
        """As `ports.Views`."""
        while self.seq <= seq:
            await self._seen.changed.wait()

    @property
    def has_calendar(self) -> bool:
        """Whether who drives has allowed one."""
        return self._sources.answers(self.chosen.profile).get(Purpose.CALENDAR) is Answer.YES

    def coming(self) -> tuple[Meeting, ...]:
        """Today's and tomorrow's of the profile; none without its consent, in private mode all the same."""
        if not self.has_calendar:
            return ()
        return tuple(self._sources.meetings(self.chosen.profile, self._clock.now_ms() / 1000, zone_of(self._clock)))

    def _made(self, up_ms: int) -> Mapping[str, Json]:
        chosen, sources, now_ms = self.chosen, self._sources, self._clock.now_ms()
        meetings = self.coming()
        limits = self.limits
        due = reminded(meetings, now_ms / 1000)
        model = Model(
            t_ms=now_ms,
            up_ms=up_ms,
            drive=self.drive,
            market=chosen.market,
            tiles=tiles_of(self.vehicle, chosen.tiles, up_ms),
            connectivity=_connectivity(self._latest.status(up_ms)),
            meetings=meetings,
            reminder=self._reminders.shown(due, limits.reminder_every_s, up_ms),
            trip=sources.trip(),
            trips=(),
            private_mode=chosen.private,
            consent=sources.answers(chosen.profile),
            profile=chosen.profile,
            profiles=(GUEST, *(one for one in sources.profiles() if one != GUEST)),
            theme=self._theme(up_ms, now_ms),
            language=chosen.language,
            dialer=sources.dialer(),
            dialled_key=chosen.dialled,
            has_bridge=chosen.has_bridge,
            missing_roles=self._roles.missing,
        )
        return cast("Mapping[str, Json]", view_of(model, limits, seq=self.seq))

    def _theme(self, up_ms: int, now_ms: int) -> str:
        dark = self.vehicle.dark
        if dark is not None and dark.age_ms(up_ms) <= DARK_MS:
            return "night" if dark.value else "day"
        hour = datetime.fromtimestamp(now_ms / 1000, zone_of(self._clock)).hour
        return "day" if NIGHT_ENDS_H <= hour < NIGHT_BEGINS_H else "night"


def _connectivity(status: AgentStatus) -> Connectivity:
    if not status.online:
        word = "agent_gone"
    elif status.link_up:
        word = "online"
    else:
        word = "waiting" if status.spooled_batches else "offline"
    return Connectivity(
        word=word,
        link_up=status.link_up,
        spooled_batches=status.spooled_batches,
        spooled_bytes=status.spooled_bytes,
        delivered_batches=status.delivered_batches,
        lost_batches=status.lost_batches,
        metered=status.metered,
        roaming=status.roaming,
    )


def _without_times(view: Mapping[str, Json]) -> object:
    """What a page would have to draw anew; ages it counts on by itself."""
    tiles = cast("Sequence[Mapping[str, Json]]", view["tiles"])
    drawn = [{name: value for name, value in tile.items() if name != "age_ms"} for tile in tiles]
    return {**view, "t": None, "seq": None, "tiles": drawn}

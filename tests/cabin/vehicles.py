"""A cockpit over a vehicle that does as it is told, with everything else in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import structlog

from cabin.calendar.items import coming
from cabin.choices import MOST_PROFILES, is_name
from cabin.cockpit import Acts, CabinCockpit, Form
from cabin.driving import GUEST, Chosen, Driving, Sources
from cabin.errors import DiskRefused, MessageRejected
from cabin.events import Log
from cabin.ports import Download
from cabin.records import Answer, Decision, Market, Meeting, Purpose, SignalInfo, Tick, TripSummary
from cabin.tapin.latest import Latest
from tests.cabin.clocks import SetClock

SPEED, LOCK = "Vehicle.Speed", "Vehicle.Powertrain.Transmission.IsParkLockEngaged"
PLACE = "Vehicle.CurrentLocation.Latitude"


class FakeDialer:
    """`ports.Dialer` that remembers."""

    def __init__(self, state: str = "idle") -> None:
        self.state = state
        self.dialled: list[tuple[str, str]] = []

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def dial(self, number: str, tones: str) -> None:
        self.dialled.append((number, tones))
        self.state = "dialing"

    async def close(self) -> None:
        pass


@dataclass
class Vehicle:
    """The cockpit and what is behind it."""

    clock: SetClock = field(default_factory=SetClock)
    dialer: FakeDialer = field(default_factory=FakeDialer)
    market: Market = Market.STANDARD
    meetings: list[Meeting] = field(default_factory=list)
    trips: list[TripSummary] = field(default_factory=list)
    answers: dict[tuple[str, Purpose], Answer] = field(default_factory=dict)
    said: int = 0
    forgotten: list[str] = field(default_factory=list)
    profiles: list[str] = field(default_factory=lambda: ["p1"])
    saved: int = 0
    car_key: str = "QXZ"
    more: dict[str, float] = field(default_factory=dict)
    """signals besides, of each tick"""
    log: Log = field(default_factory=structlog.get_logger)
    disk_refuses: bool = False
    while_reading: Callable[[], None] = lambda: None
    """what happens while a plot is read"""

    def __post_init__(self) -> None:
        self.latest, self._seq = Latest(), 0
        self.latest.reconfigure({SPEED: SignalInfo("km/h"), LOCK: SignalInfo(), PLACE: SignalInfo("degrees")})
        sources = Sources(self._coming, lambda: self.profiles, self._answers, lambda: None, lambda: self.dialer.state)
        chosen = Chosen(self.market, "en", profile="p1", has_bridge=True)
        self.driving = Driving(self.latest, chosen, sources, self.clock, self.log)
        self.driving.bind({})
        self.cockpit = CabinCockpit(self.driving, self._acts(), self.dialer, self.clock)

    def drive(self, speed: float, *, park: bool = False, for_ms: int = 0, every_ms: int = 100) -> None:
        """Tell ticks as often for so long, and one more."""
        for _ in range(for_ms // every_ms + 1):
            self.clock.wait(every_ms)
            self._seq += 1
            values = {SPEED: (speed, 0), LOCK: (float(park), 0)} | {name: (one, 0) for name, one in self.more.items()}
            tick = Tick(self.clock.now, self._seq, 1, full=True, values=values)
            self.latest.take(tick, now_ms=self.clock.now, up_ms=self.clock.up)
            self.driving.look()

    def park(self) -> None:
        self.drive(0.0, park=True, for_ms=3100)

    def _answers(self, profile: str) -> Mapping[Purpose, Answer]:
        return {purpose: self.answers.get((profile, purpose), Answer.NOT_SET) for purpose in Purpose}

    def _coming(self, profile: str, now_s: float, zone: ZoneInfo) -> Sequence[Meeting]:
        return coming([one for one in self.meetings if one.profile == profile], now_s, zone)

    def _acts(self) -> Acts:
        return Acts(
            decide=self._decide,
            tell_consent=self._say,
            link=lambda profile, key: next(
                one.link for one in self.meetings if (one.profile, one.key) == (profile, key)
            ),
            bridge_link=lambda profile: f"https://bridge.example/link?vehicle=v&profile={profile}&key={self.car_key}",
            add=self._add,
            forget=self._forget,
            profiles=lambda: self.profiles,
            summaries=lambda profile: [one for one in self.trips if one.profile == profile],
            plot=self._plot,
            delete=self._delete,
            export=self._export,
            speak=self._speak,
            save=self._save,
        )

    async def _decide(self, decision: Decision) -> None:
        if decision.profile == GUEST and decision.answer is Answer.YES:
            raise MessageRejected("profile", "a guest cannot agree")
        self.answers[decision.profile, decision.purpose] = decision.answer

    async def _say(self) -> None:
        self.said += 1

    def _link(self, profile: str, key: str) -> str:
        return next(one.link for one in self.meetings if (one.profile, one.key) == (profile, key))

    def _add(self, profile: str) -> bool:
        if is_name(profile) and profile not in self.profiles and len(self.profiles) < MOST_PROFILES:
            self.profiles.append(profile)
        return profile in self.profiles

    async def _forget(self, profile: str) -> None:
        if self.disk_refuses:
            raise DiskRefused("consent", "no space left")
        self.forgotten.append(profile)
        self.profiles.remove(profile)

    async def _delete(self, profile: str, ids: Sequence[str] | None) -> int:
        gone = [one for one in self.trips if one.profile == profile and (ids is None or one.id in ids)]
        self.trips = [one for one in self.trips if one not in gone]
        return len(gone)

    async def _export(self, form: Form, profile: str) -> Download:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"{}" if form == "json" else profile.encode()

        kind = "application/json" if form == "json" else "text/csv"
        return Download(f"export.{form}", kind, pieces())

    async def _speak(self, _: str) -> None:
        await self._save()

    async def _save(self) -> None:
        self.saved += 1

    def _plot(self, _: str) -> dict[str, Sequence[float | None]]:
        self.while_reading()
        return {"t_s": [0.0]}


def meeting(key: str, start_s: int, *, tel: str = "+496936505770", link: str = "", title: str = "Review") -> Meeting:
    return Meeting(
        key, "p1", 1, start_s, start_s + 1800, None, None, title, tel=tel, conference_id="123456789", link=link
    )


def trip_of(profile: str, key: str = "t1") -> TripSummary:
    return TripSummary(
        key,
        profile,
        1_795_366_000,
        1_795_366_600,
        "ignition_off",
        8.1,
        "odometer",
        None,
        540,
        60,
        0,
        1.2,
        None,
        "measured",
        71.0,
        0,
        0,
        0,
        "imu",
        None,
        None,
        1.0,
    )

"""What the driver asks for: `ports.Cockpit`. What needs a parked vehicle is judged by the drive state of now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, cast

from cabin.calls.dialstring import dial_string
from cabin.driving import GUEST, Driving
from cabin.errors import CallFailed, MessageRejected, Transient
from cabin.ports import Answered, Clock, Dialer, Download, Json
from cabin.records import Answer, Decision, Drive, Meeting, Purpose, TripSummary

LANGUAGES = ("en", "de")

_LOCKED: Answered = (423, {"error": "this is for a parked vehicle"})
_NO_MEETING: Answered = (404, {"error": "there is no such meeting"})
_NO_TRIP: Answered = (404, {"error": "there is no such trip"})
_NO_BRIDGE: Answered = (404, {"error": "this vehicle has no calendar bridge"})
_NO_CALENDAR: Answered = (409, {"error": "this profile has not allowed the calendar"})

Plot = Mapping[str, Sequence[float | None]]
Form = Literal["csv", "json"]


@dataclass(frozen=True, slots=True)
class Acts:
    """What the cockpit sets going; each is one method of its owner."""

    decide: Callable[[Decision], Awaitable[None]]
    """returns when what is no longer allowed is wiped"""
    tell_consent: Callable[[], Awaitable[None]]
    """to the agent"""
    link: Callable[[str, str], str]
    """profile, key -> where the meeting is on the web; empty without"""
    bridge_link: Callable[[str], str]
    """a profile -> where its calendar is linked; empty without a bridge, or a key to seal to"""
    add: Callable[[str], bool]
    """whether there is this profile from now on"""
    forget: Callable[[str], Awaitable[None]]
    """a profile: its calendar, trips, decisions and keys. Raises DiskRefused: it is still there"""
    profiles: Callable[[], Sequence[str]]
    summaries: Callable[[str], Sequence[TripSummary]]
    plot: Callable[[str], Plot | None]
    delete: Callable[[str, Sequence[str] | None], Awaitable[int]]
    export: Callable[[Form, str], Awaitable[Download]]
    speak: Callable[[str], Awaitable[None]]
    """a language, from now on"""
    save: Callable[[], Awaitable[None]]
    """which profiles there are, and private mode; what the disk refuses holds until the next start"""


class CabinCockpit:
    """One vehicle's; requests may come from several pages at once, each is answered by what holds when it comes."""

    def __init__(self, driving: Driving, acts: Acts, dialer: Dialer, clock: Clock) -> None:
        self._driving, self._acts, self._dialer, self._clock = driving, acts, dialer, clock
        self._one_decision = asyncio.Lock()

    @property
    def seq(self) -> int:
        """As `ports.Views`."""
        return self._driving.seq

    @property
    def redraw_ms(self) -> int:
        """As `ports.Views`."""
        return self._driving.redraw_ms

    def view(self) -> Mapping[str, Json]:
        """As `ports.Views`."""
        return self._driving.view()

    async def changed(self, seq: int) -> None:
        """As `ports.Views`."""
        await self._driving.changed(seq)

    async def dial(self, meeting: str) -> Answered:
        """As `ports.Cockpit`."""
        found = self._meeting(meeting)
        if found is None:
            return _NO_MEETING
        dial = dial_string(found)
        if dial is None:
            return 409, {"error": "this meeting has no number to call"}
        if self._dialer.state == "none":
            return 409, {"error": "there is no phone to call with"}
        self._driving.chosen.dialled = meeting
        try:
            await self._dialer.dial(dial.number, dial.tones)
        except CallFailed as error:
            return 409, {"error": error.sentence()}
        finally:
            self._driving.look()
        return 200, {"dialer": self._dialer.state}

    async def private(self, *, on: bool) -> Answered:
        """As `ports.Cockpit`."""
        self._driving.chosen.private = on
        self._driving.look()
        await self._acts.tell_consent()
        await self._acts.save()
        return 200, {"private": on}

    async def consent(self, purpose: Purpose, answer: Answer, text_id: str, text_version: int) -> Answered:
        """As `ports.Cockpit`; a guest agrees to nothing, for the next one is a guest too."""
        if self._is_locked():
            return _LOCKED
        profile = self._driving.chosen.profile
        decision = Decision(purpose, answer, self._clock.now_ms() // 1000, profile, text_id, text_version)
        try:
            async with self._one_decision:
                await self._acts.decide(decision)
        except MessageRejected as error:
            return 409, {"error": error.sentence()}
        except Transient as error:
            return 500, {"error": error.sentence()}
        finally:
            await self._acts.tell_consent()
        parked = cast("Mapping[str, Json]", self.view()["parked"] or {})
        return 200, {"consent": parked.get("consent", {})}

    async def profile(self, profile: str) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        if profile != GUEST and not self._acts.add(profile):
            return 409, {"error": "profile: 1 to 32 letters, digits, - and _; there are 8 at most"}
        await self.change_profile(profile)
        await self._acts.save()
        return 200, {"profile": profile}

    async def change_profile(self, profile: str) -> None:
        """Go on as somebody else, whose answers then hold."""
        if profile != self._driving.chosen.profile:
            self._driving.chosen.profile, self._driving.chosen.dialled = profile, None
            self._driving.look()
            await self._acts.tell_consent()

    async def remove_profile(self, profile: str) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        if profile == self._driving.chosen.profile:
            await self.change_profile(GUEST)
        try:
            async with self._one_decision:
                await self._acts.forget(profile)
        except Transient as error:
            return 500, {"error": error.sentence()}
        finally:
            self._driving.look()
        left = [one for one in self._acts.profiles() if one not in {GUEST, profile}]
        return 200, {"profiles": [GUEST, *left]}

    async def language(self, language: str) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        if language not in LANGUAGES:
            return 400, {"error": f"language: must be one of {', '.join(LANGUAGES)}"}
        self._driving.chosen.language = language
        self._driving.look()
        await self._acts.speak(language)
        return 200, {"language": language}

    async def trips(self) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        return 200, {"trips": [_told(one) for one in self._acts.summaries(self._driving.chosen.profile)]}

    async def trip(self, trip: str) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        of_profile = self._acts.summaries(self._driving.chosen.profile)
        found = next((one for one in of_profile if one.id == trip), None)
        plot = None if found is None else await asyncio.to_thread(self._acts.plot, trip)
        if found is None or plot is None:
            return _NO_TRIP
        return _LOCKED if self._is_locked() else (200, {"trip": _told(found), "plot": plot})

    async def delete_trips(self, trips: Sequence[str] | None) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        return 200, {"deleted": await self._acts.delete(self._driving.chosen.profile, trips)}

    async def link(self, meeting: str) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        found = self._meeting(meeting)
        link = "" if found is None else self._acts.link(found.profile, found.key)
        return (200, {"link": link}) if link else (404, {"error": "this meeting has no link"})

    async def bridge(self) -> Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        if not self._driving.chosen.has_bridge:
            return _NO_BRIDGE
        link = self._acts.bridge_link(self._driving.chosen.profile) if self._driving.has_calendar else ""
        return (200, {"link": link}) if link else _NO_CALENDAR

    async def export(self, form: Form) -> Download | Answered:
        """As `ports.Cockpit`."""
        if self._is_locked():
            return _LOCKED
        return await self._acts.export(form, self._driving.chosen.profile)

    def _is_locked(self) -> bool:
        self._driving.look()
        return self._driving.drive is not Drive.PARKED

    def _meeting(self, key: str) -> Meeting | None:
        """One that can be seen now: what the limits cut off cannot be dialled either."""
        view = self.view()
        shown = [
            *cast("Sequence[Mapping[str, Json]]", view["meetings"]),
            cast("Mapping[str, Json]", view["reminder"] or {}),
        ]
        if key not in {one.get("key") for one in shown}:
            return None
        return next((one for one in self._driving.coming() if one.key == key), None)


def _told(trip: TripSummary) -> Mapping[str, Json]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(trip).items()}

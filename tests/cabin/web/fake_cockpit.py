"""A vehicle that does what a test says; passes the suite of tests/cabin/contract, as the real one has to."""

import asyncio
import csv
import io
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from cabin.ports import Answered, Download, Json
from cabin.records import Answer, Purpose

Object = dict[str, Json]
PARKED_ONLY: Answered = (423, {"error": "only while the vehicle is parked"})
TRIP_MINUTES = 21
MOST_PROFILES = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """What is going on."""

    drive: str = "parked"
    market: str = "standard"
    theme: str = "day"
    language: str = "en"
    redraw_ms: int = 100
    speed: float | None = 0.0
    age_ms: int = 40
    word: str = "online"
    dialer: str = "idle"
    dialled: str | None = None
    private: bool = False
    profile: str = "p1"
    profiles: tuple[str, ...] = ("guest", "p1", "p2")
    reminder: bool = False
    missing: tuple[str, ...] = ()
    bridge: bool = True
    consent: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(Purpose, "YES"))


class FakeCockpit:
    """Cuts by the table of limits in the simplest way; `do` changes the scene. `asked` has every action."""

    def __init__(
        self, scene: Scene | None = None, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self.scene = scene or Scene()
        self.now_ms = now_ms
        self.seq = 1
        self.asked: list[tuple[object, ...]] = []
        self.kept_trips = {str(trip["id"]): trip for trip in (_trip(n, now_ms() // 1000) for n in range(8))}
        self.meetings = _meetings(now_ms() // 1000)
        self.web_link = "https://meet.example/1"
        self._changed = asyncio.Event()

    @property
    def redraw_ms(self) -> int:
        return self.scene.redraw_ms

    @property
    def is_parked(self) -> bool:
        return self.scene.drive == "parked"

    def do(self, **changes: object) -> None:
        """Go on with these fields of the scene changed."""
        self.scene = replace(self.scene, **changes)  # type: ignore[arg-type]  # the fields' own types
        self.seq += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def view(self) -> Mapping[str, Json]:
        scene, parked = self.scene, self.is_parked
        meetings = [_cut(one, scene) for one in self.meetings]
        return {
            "seq": self.seq,
            "t": self.now_ms(),
            "drive": scene.drive,
            "market": scene.market,
            "theme": scene.theme,
            "language": scene.language,
            "redraw_ms": scene.redraw_ms,
            "locked": not parked,
            "private": scene.private,
            "profile": scene.profile,
            "tiles": _tiles(scene)[: None if parked else 6],
            "connectivity": {"word": scene.word, "detail": _DETAIL if parked else None},
            "meetings": meetings if parked else meetings[: 3 if scene.drive == "idling" else 1],
            "reminder": meetings[0] if scene.reminder else None,
            "trip": {"km": 12.4, "minutes": TRIP_MINUTES, "kwh_per_100km": 15.9, "l_per_100km": None},
            "dialer": {"state": scene.dialer, "meeting": scene.dialled},
            "parked": self._parked() if parked else None,
        }

    def _parked(self) -> Object:
        scene = self.scene
        return {
            "consent": dict(scene.consent),
            "profiles": list(scene.profiles),
            "plots": True,
            "bridge": scene.bridge,
            "missing_roles": list(scene.missing),
        }

    async def changed(self, seq: int) -> None:
        while self.seq <= seq:
            await self._changed.wait()

    async def dial(self, meeting: str) -> Answered:
        self.asked.append(("dial", meeting))
        found = next((one for one in self.meetings if one["key"] == meeting), None)
        if found is None:
            return 404, {"error": "there is no such meeting"}
        if not found["can_dial"] or self.scene.dialer == "none":
            return 409, {"error": "there is no number or no phone"}
        self.do(dialer="dialing", dialled=meeting)
        return 200, {"dialer": "dialing"}

    async def private(self, *, on: bool) -> Answered:
        self.asked.append(("private", on))
        self.do(private=on)
        return 200, {"private": on}

    async def consent(self, purpose: Purpose, answer: Answer, text_id: str, text_version: int) -> Answered:
        self.asked.append(("consent", purpose, answer, text_id, text_version))
        if not self.is_parked:
            return PARKED_ONLY
        if self.scene.profile == "guest" and answer is Answer.YES:
            return 409, {"error": "a guest cannot agree"}
        consent = {**self.scene.consent, purpose.value: answer.value}
        self.do(consent=consent)
        return 200, {"consent": consent}

    async def profile(self, profile: str) -> Answered:
        self.asked.append(("profile", profile))
        if not self.is_parked:
            return PARKED_ONLY
        known = self.scene.profiles
        if profile not in known and (len(known) > MOST_PROFILES or not profile.isalnum()):
            return 409, {"error": "this cannot be another profile"}
        self.do(profile=profile, profiles=tuple(dict.fromkeys((*known, profile))))
        return 200, {"profile": profile}

    async def remove_profile(self, profile: str) -> Answered:
        self.asked.append(("remove_profile", profile))
        if not self.is_parked:
            return PARKED_ONLY
        left = tuple(one for one in self.scene.profiles if one != profile)
        self.do(profiles=left, profile="guest" if self.scene.profile == profile else self.scene.profile)
        return 200, {"profiles": list(left)}

    async def language(self, language: str) -> Answered:
        self.asked.append(("language", language))
        if not self.is_parked:
            return PARKED_ONLY
        if language not in {"en", "de"}:
            return 400, {"error": "language: must be en or de"}
        self.do(language=language)
        return 200, {"language": language}

    async def trips(self) -> Answered:
        self.asked.append(("trips",))
        return (200, {"trips": list(self.kept_trips.values())}) if self.is_parked else PARKED_ONLY

    async def trip(self, trip: str) -> Answered:
        if not self.is_parked:
            return PARKED_ONLY
        found = self.kept_trips.get(trip)
        return (200, {"trip": found, "plot": _plot()}) if found else (404, {"error": "there is no such trip"})

    async def delete_trips(self, trips: Sequence[str] | None) -> Answered:
        self.asked.append(("delete_trips", trips))
        if not self.is_parked:
            return PARKED_ONLY
        gone = self.kept_trips.keys() & (self.kept_trips.keys() if trips is None else set(trips))
        self.kept_trips = {name: trip for name, trip in self.kept_trips.items() if name not in gone}
        return 200, {"deleted": len(gone)}

    async def link(self, meeting: str) -> Answered:
        if not self.is_parked:
            return PARKED_ONLY
        found = any(one["key"] == meeting and one["has_link"] for one in self.meetings)
        return (200, {"link": self.web_link}) if found else (404, {"error": "there is no link"})

    async def bridge(self) -> Answered:
        self.asked.append(("bridge",))
        scene = self.scene
        if not self.is_parked:
            return PARKED_ONLY
        if not scene.bridge:
            return 404, {"error": "there is no bridge"}
        if scene.profile == "guest" or scene.consent[Purpose.CALENDAR] != "YES":
            return 409, {"error": "the calendar is not allowed"}
        return 200, {"link": f"https://bridge.example/link?vehicle=v&profile={scene.profile}&key=k"}

    async def export(self, form: Literal["csv", "json"]) -> Download | Answered:
        self.asked.append(("export", form))
        if not self.is_parked:
            return PARKED_ONLY
        return Download(f"trips.{form}", "text/csv" if form == "csv" else "application/json", self._pieces(form))

    async def _pieces(self, form: str) -> AsyncIterator[bytes]:
        if form == "json":
            yield json.dumps(list(self.kept_trips.values())).encode()
            return
        rows = io.StringIO()
        writer = csv.DictWriter(rows, fieldnames=["id", "start_s", "end_s", "distance_km"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.kept_trips.values())
        yield rows.getvalue().encode()


_DETAIL: Object = {
    "link_up": True,
    "spooled_batches": 12,
    "spooled_bytes": 1_240_000,
    "delivered_batches": 4_301,
    "lost_batches": 0,
    "metered": True,
    "roaming": False,
}


def _tile(name: str, value: float | None, unit: str, scene: Scene, label: str | None = None) -> Object:
    state = "live" if scene.age_ms <= 1000 else "old" if scene.age_ms <= 3000 else "gone"
    shown = None if state == "gone" else value
    return {"id": name, "value": shown, "unit": unit, "age_ms": scene.age_ms, "state": state, "label": label}


def _tiles(scene: Scene) -> list[Object]:
    return [
        _tile("speed", scene.speed, "km/h", scene),
        _tile("range", 287, "km", scene),
        _tile("soc", 71, "%", scene),
        _tile("outside", 4.5, "°C", scene),
        _tile("power", 18 if scene.speed else 0, "kW", scene),
        _tile("gear", 4, "", scene, label="P" if scene.drive == "parked" else "D"),
        _tile("doors", 0, "", scene),
        _tile("odometer", 41_872, "km", scene),
    ]


def _meeting(key: str, start_s: int | None, minutes: int, title: str, **given: Json) -> Object:
    return {
        "key": key,
        "start_s": start_s,
        "end_s": None if start_s is None else start_s + minutes * 60,
        "all_day": None,
        "title": title,
        "place": None,
        "organiser": None,
        "cancelled": False,
        "can_dial": True,
        "number": "+49 69 1234567",
        "has_link": True,
        **given,
    }


def _meetings(now_s: int) -> list[Object]:
    soon = now_s - now_s % 1800 + 1800
    day = time.strftime("%Y-%m-%d", time.localtime(now_s))
    return [
        _meeting("a1", soon, 30, "Quarterly review of the fleet", place="Room 4", organiser="A. Example"),
        _meeting("a2", soon + 5400, 60, "Test drive: what we have learnt", organiser="B. Example"),
        _meeting("a3", soon + 10800, 30, "Workshop", cancelled=True, can_dial=False),
        _meeting("a4", None, 0, "Training", all_day=[day, day], can_dial=False, place="Hall 2"),
        _meeting("a5", soon + 86400, 45, "Planning", place="Room 1", can_dial=False, has_link=False),
    ]


def _cut(meeting: Object, scene: Scene) -> Object:
    meeting = {**meeting, "can_dial": meeting["can_dial"] and scene.dialer != "none"}
    if scene.drive == "parked":
        return meeting
    title = None if scene.market == "strict" and scene.drive != "idling" else str(meeting["title"])[:30]
    return {**meeting, "title": title, "place": None, "organiser": None, "number": None, "has_link": False}


def _trip(number: int, now_s: int) -> Object:
    start_s = now_s - 7200 - number * 41_000
    return {
        "id": f"t{number}",
        "profile": "p1",
        "start_s": start_s,
        "end_s": start_s + 1260 + number * 240,
        "end": "ignition_off",
        "distance_km": 12.4 + 7.3 * number,
        "distance_source": "odometer",
        "speed_distance_km": None,
        "moving_s": 1130 + number * 200,
        "pause_s": 130,
        "gap_s": 0,
        "energy_kwh": 2.0 + 1.1 * number,
        "fuel_l": None,
        "energy_source": "estimated" if number % 2 else "measured",
        "max_speed_kmh": 104.0,
        "harsh_accelerations": 0,
        "harsh_brakes": 1,
        "harsh_corners": 0,
        "harsh_source": "imu",
        "start_place": None,
        "end_place": None,
        "completeness": 1.0 if number else 0.97,
    }


def _plot() -> Object:
    seconds = list(range(0, TRIP_MINUTES * 60, 4))
    speeds = [max(0.0, 52 + 34 * math.sin(t / 150) + 12 * math.sin(t / 23)) for t in seconds]
    return {
        "t_s": seconds,
        "speed_kmh": speeds,
        "soc_percent": [74 - t / 420 for t in seconds],
        "power_kw": [speed * 0.3 + 9 * math.sin(t / 31) for t, speed in zip(seconds, speeds, strict=True)],
    }

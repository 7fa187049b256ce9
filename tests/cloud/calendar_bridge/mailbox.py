"""A driver's mailbox as it really is, and what a car should show of it: the oracle, written apart from the bridge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

GRAPH_TIME = "%Y-%m-%dT%H:%M:%S.0000000"
ZONES = {"W. Europe Standard Time": "Europe/Berlin", "Tokyo Standard Time": "Asia/Tokyo", "UTC": "UTC"}

Shown = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Appointment:
    """One event, or a series when it has `times`: then each of those is an occurrence, named by its number."""

    id: str
    subject: str = "Review"
    start: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    minutes: int = 30
    days: tuple[date, date] | None = None
    """all-day: first and last"""
    zone: str = "W. Europe Standard Time"
    """it was made in"""
    place: str = ""
    who: str = ""
    show: str = "busy"
    sensitivity: str = "normal"
    cancelled: bool = False
    response: str = "accepted"
    dial: Mapping[str, object] = field(default_factory=dict)
    times: Mapping[int, datetime] = field(default_factory=dict)

    @property
    def is_series(self) -> bool:
        return bool(self.times)

    def occurrences(self) -> Iterator["Appointment"]:
        """What stands in the calendar of it."""
        if not self.is_series:
            yield self
        for number, start in self.times.items():
            yield replace(self, id=f"{self.id}:{number}", start=start, times={})

    def stored(self) -> tuple[datetime, datetime]:
        """Instants by which Exchange finds it: an all-day one by the midnights of the zone it was made in."""
        if self.days is None:
            return self.start, self.start + timedelta(minutes=self.minutes)
        zone = ZoneInfo(ZONES[self.zone])
        first, last = self.days
        after = last + timedelta(days=1)
        return datetime(*first.timetuple()[:3], tzinfo=zone), datetime(*after.timetuple()[:3], tzinfo=zone)

    def graph(self, zone: str = "UTC") -> dict[str, object]:
        """As Graph writes the whole of it, with a body that must go nowhere."""
        return {
            "@odata.type": "#microsoft.graph.event",
            "id": self.id,
            "type": "seriesMaster" if self.is_series else "singleInstance",
            "seriesMasterId": None,
            "subject": self.subject,
            "body": {"contentType": "html", "content": "SECRET-BODY call +1 555 0100"},
            "bodyPreview": "SECRET-BODY",
            **self._times(zone),
            "isAllDay": self.days is not None,
            "originalStartTimeZone": self.zone,
            "originalEndTimeZone": self.zone,
            "location": {"displayName": self.place},
            "organizer": {"emailAddress": {"name": self.who, "address": "somebody@example.com"}},
            "showAs": self.show,
            "sensitivity": self.sensitivity,
            "isCancelled": self.cancelled,
            "isDraft": False,
            "responseStatus": {"response": self.response, "time": "0001-01-01T00:00:00Z"},
            "onlineMeetingUrl": None,
            "onlineMeeting": dict(self.dial) or None,
        }

    def _times(self, zone: str) -> dict[str, object]:
        if self.days is not None:  # from midnight to midnight, whatever zone is preferred
            first, after = self.days[0], self.days[1] + timedelta(days=1)
            moments = [datetime(*day.timetuple()[:3], tzinfo=UTC) for day in (first, after)]
        else:
            moments = [moment.astimezone(ZoneInfo(ZONES[zone])) for moment in self.stored()]
        start, end = ({"dateTime": one.strftime(GRAPH_TIME), "timeZone": zone} for one in moments)
        return {"start": start, "end": end}

    def stub(self, number: int, zone: str = "UTC") -> dict[str, object]:
        """As a delta writes an occurrence: a time and whose it is, no more."""
        own = next(one for one in self.occurrences() if one.id == f"{self.id}:{number}")
        return {
            "@odata.type": "#microsoft.graph.event",
            "seriesMasterId": self.id,
            "type": "occurrence",
            "id": own.id,
            **own._times(zone),
        }


def shown_to_the_driver(appointments: Mapping[str, Appointment], now_s: float) -> list[Shown]:
    """What the car has to have: the oracle."""
    every = [one for appointment in appointments.values() for one in appointment.occurrences()]
    return sorted((_shown(one) for one in every if _wanted(one, now_s)), key=repr)


def _wanted(one: Appointment, now_s: float) -> bool:
    if one.response == "declined" or (one.show == "free" and one.days is None):
        return False
    now = datetime.fromtimestamp(now_s, UTC)
    if one.days is None:
        begins, ends = one.stored()
    else:  # somewhere it is that day already, somewhere still
        begins = datetime(*one.days[0].timetuple()[:3], tzinfo=ZoneInfo("Pacific/Kiritimati"))
        after = one.days[1] + timedelta(days=1)
        ends = datetime(*after.timetuple()[:3], tzinfo=ZoneInfo("Etc/GMT+12"))
    return begins < now + timedelta(hours=49) and ends + timedelta(minutes=15) > now


def _shown(one: Appointment) -> Shown:
    private = one.sensitivity in {"private", "confidential"}
    when: Shown
    if one.days is None:
        begins, ends = one.stored()
        when = (int(begins.timestamp()), int(ends.timestamp()), None, None)
    else:
        when = (None, None, one.days[0].isoformat(), one.days[1].isoformat())
    call = ("", "") if one.cancelled else _called(one.dial)
    texts = ("Private", "", "") if private else (one.subject, one.place, one.who)
    return (*when, *texts, *call, one.show, one.cancelled, private)


def _called(dial: Mapping[str, object]) -> tuple[str, str]:
    toll = dial.get("tollNumber")
    return (str(toll).replace(" ", ""), str(dial.get("conferenceId", ""))) if toll else ("", "")

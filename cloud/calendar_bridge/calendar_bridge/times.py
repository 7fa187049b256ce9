"""When a Graph event is: instants of the Unix epoch, or dates. Pure.

An all-day event is a date of whatever zone its reader is in. Graph shows it from midnight to midnight whatever zone is
preferred (microsoft-graph-docs issues 1802 and 16798). Where it comes as another hour all the same, it is the midnight
of the zone it was made in; where that has no name, the nearest midnight.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from calendar_bridge.errors import EventRejected
from calendar_bridge.records import Event
from calendar_bridge.zones import zone_of

EAST_S, WEST_S = 14 * 3_600, 12 * 3_600
"""how far zones are ahead of UTC and behind it: a date begins and ends so much earlier and later somewhere"""


@dataclass(frozen=True, slots=True)
class Span:
    """From `starts_s` to `ends_s`; of an all-day event the widest that any zone has."""

    starts_s: int
    ends_s: int
    first: date | None = None
    last: date | None = None
    """inclusive"""


def span_of(event: Event) -> Span:
    """Raises EventRejected."""
    return _days(event) if event.get("isAllDay") is True else _instants(event)


def midnight_s(day: date) -> int:
    """In UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _instants(event: Event) -> Span:
    start, end = _instant(event, "start"), _instant(event, "end")
    return Span(start, max(start, end))


def _days(event: Event) -> Span:
    first, after = _date(event, "start", "originalStartTimeZone"), _date(event, "end", "originalEndTimeZone")
    last = max(first, after - timedelta(days=1))
    return Span(midnight_s(first) - EAST_S, midnight_s(last) + 86_400 + WEST_S, first, last)


def _instant(event: Event, name: str) -> int:
    local, zone_name = _written(event, name)
    zone = zone_of(zone_name)
    if zone is None:
        raise EventRejected(f"{name} is in a time zone that has no name known here")
    return int(local.replace(tzinfo=zone).timestamp())


def _date(event: Event, name: str, made_in: str) -> date:
    local, zone_name = _written(event, name)
    if not (local.hour or local.minute or local.second):
        return local.date()
    own, original = zone_of(zone_name), zone_of(str(event.get(made_in)))
    if own and original:
        there = local.replace(tzinfo=own).astimezone(original)
        if not (there.hour or there.minute or there.second):
            return there.date()
    return (local + timedelta(hours=12)).date()


def _written(event: Event, name: str) -> tuple[datetime, str]:
    value = event.get(name)
    if not isinstance(value, Mapping):
        raise EventRejected(f"{name} is missing")
    text = str(value.get("dateTime"))
    try:
        local = datetime.fromisoformat(text[:19])  # Graph writes seven digits behind the second
    except ValueError as error:
        raise EventRejected(f"{name} is not a time") from error
    if not (local.tzinfo is None and 1971 <= local.year <= 9000):  # noqa: PLR2004  days are added, zones applied
        raise EventRejected(f"{name} is not a time that can be reckoned with")
    return local, str(value.get("timeZone") or "UTC")

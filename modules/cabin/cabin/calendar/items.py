"""From opened items to the list of today and tomorrow. Pure; time and zone are arguments.

All-day items are dates of whatever zone the car is in, others are instants: who drives over a border, or through the
night of a clock change, sees each at its right time. An item is gone 15 minutes after its end, however late the twin
hears of it, and at its `until` in any case.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cabin.errors import MessageRejected
from cabin.records import Meeting

GONE_AFTER_S = 900
REMIND_S = 300
"""before its start a meeting is what comes next"""
DAYS = 2
"""today and tomorrow"""
LONGEST_S = 31 * 86_400
TEXT_CHARS = 300
_YEARS = (1970, 9999)
"""between which every day has one before and one after it"""

Plain = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Day:
    """Today in the car, as instants: a day of a clock change has 23 or 25 hours."""

    first: date
    starts_s: int
    ends_s: int
    """of the last day that is shown"""
    last: date


def day_of(now_s: float, zone: ZoneInfo) -> Day:
    """Today and tomorrow."""
    first = datetime.fromtimestamp(now_s, zone).date()
    end = first + timedelta(days=DAYS)
    return Day(first, _midnight_s(first, zone), _midnight_s(end, zone), end - timedelta(days=1))


def meeting_of(plain: bytes, *, profile: str, key: str, version: int) -> Meeting:
    """One opened item. Raises MessageRejected, which names the field and tells nothing of its content."""
    place = f"calendar.{profile}.{key}"
    item = _object(plain, place)
    days = _days(item, place)
    start_s, end_s = (None, None) if days else _span(item, place)
    return Meeting(
        key=key,
        profile=profile,
        version=version,
        start_s=start_s,
        end_s=end_s,
        first_day=days[0].isoformat() if days else None,
        last_day=days[1].isoformat() if days else None,
        title=_text(item, "title", place),
        place=_text(item, "place", place),
        organiser=_text(item, "who", place),
        tel=_text(item, "tel", place),
        conference_id=_text(item, "id", place),
        link=_text(item, "link", place, limit=2000),
        show_as=_text(item, "show", place) or "busy",
        cancelled=item.get("cancelled") is True,
        private=item.get("private") is True,
    )


def coming(meetings: Iterable[Meeting], now_s: float, zone: ZoneInfo) -> tuple[Meeting, ...]:
    """Today's and tomorrow's that are not over: first by start, all-day ones before the others of their day."""
    day = day_of(now_s, zone)
    shown = [one for one in meetings if not is_over(one, now_s, zone) and _touches(one, day, zone)]
    return tuple(sorted(shown, key=lambda one: (_begins_s(one, zone), not one.all_day, one.title, one.key)))


def reminded(meetings: Iterable[Meeting], now_s: float) -> Meeting | None:
    """The one that is about to begin, the earliest first; none that is cancelled, all-day or under way."""
    due = [
        one
        for one in meetings
        if one.start_s is not None and not one.cancelled and 0 <= one.start_s - now_s <= REMIND_S
    ]
    return min(due, key=lambda one: (one.start_s or 0, one.key), default=None)


def is_over(meeting: Meeting, now_s: float, zone: ZoneInfo) -> bool:
    """Whether it is to be forgotten."""
    return now_s >= _ends_s(meeting, zone) + GONE_AFTER_S


def _touches(meeting: Meeting, day: Day, zone: ZoneInfo) -> bool:
    return _begins_s(meeting, zone) < day.ends_s and _ends_s(meeting, zone) + GONE_AFTER_S > day.starts_s


def _begins_s(meeting: Meeting, zone: ZoneInfo) -> int:
    if meeting.start_s is not None:
        return meeting.start_s
    return _midnight_s(date.fromisoformat(meeting.first_day or ""), zone)


def _ends_s(meeting: Meeting, zone: ZoneInfo) -> int:
    if meeting.end_s is not None:
        return meeting.end_s
    return _midnight_s(date.fromisoformat(meeting.last_day or "") + timedelta(days=1), zone)


def _midnight_s(day: date, zone: ZoneInfo) -> int:
    """The first instant of a date; where clocks leave midnight out, the one at which they go on."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _object(plain: bytes, place: str) -> Plain:
    try:
        item = json.loads(plain)
    except (ValueError, RecursionError) as error:
        raise MessageRejected(place, "is not JSON") from error
    if not isinstance(item, dict):
        raise MessageRejected(place, "must be an object")
    return item


def _text(item: Plain, name: str, place: str, limit: int = TEXT_CHARS) -> str:
    value = item.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise MessageRejected(f"{place}.{name}", f"must be a text of at most {limit} characters")
    return value.encode(errors="replace").decode()  # half a character, which no page can be sent, is a question mark


def _span(item: Plain, place: str) -> tuple[int, int]:
    start, end = item.get("start"), item.get("end")
    if not (isinstance(start, int) and isinstance(end, int)) or isinstance(start, bool) or isinstance(end, bool):
        raise MessageRejected(place, "must have start and end in seconds, or days")
    if not 0 <= start <= end <= start + LONGEST_S:
        raise MessageRejected(place, "must end after it starts, within a month")
    return start, end


def _days(item: Plain, place: str) -> tuple[date, date] | None:
    match item.get("days"):
        case None:
            return None
        case [str() as first, str() as last]:
            try:
                days = date.fromisoformat(first), date.fromisoformat(last)
            except ValueError as error:
                raise MessageRejected(f"{place}.days", "must be two dates like 2026-11-22") from error
            if _YEARS[0] < days[0].year < _YEARS[1] and days[0] <= days[1] <= days[0] + timedelta(days=31):
                return days
    raise MessageRejected(f"{place}.days", "must be the first and the last date, within a month")

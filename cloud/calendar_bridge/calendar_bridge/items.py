"""From a Graph event to what the car is to have of it, or nothing. Pure; the time is an argument.

The car lists today and tomorrow by its own zone, which the bridge does not know. What begins within 49 hours is in any
zone's tomorrow at the latest, also on the day of 25 hours; so that is what is sent, with what is not over for 15
minutes.

Sent or not, as a driver would want it:
- declined ones, drafts and series as such are not; cancelled ones are, said to be so and without a number to call, for
  who is on the way to one must hear of it;
- timed ones that are shown as free are not: nobody waits there. All-day ones are, for they are free by default;
- of private and confidential ones the time, the number and the word "Private": no title, place or person.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from calendar_bridge.dial_in import DialIn, dial_in
from calendar_bridge.errors import EventRejected
from calendar_bridge.records import Event, Item
from calendar_bridge.times import Span, midnight_s, span_of

AHEAD_S = 49 * 3_600
GONE_AFTER_S = 900
"""the car forgets an item so long after its end"""
KEPT_DAYS = 6
"""`until` is at most 7 days ahead of the car's clock; counted from midnight, so that it is another once a day"""
LONGEST_DAYS = 31
"""the car takes nothing longer; more is cut, around today"""
TITLE_CHARS, PLACE_CHARS, WHO_CHARS = 120, 80, 60
"""120 is what a driver's text may have (Android for Cars); titles of meetings are shorter"""
KEY_CHARS = 12
PRIVATE_TITLE = "Private"
_PRIVATE = {"private", "confidential"}
_SHOWN = {"free", "tentative", "busy", "oof", "workingElsewhere"}
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
"""controls, invisible ones, those that turn the direction of writing, and halves of characters"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the car is to have, the nearest first, and why events are missing that could not be read."""

    items: tuple[Item, ...]
    rejected: tuple[str, ...]


def wanted(events: Iterable[Event], now_s: float) -> Wanted:
    """Of whole events, occurrences with what their series says."""
    items: list[Item] = []
    rejected: list[str] = []
    for event in events:
        try:
            item = item_of(event, now_s)
        except EventRejected as error:
            rejected.append(error.reason)
        else:
            items += [item] if item else []
    return Wanted(tuple(sorted(items, key=lambda one: (one.starts_s, one.key))), tuple(rejected))


def item_of(event: Event, now_s: float) -> Item | None:
    """None where the car is not to have it. Raises EventRejected."""
    if not _is_for_a_driver(event):
        return None
    span = span_of(event)
    if not span.starts_s < now_s + AHEAD_S or not span.ends_s + GONE_AFTER_S > now_s:
        return None
    today = datetime.fromtimestamp(now_s, UTC).date()
    text = json.dumps(_plain(event, span, today), ensure_ascii=False, separators=(",", ":"))
    until_s = min(span.ends_s + GONE_AFTER_S, midnight_s(today) + KEPT_DAYS * 86_400)
    return Item(key_of(str(event.get("id"))), span.starts_s, until_s, text.encode())


def key_of(event_id: str) -> str:
    """Name of an item in the twin; tells nothing of the event."""
    return hashlib.sha256(event_id.encode()).hexdigest()[:KEY_CHARS]


def _is_for_a_driver(event: Event) -> bool:
    if event.get("type") == "seriesMaster" or event.get("isDraft") is True:
        return False
    response = event.get("responseStatus")
    if isinstance(response, Mapping) and response.get("response") == "declined":
        return False
    return event.get("showAs") != "free" or event.get("isAllDay") is True


def _plain(event: Event, span: Span, today: date) -> dict[str, object]:
    private = event.get("sensitivity") in _PRIVATE
    cancelled = event.get("isCancelled") is True
    call = DialIn() if cancelled else dial_in(event.get("onlineMeeting"))
    location, organizer = event.get("location"), event.get("organizer")
    shown = event.get("showAs")
    fields = {
        **_when(span, today),
        "title": PRIVATE_TITLE if private else text_of(event.get("subject"), TITLE_CHARS),
        "place": "" if private else text_of(_within(location, "displayName"), PLACE_CHARS),
        "who": "" if private else text_of(_within(_within(organizer, "emailAddress"), "name"), WHO_CHARS),
        "tel": call.number,
        "id": call.conference,
        "show": shown if shown in _SHOWN else "busy",
        "cancelled": cancelled,
        "private": private,
    }
    return {name: value for name, value in fields.items() if value not in {"", False}}


def _when(span: Span, today: date) -> dict[str, object]:
    half = timedelta(days=LONGEST_DAYS // 2)
    if span.first and span.last:
        first, last = span.first, span.last
        if last - first > 2 * half:
            first, last = max(first, today - half), min(last, today + half)
        return {"days": (first.isoformat(), last.isoformat())}
    start, end = span.starts_s, span.ends_s
    if end - start > LONGEST_DAYS * 86_400:
        about = midnight_s(today)
        start, end = max(start, about - half.days * 86_400), min(end, about + half.days * 86_400)
    return {"start": start, "end": end}


def _within(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def text_of(value: object, limit: int) -> str:
    """On one line, without what cannot be seen, at most so many characters; the last is `…` where it was cut."""
    plain = " ".join(_NOT_TEXT.sub(" ", value).split()) if isinstance(value, str) else ""
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"

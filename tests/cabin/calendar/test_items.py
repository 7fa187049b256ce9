import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.items import GONE_AFTER_S, coming, day_of, is_over, meeting_of, reminded
from cabin.errors import MessageRejected
from cabin.records import Meeting

BERLIN, TOKYO, CAIRO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo"), ZoneInfo("Africa/Cairo")


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def item(key: str = "a", **fields: object) -> Meeting:
    return meeting_of(json.dumps(fields).encode(), profile="p1", key=key, version=1)


def timed(key: str, start: str, end: str, **fields: object) -> Meeting:
    return item(key, start=at(start), end=at(end), title=key, **fields)


def keys(meetings: list[Meeting], now: str, zone: ZoneInfo = BERLIN) -> list[str]:
    return [one.key for one in coming(meetings, at(now, zone), zone)]


@pytest.mark.parametrize("days", [["9999-12-31", "9999-12-31"], ["9999-12-15", "9999-12-16"]])
def test_a_date_after_which_there_is_none_is_refused(days: list[str]) -> None:
    with pytest.raises(MessageRejected, match="days"):
        item(days=days)


def test_half_a_character_is_a_question_mark() -> None:
    cut_off = meeting_of(b'{"start":1,"end":2,"title":"a\\ud83d","tel":"\\udc00"}', profile="p1", key="a", version=1)
    assert (cut_off.title, cut_off.tel) == ("a?", "?")


def test_today_and_tomorrow_are_listed_in_order_and_nothing_else() -> None:
    day = [
        timed("yesterday", "2026-11-21T10:00", "2026-11-21T11:00"),
        timed("late", "2026-11-22T16:00", "2026-11-22T17:00"),
        timed("early", "2026-11-22T10:00", "2026-11-22T11:00"),
        timed("tomorrow", "2026-11-23T23:59", "2026-11-24T01:00"),
        timed("after", "2026-11-24T00:00", "2026-11-24T01:00"),
    ]
    assert keys(day, "2026-11-22T09:00") == ["early", "late", "tomorrow"]


def test_a_meeting_stays_for_a_quarter_of_an_hour_after_its_end() -> None:
    day = [timed("a", "2026-11-22T10:00", "2026-11-22T11:00")]
    assert keys(day, "2026-11-22T11:14") == ["a"]
    assert keys(day, "2026-11-22T11:15") == []


def test_one_that_began_yesterday_and_goes_on_is_shown() -> None:
    assert keys([timed("night", "2026-11-21T22:00", "2026-11-22T02:00")], "2026-11-22T01:00") == ["night"]


def test_an_all_day_item_is_the_date_of_wherever_the_car_is() -> None:
    birthday = item(title="b", days=["2026-11-22", "2026-11-22"])
    for zone in (BERLIN, TOKYO):
        assert coming([birthday], at("2026-11-22T00:00", zone), zone)
        assert coming([birthday], at("2026-11-22T23:59", zone), zone)
        assert not coming([birthday], at("2026-11-23T00:15", zone), zone)
    assert not coming([birthday], at("2026-11-20T23:59"), BERLIN)
    assert coming([birthday], at("2026-11-21T00:00"), BERLIN)


def test_all_day_items_go_before_the_others_of_their_day() -> None:
    day = [
        timed("a", "2026-11-22T00:00", "2026-11-22T01:00"),
        item("whole", title="w", days=["2026-11-22", "2026-11-23"]),
    ]
    assert keys(day, "2026-11-22T00:00") == ["whole", "a"]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", BERLIN, 23),
        ("2026-10-25", BERLIN, 25),
        ("2026-11-22", BERLIN, 24),
        ("2026-04-24", CAIRO, 23),
    ],
)
def test_a_day_of_a_clock_change_has_the_hours_it_has(day: str, zone: ZoneInfo, hours: int) -> None:
    whole = item(title="w", days=[day, day])
    inside = range(at(f"{day}T03:00", zone) - 12 * 3600, at(f"{day}T03:00", zone) + 36 * 3600, 900)
    shown = [now for now in inside if datetime.fromtimestamp(now, zone).date().isoformat() == day]
    assert len(shown) == hours * 4
    assert all(coming([whole], now, zone) for now in shown)
    assert is_over(whole, shown[-1] + 900 + GONE_AFTER_S, zone)


def test_the_hour_that_comes_twice_is_two_meetings() -> None:
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())
    twice = [item("first", start=first, end=first + 600), item("second", start=first + 3600, end=first + 4200)]
    assert [one.key for one in coming(twice, first - 60, BERLIN)] == ["first", "second"]


ZONES = st.sampled_from(
    ["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "UTC"]
)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(ZONES, DAYS, st.integers(0, 86_399), st.integers(-3, 4), st.integers(0, 3))
def test_an_all_day_item_is_shown_on_exactly_its_dates_and_the_day_before(
    name: str, today: date, second: int, offset: int, length: int
) -> None:
    """The reference asks by dates alone, at moments away from midnight's quarter of an hour."""
    zone = ZoneInfo(name)
    now = day_of(datetime(today.year, today.month, today.day, 12, tzinfo=zone).timestamp(), zone).starts_s
    now += 900 + second % (22 * 3600)
    today = datetime.fromtimestamp(now, zone).date()
    first = today + timedelta(days=offset)
    last = first + timedelta(days=length)
    shown = coming([item(title="w", days=[first.isoformat(), last.isoformat()])], now, zone)
    assert bool(shown) == (first <= today + timedelta(days=1) and last >= today)


def test_the_next_one_is_reminded_of_five_minutes_before() -> None:
    a, b = timed("a", "2026-11-22T10:00", "2026-11-22T11:00"), timed("b", "2026-11-22T10:02", "2026-11-22T11:00")
    assert reminded([a, b], at("2026-11-22T09:54")) is None
    assert reminded([b, a], at("2026-11-22T09:58")) == a
    assert reminded([a, b], at("2026-11-22T10:01")) == b
    gone = timed("a", "2026-11-22T10:00", "2026-11-22T11:00", cancelled=True)
    assert reminded([gone], at("2026-11-22T09:58")) is None


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"start": 10}, "calendar.p1.a"),
        ({"start": 10, "end": 9}, "calendar.p1.a"),
        ({"start": 0, "end": 10**10}, "calendar.p1.a"),
        ({"start": True, "end": True}, "calendar.p1.a"),
        ({"days": ["2026-11-22"]}, "calendar.p1.a.days"),
        ({"days": ["2026-11-23", "2026-11-22"]}, "calendar.p1.a.days"),
        ({"days": ["22.11.2026", "22.11.2026"]}, "calendar.p1.a.days"),
        ({"start": 1, "end": 2, "title": 5}, "calendar.p1.a.title"),
        ({"start": 1, "end": 2, "title": "x" * 301}, "calendar.p1.a.title"),
    ],
)
def test_an_item_that_is_none_is_refused_with_its_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(MessageRejected) as refused:
        item(**fields)
    assert refused.value.place == place


@given(st.binary(max_size=60))
def test_whatever_was_sealed_is_read_or_refused(plain: bytes) -> None:
    with pytest.raises(MessageRejected):
        meeting_of(plain, profile="p1", key="a", version=1)

from datetime import UTC, date, datetime

import pytest

from calendar_bridge.errors import EventRejected
from calendar_bridge.times import span_of


def moment(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": text, "timeZone": zone}


@pytest.mark.parametrize("zone", ["W. Europe Standard Time", "Europe/Berlin"])
def test_a_time_of_a_windows_zone_and_of_its_iana_name_are_the_same(zone: str) -> None:
    span = span_of({"start": moment("2026-11-22T13:00:00.0000000", zone), "end": moment("2026-11-22T13:30:00", zone)})

    assert span.starts_s == int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())
    assert span.ends_s - span.starts_s == 1800


@pytest.mark.parametrize("zone", ["tzone://Microsoft/Utc", "UTC"])
def test_the_name_that_exchange_has_for_utc_is_utc(zone: str) -> None:
    start = moment("1970-01-02T00:00:00".replace("1970", "2026"), zone)
    assert span_of({"start": start, "end": start}).starts_s == int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("zone", ["tzone://Microsoft/Custom", "Customized Time Zone", "../etc/passwd", "Europe"])
def test_a_time_of_a_zone_without_a_name_is_no_time(zone: str) -> None:
    start = moment("2026-11-22T13:00:00", zone)
    with pytest.raises(EventRejected, match="time zone"):
        span_of({"start": start, "end": start})


@pytest.mark.parametrize(
    ("start", "end", "zone", "made_in"),
    [
        ("2026-11-22T00:00:00", "2026-11-24T00:00:00", "UTC", "Tokyo Standard Time"),
        ("2026-11-22T00:00:00", "2026-11-24T00:00:00", "tzone://Microsoft/Custom", ""),
        ("2026-11-21T15:00:00", "2026-11-23T15:00:00", "UTC", "Tokyo Standard Time"),
        ("2026-11-22T08:00:00", "2026-11-24T08:00:00", "UTC", "Pacific Standard Time"),
        ("2026-11-21T23:00:00", "2026-11-23T23:00:00", "UTC", "tzone://Microsoft/Custom"),
        ("2026-11-22T05:00:00", "2026-11-24T05:00:00", "UTC", "no zone"),
    ],
)
def test_all_day_is_the_dates_of_whoever_made_it(start: str, end: str, zone: str, made_in: str) -> None:
    event = {
        "isAllDay": True,
        "start": moment(start, zone),
        "end": moment(end, zone),
        "originalStartTimeZone": made_in,
        "originalEndTimeZone": made_in,
    }
    span = span_of(event)

    assert (span.first, span.last) == (date(2026, 11, 22), date(2026, 11, 23))


@pytest.mark.parametrize(
    "start", [None, "noon", {}, moment("noon"), moment("0001-01-01T00:00:00"), moment("9999-12-31T23:59:59")]
)
def test_what_is_no_time_is_said_to_be_none(start: object) -> None:
    for all_day in (True, False):
        with pytest.raises(EventRejected, match="start"):
            span_of({"isAllDay": all_day, "start": start, "end": moment("2026-11-22T13:00:00")})


def test_what_ends_before_it_begins_ends_as_it_begins() -> None:
    span = span_of({"start": moment("2026-11-22T13:00:00"), "end": moment("2026-11-22T12:00:00")})
    assert span.ends_s == span.starts_s

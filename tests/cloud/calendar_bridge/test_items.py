import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_bridge.items import TITLE_CHARS, item_of, key_of, text_of, wanted
from tests.cloud.calendar_bridge.mailbox import Appointment

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_S = NOON.timestamp()
DIAL = {"tollNumber": "+496936505770", "conferenceId": "123"}


def plain(appointment: Appointment) -> dict[str, object]:
    item = item_of(appointment.graph(), NOW_S)
    assert item is not None
    found = json.loads(item.plain)
    assert isinstance(found, dict)
    return found


def test_an_item_is_slim_and_in_the_documented_form() -> None:
    made = Appointment("e1", subject="Quarterly review", start=NOON, place="Room 4", who="A. Example", dial=DIAL)

    assert plain(made) == {
        "title": "Quarterly review",
        "start": int(NOW_S),
        "end": int(NOW_S) + 1800,
        "place": "Room 4",
        "who": "A. Example",
        "tel": "+496936505770",
        "id": "123",
        "show": "busy",
    }


@pytest.mark.parametrize("sensitivity", ["private", "confidential"])
def test_a_private_item_tells_when_and_how_to_call_and_no_more(sensitivity: str) -> None:
    made = Appointment("e1", subject="Doctor", place="Clinic", who="A. Example", sensitivity=sensitivity, dial=DIAL)

    assert plain(made).keys() == {"title", "start", "end", "tel", "id", "show", "private"}
    assert plain(made)["title"] == "Private"


def test_a_cancelled_item_is_told_of_and_cannot_be_called() -> None:
    found = plain(Appointment("e1", cancelled=True, dial=DIAL))

    assert found["cancelled"] is True
    assert "tel" not in found


@pytest.mark.parametrize(
    "made",
    [
        Appointment("e1", response="declined"),
        Appointment("e1", show="free"),
        Appointment("e1", times={1: NOON}),
        Appointment("e1", start=NOON + timedelta(hours=49)),
        Appointment("e1", start=NOON - timedelta(minutes=45)),
    ],
    ids=["declined", "free", "a series as such", "too far", "over"],
)
def test_some_are_not_for_a_driver(made: Appointment) -> None:
    assert item_of(made.graph(), NOW_S) is None


def test_a_draft_is_nobody_s_meeting() -> None:
    assert item_of({**Appointment("e1").graph(), "isDraft": True}, NOW_S) is None


def test_an_item_is_gone_when_it_is_over_and_within_seven_days_whatever_it_says() -> None:
    short, long = (item_of(Appointment("e1", minutes=minutes).graph(), NOW_S) for minutes in (30, 30 * 24 * 60))
    assert short
    assert long

    assert short.until_s == NOW_S + 30 * 60 + 900
    assert NOW_S + 5 * 86_400 < long.until_s < NOW_S + 7 * 86_400


@pytest.mark.parametrize("days", [(date(2026, 9, 1), date(2027, 3, 1)), (date(2026, 11, 1), date(2027, 3, 1))])
def test_half_a_year_off_is_cut_to_what_the_car_takes(days: tuple[date, date]) -> None:
    found = plain(Appointment("e1", days=days))["days"]
    assert isinstance(found, list)
    first, last = map(date.fromisoformat, found)

    assert first <= NOON.date() <= last
    assert (last - first).days <= 31


def test_a_meeting_of_months_is_cut_too() -> None:
    made = plain(Appointment("e1", start=NOON - timedelta(days=60), minutes=200 * 24 * 60))
    start, end = int(str(made["start"])), int(str(made["end"]))

    assert start < NOW_S < end <= start + 31 * 86_400


def test_an_event_that_cannot_be_placed_is_counted_and_the_others_are_there() -> None:
    odd = {
        **Appointment("e2").graph(),
        "start": {"dateTime": "2026-11-22T12:00:00", "timeZone": "tzone://Microsoft/Custom"},
    }
    found = wanted([odd, Appointment("e1", start=NOON).graph()], NOW_S)

    assert [item.key for item in found.items] == [key_of("e1")]
    assert len(found.rejected) == 1


@given(st.text(max_size=400))
def test_a_text_is_one_line_that_can_be_seen_and_sealed(text: str) -> None:
    cut = text_of(text, TITLE_CHARS)

    assert len(cut) <= TITLE_CHARS
    assert cut.splitlines() in ([], [cut])
    assert not {"\u202e", "\u2066", "\x00"} & set(cut)
    cut.encode()


def test_a_name_of_the_twin_tells_nothing_of_the_event() -> None:
    names = {key_of(f"AAMkADNVxRAAA{number}=") for number in range(100)}

    assert len(names) == 100
    assert {len(name) for name in names} == {12}
    assert set("".join(names)) <= set("0123456789abcdef")

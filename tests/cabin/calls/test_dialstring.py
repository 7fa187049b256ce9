from dataclasses import replace

import pytest

from cabin.calls.dialstring import dial_string
from cabin.records import Meeting

MEETING = Meeting("a", "p1", 1, 0, 1, None, None, "Review", tel="+496936505770", conference_id="123456789")


@pytest.mark.parametrize(
    ("tel", "conference_id", "number", "tones"),
    [
        ("+496936505770", "123456789", "+496936505770", "123456789#"),
        ("+49 69 365 057-70", "123 456 789", "+496936505770", "123456789#"),
        ("+1 (323) 849-4874", "987654321#", "+13238494874", "987654321#"),
        ("+44\u00a020\u00a07946\u00a00958", "", "+442079460958", ""),
    ],
)
def test_a_number_and_an_id_are_dialled(tel: str, conference_id: str, number: str, tones: str) -> None:
    dial = dial_string(replace(MEETING, tel=tel, conference_id=conference_id))
    assert dial is not None
    assert (dial.number, dial.tones) == (number, tones)


@pytest.mark.parametrize("tel", ["", "069 365057", "0049693650", "+0123456789", "+49", "+1234567890123456", "call me"])
def test_what_is_no_number_of_the_world_is_not_dialled(tel: str) -> None:
    assert dial_string(replace(MEETING, tel=tel)) is None


def test_an_id_that_is_none_is_not_left_out() -> None:
    assert dial_string(replace(MEETING, conference_id="see below")) is None


def test_a_cancelled_meeting_is_not_dialled() -> None:
    assert dial_string(replace(MEETING, cancelled=True)) is None


def test_a_number_in_a_text_is_never_used() -> None:
    body = "Dial-in: +49 69 365057700, Meeting ID: 321 987 654"
    assert dial_string(replace(MEETING, tel="", conference_id="", title=body, place=body, link=body)) is None


def test_a_platform_gets_number_pauses_and_id_in_one() -> None:
    dial = dial_string(MEETING)
    assert dial is not None
    assert dial.uri == "tel:+496936505770,,123456789%23"

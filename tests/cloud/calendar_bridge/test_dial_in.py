import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_bridge.dial_in import CONFERENCE, NUMBER, DialIn, dial_in

ANYTHING = st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3))


@pytest.mark.parametrize(
    ("meeting", "expected"),
    [
        ({"tollNumber": "+49 (0) 69 365-05770", "conferenceId": "123 456 789#"}, ("+496936505770", "123456789")),
        (
            {"tollNumber": None, "tollFreeNumbers": ["+1 (833) 555.0100"], "conferenceId": "1234"},
            ("+18335550100", "1234"),
        ),
        ({"phones": [{"number": "tel:+33170990000", "type": "business"}]}, ("+33170990000", "")),
        ({"quickDial": "+49 69 36505770,,123456789#"}, ("+496936505770", "123456789")),
        ({"tollNumber": "+496936505770", "quickDial": "+496936505770,,,77777#"}, ("+496936505770", "77777")),
        ({"tollNumber": "069 36505770", "conferenceId": "123"}, ("", "")),
        ({"conferenceId": "123456789"}, ("", "")),
        ({"joinUrl": "https://teams.example/l/1"}, ("", "")),
        ({"tollNumber": "+49 69 36505770 or 110"}, ("", "")),
        (None, ("", "")),
    ],
)
def test_the_fields_are_taken_and_nothing_is_guessed(meeting: object, expected: tuple[str, str]) -> None:
    assert dial_in(meeting) == DialIn(*expected)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("tollNumber", "tollFreeNumbers", "phones", "quickDial", "conferenceId"), ANYTHING)
    )
)
def test_whatever_the_fields_hold_it_is_a_number_or_none(meeting: dict[str, object]) -> None:
    call = dial_in(meeting)

    assert not call.number or NUMBER.fullmatch(call.number)
    assert not call.conference or (call.number and CONFERENCE.fullmatch(call.conference))

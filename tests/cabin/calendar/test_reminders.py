from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.reminders import SHOWN_MS, Reminders
from cabin.records import Meeting

A, B = (Meeting(key, "p1", 1, 0, 1, None, None, key) for key in "ab")


def test_parked_it_is_shown_as_long_as_it_is_due() -> None:
    reminders = Reminders()
    assert all(reminders.shown(A, 0, up_ms) is A for up_ms in range(0, 300_000, 1000))
    assert reminders.shown(None, 0, 300_000) is None


def test_moving_it_is_shown_for_twenty_seconds_and_again_after_two_minutes() -> None:
    reminders = Reminders()
    shown = [up_ms for up_ms in range(0, 180_000, 1000) if reminders.shown(A, 120, up_ms)]
    assert shown == [*range(0, SHOWN_MS, 1000), *range(120_000, 120_000 + SHOWN_MS, 1000)]


def test_another_meeting_waits_for_its_two_minutes() -> None:
    reminders = Reminders()
    assert reminders.shown(A, 120, 0) is A
    assert reminders.shown(B, 120, 5000) is None
    assert reminders.shown(B, 120, 120_000) is B


@given(st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from([None, A, B])), max_size=60))
def test_no_two_reminders_begin_within_two_minutes_while_driving(looks: list[tuple[int, Meeting | None]]) -> None:
    reminders, up_ms, begun, before = Reminders(), 0, list[int](), None
    for wait_ms, due in looks:
        up_ms += wait_ms
        shown = reminders.shown(due, 120, up_ms)
        if shown is not None and (shown is not before or up_ms - begun[-1] >= SHOWN_MS):
            begun.append(up_ms)
        before = shown or before
    assert all(later - earlier >= 120_000 for earlier, later in pairwise(begun))

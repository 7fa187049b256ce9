from hypothesis import given
from hypothesis import strategies as st

from calendar_bridge.schedule import POLL_S, SUBSCRIPTION_S, Due, Schedule

MIDNIGHT_S = 1_795_305_600.0


def test_the_next_round_is_at_the_poll_or_at_midnight() -> None:
    schedule = Schedule.beginning(0)
    schedule.synced(MIDNIGHT_S)
    assert schedule.next_deadline() == 0  # the subscription
    assert schedule.sync.at_s == MIDNIGHT_S + POLL_S
    schedule.synced(MIDNIGHT_S + 86_400 - 10)
    assert schedule.sync.at_s == MIDNIGHT_S + 86_400


def test_a_subscription_is_renewed_at_half_of_its_life_however_short_that_is() -> None:
    schedule = Schedule.beginning(0)
    schedule.subscribed(1000, 1000 + SUBSCRIPTION_S)
    assert schedule.subscribe.at_s == 1000 + SUBSCRIPTION_S / 2
    schedule.subscribed(1000, 900)
    assert schedule.subscribe.at_s == 1060


def test_a_notification_brings_a_round_forward_but_not_past_a_service_that_asked_to_be_left_alone() -> None:
    due = Due(100)
    due.sooner(50)
    assert due.at_s == 50
    due.failed(50, 30, 0.5)
    due.sooner(60)
    assert due.at_s == 80


@given(st.integers(0, 10_000), st.floats(0, 4000), st.floats(0, 0.999))
def test_waiting_has_an_end_and_is_never_less_than_was_asked_for(retries: int, after: float, dice: float) -> None:
    due = Due(0, retries)
    waits_s = due.failed(1000, after, dice)

    assert after <= waits_s <= max(after, 1350)
    assert due.at_s == 1000 + waits_s
    due.done(5000)
    assert due.retries == 0

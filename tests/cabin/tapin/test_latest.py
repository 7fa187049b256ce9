from hypothesis import given
from hypothesis import strategies as st

from cabin.records import AgentStatus, SignalInfo, Tick
from cabin.tapin.latest import Latest

NOW, UP = 1_795_000_000_000, 50_000


def tick(seq: int = 1, *, t_ms: int = NOW, boot: int = 1, **values: tuple[float, int]) -> Tick:
    return Tick(t_ms, seq, boot, full=False, values=values)


def test_a_value_is_as_old_as_the_tick_says_and_the_time_it_was_on_the_way() -> None:
    latest = Latest()
    latest.take(tick(speed=(53.0, 40)), now_ms=NOW + 25, up_ms=UP)
    assert latest.readings["speed"].age_ms(UP) == 65
    assert latest.readings["speed"].age_ms(UP + 1000) == 1065


def test_a_tick_that_a_broker_held_back_is_old_when_it_comes() -> None:
    latest = Latest()
    latest.take(tick(speed=(53.0, 0)), now_ms=NOW + 46_000, up_ms=UP + 46_000)
    assert latest.readings["speed"].age_ms(UP + 46_000) == 46_000
    assert not latest.is_heard(UP + 46_000)


def test_a_tick_of_a_clock_that_was_set_back_is_not_newer_than_now() -> None:
    latest = Latest()
    latest.take(tick(t_ms=NOW + 3_600_000, speed=(53.0, 10)), now_ms=NOW, up_ms=UP)
    assert latest.readings["speed"].age_ms(UP) == 10


def test_a_tick_that_comes_twice_or_late_adds_nothing() -> None:
    latest = Latest()
    latest.take(tick(5, speed=(1.0, 0)), now_ms=NOW, up_ms=UP)
    latest.take(tick(5, speed=(2.0, 0)), now_ms=NOW, up_ms=UP)
    latest.take(tick(4, speed=(3.0, 0)), now_ms=NOW, up_ms=UP)
    assert latest.readings["speed"].value == 1.0


def test_an_agent_that_started_anew_is_heard_from_its_first_tick_on() -> None:
    latest = Latest()
    latest.take(tick(500, boot=1, speed=(1.0, 0)), now_ms=NOW, up_ms=UP)
    latest.take(tick(1, boot=2, speed=(2.0, 0)), now_ms=NOW, up_ms=UP)
    assert latest.readings["speed"].value == 2.0
    assert latest.missed == 0


@given(st.lists(st.integers(1, 5), max_size=20))
def test_every_tick_that_was_not_heard_is_counted(steps: list[int]) -> None:
    latest, seq = Latest(), 1
    latest.take(tick(seq), now_ms=NOW, up_ms=UP)
    for step in steps:
        seq += step
        latest.take(tick(seq), now_ms=NOW, up_ms=UP)
    assert latest.missed == sum(step - 1 for step in steps)


def test_the_agent_is_gone_after_three_seconds_of_silence() -> None:
    latest = Latest()
    latest.hear(AgentStatus(online=True, link_up=True))
    assert not latest.status(UP).online
    latest.take(tick(), now_ms=NOW, up_ms=UP)
    assert latest.status(UP + 3000).link_up
    assert not latest.status(UP + 3001).online


def test_its_last_will_counts_at_once() -> None:
    latest = Latest()
    latest.take(tick(), now_ms=NOW, up_ms=UP)
    latest.hear(AgentStatus(online=False))
    assert not latest.is_heard(UP)


def test_what_is_no_longer_tapped_is_forgotten() -> None:
    latest = Latest()
    latest.take(tick(speed=(1.0, 0), gear=(2.0, 0)), now_ms=NOW, up_ms=UP)
    latest.reconfigure({"gear": SignalInfo()})
    assert set(latest.readings) == {"gear"}

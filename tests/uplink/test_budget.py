"""Days, months, power cuts and roaming, in virtual time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.uplink.budget import DAY_NS, Budget, Level, Spent, level, percent
from edge_agent.uplink.link import Link

METERED, FREE, ABROAD = Link(), Link(metered=False), Link(roaming=True)
HOUR_NS = 3_600 * 10**9


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def at(spent: Spent, moment: datetime, *, powered_ns: int = 0, right: bool = True) -> Spent:
    return spent.later(ns(moment), powered_ns, clock_is_right=right)


@pytest.mark.parametrize("begin", [datetime(2028, 2, 10, tzinfo=UTC), datetime(2027, 12, 5, 13, tzinfo=UTC)])
def test_forty_days_of_a_kilobyte_each_hour_are_counted_by_day_and_month(begin: datetime) -> None:
    spent, day_bytes, month_bytes = Spent(), 0, 0
    before = begin - timedelta(hours=1)
    for hour in range(40 * 24):
        now = begin + timedelta(hours=hour)
        day_bytes = 1000 + (day_bytes if now.date() == before.date() else 0)
        month_bytes = 1000 + (month_bytes if now.month == before.month else 0)
        spent = at(spent, now, powered_ns=HOUR_NS).plus(1000, 1, METERED)
        assert (spent.bytes_per_day, spent.bytes_per_month) == (day_bytes, month_bytes), now
        assert spent.blocks_per_day == day_bytes // 1000
        before = now


def test_the_leap_day_belongs_to_february() -> None:
    spent = at(Spent(), datetime(2028, 2, 28, 23, tzinfo=UTC)).plus(10, 1, METERED)
    spent = at(spent, datetime(2028, 2, 29, 12, tzinfo=UTC)).plus(10, 1, METERED)
    assert (spent.bytes_per_day, spent.bytes_per_month) == (10, 20)

    assert at(spent, datetime(2028, 3, 1, tzinfo=UTC)).bytes_per_month == 0


def test_bytes_cost_nothing_on_a_link_that_is_not_metered_and_blocks_do() -> None:
    assert Spent().plus(5000, 2, FREE) == Spent(blocks_per_day=2)


def test_roaming_bytes_are_counted_twice_and_bind_only_abroad() -> None:
    budget = Budget(bytes_per_month=1000, roaming_bytes_per_month=100)
    spent = Spent()
    for link, size in ((METERED, 50), (ABROAD, 70), (METERED, 50), (ABROAD, 20)):
        spent = spent.plus(size, 1, link)

    assert (spent.bytes_per_month, spent.roaming_bytes_per_month) == (190, 90)
    assert percent(spent, budget, METERED) == 19
    assert percent(spent, budget, ABROAD) == 90
    assert percent(spent, budget, FREE) == 0


@pytest.mark.parametrize(
    ("spent_bytes", "which"),
    [(0, Level.OPEN), (799, Level.OPEN), (800, Level.LOW), (999, Level.LOW), (1000, Level.SPENT), (5000, Level.SPENT)],
)
def test_at_eighty_percent_low_priorities_wait_and_at_a_hundred_all_but_the_first(
    spent_bytes: int, which: Level
) -> None:
    assert level(percent(Spent(bytes_per_day=spent_bytes), Budget(bytes_per_day=1000), METERED)) is which
    assert level(percent(Spent(blocks_per_day=spent_bytes), Budget(blocks_per_day=1000), FREE)) is which


def test_a_limit_of_nothing_is_spent_and_no_limit_never_is() -> None:
    assert percent(Spent(), Budget(bytes_per_day=0), METERED) == 100
    assert percent(Spent(bytes_per_day=10**15), Budget(), METERED) == 0


def test_a_clock_that_is_wrong_begins_no_day_before_its_hours_are_over() -> None:
    spent = at(Spent(), datetime(2027, 5, 3, 12, tzinfo=UTC)).plus(500, 1, METERED)

    for hour in range(23):  # after a start without a clock it is 1970, or 2099
        year = 1970 if hour % 2 else 2099
        spent = at(spent, datetime(year, 1, 1, hour, tzinfo=UTC), powered_ns=HOUR_NS, right=False)
    assert spent.bytes_per_day == 500

    spent = at(spent, datetime(1970, 1, 1, tzinfo=UTC), powered_ns=HOUR_NS, right=False)
    assert (spent.bytes_per_day, spent.bytes_per_month) == (0, 500)

    for _ in range(30):
        spent = at(spent, datetime(1970, 1, 1, tzinfo=UTC), powered_ns=DAY_NS, right=False)
    assert spent.bytes_per_month == 0


def test_when_the_clock_is_set_right_within_the_day_what_was_spent_stays() -> None:
    spent = at(Spent(), datetime(2027, 5, 3, 12, tzinfo=UTC)).plus(500, 1, METERED)
    spent = at(spent, datetime(1970, 1, 1, tzinfo=UTC), powered_ns=HOUR_NS, right=False).plus(100, 1, METERED)

    assert at(spent, datetime(2027, 5, 3, 14, tzinfo=UTC)).bytes_per_day == 600
    assert at(spent, datetime(2027, 5, 4, 1, tzinfo=UTC)).bytes_per_day == 0


def test_a_clock_that_goes_back_takes_what_was_spent_along() -> None:
    spent = at(Spent(), datetime(2040, 1, 1, tzinfo=UTC)).plus(500, 1, METERED)

    spent = at(spent, datetime(2027, 5, 3, tzinfo=UTC))
    assert (spent.bytes_per_day, spent.bytes_per_month) == (500, 500)

    assert at(spent, datetime(2027, 5, 4, tzinfo=UTC)).bytes_per_day == 0


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 10 * DAY_NS), st.booleans(), st.integers(0, 10_000), st.sampled_from([METERED, ABROAD])
        )
    )
)
def test_a_day_is_part_of_its_month_and_so_is_roaming(steps: list[tuple[int, bool, int, Link]]) -> None:
    spent, now_ns = Spent(), ns(datetime(2027, 1, 1, tzinfo=UTC))
    for passed_ns, right, size, link in steps:
        now_ns += passed_ns
        spent = spent.later(now_ns, passed_ns, clock_is_right=right).plus(size, 1, link)
        assert spent.roaming_bytes_per_month <= spent.bytes_per_month
        assert spent.bytes_per_day >= size

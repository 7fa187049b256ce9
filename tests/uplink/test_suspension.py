"""When two clocks say that the system was suspended."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.uplink.suspension import SUSPENDED_NS, Suspension

SECOND_NS = 1_000_000_000
NS = st.integers(0, 10**15)


def test_clocks_that_go_alike_say_nothing_however_late_one_looks() -> None:
    suspension = Suspension(7, 1_000)
    assert [suspension.look(7 + step, 1_000 + step) for step in (0, SECOND_NS, 10_000 * SECOND_NS)] == [0, 0, 0]


def test_a_suspend_is_told_once_and_for_how_long_it_was() -> None:
    suspension = Suspension(0, 0)
    assert suspension.look(3600 * SECOND_NS, SECOND_NS // 2) == 3600 * SECOND_NS - SECOND_NS // 2
    assert suspension.look(3601 * SECOND_NS, SECOND_NS * 3 // 2) == 0


@given(NS, NS, st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)), max_size=20))
def test_every_gap_beyond_the_bound_is_told_and_no_other(
    uptime_ns: int, awake_ns: int, steps: list[tuple[int, int]]
) -> None:
    suspension = Suspension(uptime_ns, awake_ns)
    for awake_for_ns, asleep_for_ns in steps:
        uptime_ns += awake_for_ns + asleep_for_ns
        awake_ns += awake_for_ns
        assert suspension.look(uptime_ns, awake_ns) == (asleep_for_ns if asleep_for_ns > SUSPENDED_NS else 0)

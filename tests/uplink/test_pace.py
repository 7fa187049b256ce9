"""What the pace makes of times from handing over to acknowledgement."""

from math import inf

from edge_agent.uplink.pace import Going, Pace

SIZE = 10_000
SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def behind(ahead: int, *, fresh: int = 1, size: int = SIZE) -> Going:
    return Going(size, ahead, ahead * SIZE, min(ahead, fresh) * SIZE)


def grown(to: int, waited_s: float = 0.1, most: int = 16) -> Pace:
    """A pace that found that so many fit side by side."""
    pace = Pace(most)
    for ahead in range(to):
        going = pace.admitted(behind(ahead), now_ns=0, quiet_s=inf)
        assert going
        pace.acked(going, waited_s, 0)
    return pace


def test_it_begins_with_one_at_a_time() -> None:
    pace = Pace(16)

    assert pace.window == 1
    assert pace.admitted(behind(0), now_ns=0, quiet_s=0.0)
    assert pace.admitted(behind(1), now_ns=0, quiet_s=inf) is None


def test_as_many_go_side_by_side_as_wait_for_none() -> None:
    assert grown(5).window == 5
    assert grown(3, most=3).window == 3


def test_what_waits_for_the_one_before_it_goes_alone_and_is_tried_ever_less_often() -> None:
    pace = grown(1)
    tries_s = []
    for second in range(290):
        if going := pace.admitted(behind(1), now_ns=second * 10**9, quiet_s=inf):
            tries_s.append(second)
            pace.acked(going, 0.2, second * 10**9)

    assert pace.window == 1
    assert tries_s == [0, 1, 3, 7, 15, 31, 63, 127, 255]


def test_where_one_more_would_cost_nobody_anything_it_is_tried_again_soon() -> None:
    pace = grown(1, waited_s=0.001)
    tries_ms = []
    for at_ms in range(1000):
        if going := pace.admitted(behind(1), now_ns=at_ms * MILLISECOND, quiet_s=0.0):
            tries_ms.append(at_ms)
            pace.acked(going, 0.04, at_ms * MILLISECOND)

    assert tries_ms == list(range(0, 1000, 100))


def test_nothing_is_tried_that_a_live_envelope_may_meet_or_that_tells_nothing() -> None:
    pace = grown(1)

    assert pace.admitted(behind(1), now_ns=0, quiet_s=0.19) is None
    assert pace.admitted(behind(1, fresh=0), now_ns=0, quiet_s=inf) is None
    assert pace.admitted(behind(1), now_ns=0, quiet_s=0.21)
    assert pace.admitted(behind(1), now_ns=0, quiet_s=inf) is None, "one try at a time"


def test_one_late_answer_is_chance_and_another_after_it_is_a_queue() -> None:
    pace = grown(8)
    pace.acked(behind(7), 0.8, 1 * SECOND)
    pace.acked(behind(7), 0.1, 2 * SECOND)
    pace.acked(behind(7), 0.8, 3 * SECOND)
    assert pace.window == 8

    pace.acked(behind(7), 0.8, 4 * SECOND)

    assert pace.window == 1


def test_all_that_one_hiccup_held_up_is_one_late_answer() -> None:
    pace = grown(8)
    for ahead in range(8):
        pace.acked(behind(ahead), 0.8, SECOND)

    assert pace.window == 8


def test_where_less_fits_side_by_side_than_before_so_much_goes() -> None:
    pace = grown(8)
    for at in (1, 2):
        pace.acked(behind(7), 0.1 + 0.14, at * SECOND)  # 20 ms behind each, where 78 ms in all are tolerated

    assert pace.window == 1 + 3


def test_milliseconds_are_no_queue() -> None:
    pace = grown(1, waited_s=0.001)
    going = pace.admitted(behind(1), now_ns=0, quiet_s=inf)
    assert going
    pace.acked(going, 0.006, 0)

    assert pace.window == 2


def test_another_size_is_measured_by_itself_first() -> None:
    pace = grown(5)

    assert pace.admitted(behind(1, size=2 * SIZE), now_ns=0, quiet_s=inf) is None
    assert pace.admitted(behind(0, size=2 * SIZE), now_ns=0, quiet_s=inf)


def test_after_five_minutes_it_measures_anew() -> None:
    pace = grown(5)

    assert pace.admitted(behind(1), now_ns=301 * 10**9, quiet_s=inf) is None
    assert pace.window == 1

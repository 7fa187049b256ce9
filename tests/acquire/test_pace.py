import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.pace import JUMP_NS, Pace, Progress, jumps

S = 1_000_000_000


def test_a_frame_is_due_when_it_was_recorded_counted_from_the_first() -> None:
    pace = Pace(speed=1)

    assert [pace.due_s(at, now_s=100.0) for at in (5 * S, 6 * S, 8 * S)] == [100.0, 101.0, 103.0]


def test_ten_times_as_fast_is_due_in_a_tenth_of_the_time() -> None:
    pace = Pace(speed=10)
    pace.due_s(0, now_s=0.0)

    assert pace.due_s(5 * S, now_s=0.1) == pytest.approx(0.5)


def test_without_speed_everything_is_due_now() -> None:
    pace = Pace(speed=0)

    assert [pace.due_s(at, now_s) for at, now_s in ((0, 7.0), (900 * S, 7.5))] == [7.0, 7.5]


@given(st.lists(st.floats(0, 0.02), min_size=2, max_size=50))
def test_being_late_for_one_frame_does_not_move_those_after_it(lateness_s: list[float]) -> None:
    pace = Pace(speed=1)
    due = [pace.due_s(number * S // 10, now_s=number / 10 + late) for number, late in enumerate(lateness_s)]

    assert due == pytest.approx([lateness_s[0] + number / 10 for number in range(len(due))])


@pytest.mark.parametrize("jumped_ns", [-2 * S, JUMP_NS + S])
def test_after_a_jump_of_the_recorders_clock_it_goes_on_without_a_wait(jumped_ns: int) -> None:
    pace = Pace(speed=1)
    pace.due_s(100 * S, now_s=0.0)
    pace.due_s(103 * S, now_s=3.0)

    assert pace.due_s(103 * S + jumped_ns, now_s=3.2) == 3.2
    assert pace.due_s(104 * S + jumped_ns, now_s=3.2) == pytest.approx(4.2)


def test_a_jump_does_not_bring_a_frame_forward_that_was_not_due_yet() -> None:
    pace = Pace(speed=1)
    pace.due_s(100 * S, now_s=0.0)
    pace.due_s(103 * S, now_s=0.0)

    assert pace.due_s(10 * S, now_s=0.0) == 3.0


def test_a_frame_logged_a_little_late_is_no_jump() -> None:
    assert not jumps(10 * S, 9 * S)
    assert jumps(10 * S, 9 * S - 1)
    assert not jumps(0, JUMP_NS)
    assert jumps(0, JUMP_NS + 1)


def test_progress_goes_back_only_with_a_clock_that_was_set() -> None:
    progress = Progress(settle_ns=200)
    assert progress.until_ns(uptime_ns=5) == 0

    progress.seen(100 * S, uptime_ns=10)
    assert progress.until_ns(uptime_ns=10) == 100 * S - 200
    assert progress.until_ns(uptime_ns=1010) == 100 * S + 800

    progress.seen(100 * S + 5, uptime_ns=1010)  # a frame that was long on its way
    assert progress.until_ns(uptime_ns=1010) == 100 * S + 800

    progress.seen(7 * S, uptime_ns=2000)  # the clock was set back
    assert progress.until_ns(uptime_ns=2000) == 7 * S - 200

import time

from edge_agent.clock import SystemClock


def test_wall_time_is_the_systems() -> None:
    before_ns = time.time_ns()

    assert before_ns <= SystemClock().now_ns() <= time.time_ns()


def test_uptime_begins_at_the_clocks_making_and_never_goes_back() -> None:
    before_ns = time.monotonic_ns()
    clock = SystemClock()
    readings = [clock.uptime_ns() for _ in range(100)]

    assert readings[0] >= 0
    assert readings == sorted(readings)
    assert readings[-1] <= time.monotonic_ns() - before_ns


def test_the_kernel_says_whether_its_clock_is_kept_by_somebody() -> None:
    assert SystemClock().is_synced() in {True, False, None}

import time

import pytest

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


def test_a_clock_that_counts_the_time_awake_stands_still_in_a_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    always, awake = SystemClock(), SystemClock.awake()
    suspended_ns, boottime = 3600 * 10**9, time.clock_gettime_ns
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: boottime(which) + suspended_ns)

    assert always.uptime_ns() >= suspended_ns
    assert awake.uptime_ns() < suspended_ns

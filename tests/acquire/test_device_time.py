import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.device_time import BACK_NS, DAY_NS, DRIFT_NS, READING_NS, DeviceTime

S, MS = 10**9, 10**6
NOON_NS = 1_700_000_000 * S
EPOCH_NS = NOON_NS - 100 * S
"""wall time of uptime 0"""
LatenciesNs = st.lists(st.integers(0, 900 * MS), min_size=1, max_size=30)


class Received(DeviceTime):
    """Of an adapter whose frames are received by a clock that nobody sets."""

    def at(self, stamp_s: float, now_ns: int) -> int:
        return self.wall_ns(stamp_s, now_ns, now_ns - EPOCH_NS)


def test_a_stamp_of_the_wall_clock_is_taken_as_it_is() -> None:
    device = Received()

    assert device.at(1_700_000_000.123457, NOON_NS + 2 * S) == NOON_NS + 123_457_000
    assert device.at(1_700_000_000.5, NOON_NS + DAY_NS) == NOON_NS + 500 * MS


def test_without_a_stamp_the_time_of_reception_is_told() -> None:
    device = Received()

    assert [device.at(0.0, NOON_NS + at_ns) for at_ns in (0, 500 * MS)] == [NOON_NS, NOON_NS + 500 * MS]


def test_stamps_that_count_from_the_adapters_start_keep_their_distances_from_the_first_reception() -> None:
    device = Received()

    assert device.at(12.000001, NOON_NS) == NOON_NS
    assert device.at(12.250002, NOON_NS + 300 * MS) == NOON_NS + 250_001_000


@given(LatenciesNs)
def test_no_frame_is_told_later_than_it_was_received_nor_earlier_than_it_was_on_the_bus(
    latencies_ns: list[int],
) -> None:
    device, least_ns = Received(), latencies_ns[0]
    for number, latency_ns in enumerate(latencies_ns):
        on_bus_ns = NOON_NS + number * 10 * MS
        told_ns = device.at(5 + number * 0.01, on_bus_ns + latency_ns)
        least_ns = min(least_ns, latency_ns)
        # The shortest way there was so far is all that the told times can be late by.
        assert told_ns == on_bus_ns + least_ns


def test_clocks_that_are_not_read_together_to_the_nanosecond_do_not_move_a_frame() -> None:
    device = DeviceTime()

    assert device.wall_ns(10.0, NOON_NS, 500 * S) == NOON_NS
    assert device.wall_ns(10.5, NOON_NS + 600 * MS, 500 * S + 600 * MS + READING_NS) == NOON_NS + 500 * MS


@given(st.one_of(st.integers(-3600 * S, -READING_NS - 1), st.integers(READING_NS + 1, 3600 * S)))
def test_a_clock_that_was_set_is_followed_at_once_and_to_the_nanosecond(step_ns: int) -> None:
    device = DeviceTime()

    assert device.wall_ns(10.0, NOON_NS, 500 * S) == NOON_NS
    assert device.wall_ns(11.0, NOON_NS + step_ns + S, 501 * S) == NOON_NS + step_ns + S
    assert device.wall_ns(11.5, NOON_NS + step_ns + 2 * S, 502 * S) == NOON_NS + step_ns + 1500 * MS
    assert device.wall_ns(12.0, NOON_NS + 3 * S, 503 * S) == NOON_NS + 2 * S


def test_a_clock_that_was_set_from_1970_is_followed_where_the_adapter_did_not_see_it() -> None:
    device = DeviceTime()

    assert device.wall_ns(60.0, 65 * S, 20 * S) == 60 * S
    assert device.wall_ns(61.0, NOON_NS, 21 * S) == NOON_NS
    assert device.wall_ns(61.5, NOON_NS + 600 * MS, 21 * S + 600 * MS) == NOON_NS + 500 * MS


@pytest.mark.parametrize("ran_s", [0.5, 5000.0])
def test_an_adapter_that_begins_anew_is_told_from_its_reception(ran_s: float) -> None:
    device = Received()
    device.at(ran_s - 0.45, NOON_NS - 450 * MS)
    device.at(ran_s, NOON_NS)

    assert device.at(0.001, NOON_NS + 100 * MS) == NOON_NS + 100 * MS
    assert device.at(0.002, NOON_NS + 150 * MS) == NOON_NS + 101 * MS


def test_a_frame_that_another_overtook_keeps_its_time() -> None:
    device = Received()
    device.at(10.0, NOON_NS)
    device.at(10.5, NOON_NS + 500 * MS)

    assert device.at(10.5 - BACK_NS / S, NOON_NS + 510 * MS) == NOON_NS + 400 * MS


@given(st.floats(-1e-3, 1e-3))
def test_an_adapter_that_runs_fast_or_slow_stays_within_a_second_of_reception(rate: float) -> None:
    device = Received()
    for second in range(3600):
        now_ns = NOON_NS + second * S
        assert 0 <= now_ns - device.at(100 + second * (1 + rate), now_ns) <= DRIFT_NS


@pytest.mark.parametrize("stamp_s", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_a_stamp_that_is_no_time_means_the_reception(stamp_s: float) -> None:
    assert Received().at(stamp_s, NOON_NS) == NOON_NS

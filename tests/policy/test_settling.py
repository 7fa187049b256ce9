import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import settling
from edge_agent.policy.settling import Settled, Settling
from tests.policy.condition_signals import SIGNALS, Sample, block, blocks_of, sample, streams

ALL = np.ones(len(SIGNALS), np.bool_)
FIRST_ONLY = np.arange(len(SIGNALS)) == 0


def times(settled: Settled) -> list[int]:
    return [int(t_ns) for t_ns in settled.block.t_ns]


@given(stream=streams(), data=st.data())
def test_however_cut_every_sample_comes_once_in_the_order_of_time(stream: list[Sample], data: st.DataObject) -> None:
    one = Settling(ALL)

    found = [settled for part in data.draw(blocks_of(stream)) for settled in one.feed(part)]
    found += one.rest()

    assert [t_ns for settled in found for t_ns in times(settled)] == sorted(sample.t_ns for sample in stream)
    assert not any(settled.moved_ns for settled in found)
    assert all(t_ns < settled.block.until_ns for settled in found for t_ns in times(settled))


def test_a_sample_waits_until_no_earlier_one_can_come() -> None:
    one = Settling(ALL)

    [first] = one.feed(block([sample(5, 0, 1)], 3))
    [second] = one.feed(block([sample(3, 1, 1)], 6))

    assert (times(first), times(second), second.block.until_ns) == ([], [3, 5], 6)


def test_signals_nobody_waits_for_are_left_out() -> None:
    [settled] = Settling(FIRST_ONLY).feed(block([sample(1, 0, 1), sample(2, 1, 1)], 9))

    assert settled.block.signal.tolist() == [0]


def test_where_the_clock_goes_back_what_waits_comes_first_and_in_its_own_time() -> None:
    one = Settling(ALL)
    list(one.feed(block([sample(100, 0, 1)], 100)))

    [rest, back] = one.feed(block([sample(40, 1, 1)], 50))

    assert (times(rest), rest.block.until_ns, rest.moved_ns) == ([100], 101, 0)
    assert (times(back), back.block.until_ns, back.moved_ns) == ([40], 50, 40 - 101)


def test_a_sample_behind_settled_time_is_a_clock_that_went_back() -> None:
    one = Settling(ALL)
    list(one.feed(block([], 100)))

    [back] = one.feed(block([sample(90, 0, 1)], 120))

    assert (times(back), back.moved_ns) == ([90], -10)


def test_what_waits_moves_with_a_clock_that_becomes_known() -> None:
    one = Settling(ALL)
    list(one.feed(block([sample(5, 0, 1)], 5)))
    one.shift(1000)

    [settled] = one.feed(block([], 1006))

    assert times(settled) == [1005]


def test_too_many_that_wait_wait_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "WAITING_SAMPLES", 3)

    [settled] = Settling(ALL).feed(block([sample(t_ns, 0, 1) for t_ns in (10, 11, 12, 13, 14)], 1))

    assert (times(settled), settled.block.until_ns) == ([10, 11], 12)


def test_time_that_too_many_samples_pushed_on_does_not_go_back_with_the_next_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settling, "WAITING_SAMPLES", 3)
    one = Settling(ALL)
    list(one.feed(block([sample(t_ns, 0, 1) for t_ns in (10, 11, 12, 13, 14)], 1)))

    [second] = one.feed(block([], 2))
    [third] = one.feed(block([sample(15, 0, 1)], 3))

    assert (times(second), second.block.until_ns, second.moved_ns) == ([], 12, 0)
    assert (times(third), third.block.until_ns, third.moved_ns) == ([12], 13, 0)
    assert one.lost == 0


def test_a_sample_whose_time_was_settled_without_it_because_too_many_waited_is_lost_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settling, "WAITING_SAMPLES", 3)
    one = Settling(ALL)
    list(one.feed(block([sample(t_ns, 0, 1) for t_ns in (10, 11, 12, 13, 14)], 1)))

    [settled] = one.feed(block([sample(t_ns, 0, 1) for t_ns in (5, 11, 12)], 20))

    assert (times(settled), settled.moved_ns, one.lost) == ([12, 12, 13, 14], 0, 2)


def test_a_clock_that_goes_back_is_seen_though_too_many_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "WAITING_SAMPLES", 3)
    one = Settling(ALL)
    list(one.feed(block([sample(t_ns, 0, 1) for t_ns in (110, 111, 112, 113, 114)], 100)))

    [rest, back] = one.feed(block([sample(55, 0, 1)], 50))

    assert (times(rest), rest.moved_ns) == ([112, 113, 114], 0)
    assert (times(back), back.block.until_ns, back.moved_ns, one.lost) == ([], 50, 50 - 115, 0)

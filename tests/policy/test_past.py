import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.condition_instants import Readings
from edge_agent.policy.past import CHUNK_SAMPLES, NOT_HELD, Past

SECOND = 1_000_000_000
BOTH = np.array([True, True, False])
FIRST = np.array([True, False, False])


def readings(times: list[int], signal: int | list[int] = 0) -> Readings:
    t_ns = np.array(times, np.int64)
    signals = np.broadcast_to(np.array(signal, np.int64), t_ns.shape)
    return Readings(t_ns, signals, t_ns.copy(), t_ns.astype(np.float64))


def times(found: Readings) -> list[int]:
    return [int(t_ns) for t_ns in found.t_ns]


def past(*horizon_s: float, room: int = 100 * CHUNK_SAMPLES) -> Past:
    held = [NOT_HELD if one < 0 else round(one * SECOND) for one in (*horizon_s, -1, -1, -1)[:3]]
    return Past(np.array(held), room)


def test_a_stretch_has_its_beginning_and_not_its_end() -> None:
    one = past(1)
    one.add(readings([1, 2, 3, 4]))

    assert times(one.between(FIRST, 2, 4)) == [2, 3]


def test_signals_of_other_horizons_come_by_time_and_unasked_ones_not_at_all() -> None:
    one = past(1, 60)
    one.add(readings([1, 2, 3, 4], [1, 0, 2, 1]))

    assert times(one.between(BOTH, 0, 9)) == [1, 2, 4]
    assert times(one.between(FIRST, 0, 9)) == [2]
    assert one.held == 3


@given(steps=st.lists(st.integers(0, SECOND), min_size=1, max_size=40), horizon_s=st.sampled_from([0.5, 1, 2, 3, 7]))
def test_nothing_that_may_still_be_asked_for_is_forgotten(steps: list[int], horizon_s: float) -> None:
    one = past(horizon_s)
    all_times = np.cumsum(steps).tolist()
    for t_ns in all_times:
        one.add(readings([t_ns]))
        one.forget(t_ns)

    begin_ns = all_times[-1] - round(horizon_s * SECOND)
    assert times(one.between(FIRST, begin_ns, all_times[-1] + 1)) == [t_ns for t_ns in all_times if t_ns >= begin_ns]
    assert one.lost == 0


def test_whole_chunks_that_are_too_old_go() -> None:
    one = past(1)
    one.add(readings([0] * CHUNK_SAMPLES + [SECOND]))
    one.forget(2 * SECOND)

    assert one.held == 1
    assert one.lost == 0


def test_where_there_is_no_room_the_oldest_goes_and_is_counted() -> None:
    one = past(1, 60, room=2 * CHUNK_SAMPLES)
    one.add(readings([1] * CHUNK_SAMPLES, 1))
    one.add(readings([2] * CHUNK_SAMPLES, 0))
    one.forget(3)

    one.add(readings([3]))

    assert times(one.between(BOTH, 0, 9)) == [2] * CHUNK_SAMPLES + [3]
    assert one.lost == CHUNK_SAMPLES


def test_what_would_be_forgotten_anyway_is_no_loss() -> None:
    one = past(1, room=CHUNK_SAMPLES)
    one.add(readings([1] * CHUNK_SAMPLES))
    one.forget(SECOND)
    one.shift(-SECOND)
    one.forget(SECOND)

    one.add(readings([5 * SECOND]))

    assert one.lost == 0


def test_all_times_move_together() -> None:
    one = past(1)
    one.add(readings([1, 2]))
    one.shift(100)

    assert times(one.between(FIRST, 101, 102)) == [101]


def test_another_plan_knows_the_same_signals_by_other_numbers() -> None:
    one = past(1, 60)
    one.add(readings([1, 2, 3], [0, 1, 0]))

    found = one.known_as({1: 0, 2: 1})

    assert (times(found), found.signal.tolist()) == ([2], [0])
    assert len(past().known_as({1: 0})) == 0

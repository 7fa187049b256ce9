import numpy as np

from edge_agent.policy.frame_past import FramePast, joined
from edge_agent.records import Frames


def frames(*times: int, width: int = 8) -> Frames:
    """Frames whose id and first byte are their time."""
    t_ns = np.array(times, np.int64)
    data = np.zeros((len(times), width), np.uint8)
    data[:, 0] = t_ns
    ones = np.ones(len(times), np.uint16)
    return Frames(t_ns, ones.astype(np.uint8), t_ns.astype(np.uint32), ones.astype(np.uint8), ones * width, data)


def times(found: Frames) -> list[int]:
    assert found.can_id.tolist() == found.t_ns.tolist() == found.data[:, 0].tolist()
    return [int(t_ns) for t_ns in found.t_ns]


def test_a_stretch_has_its_beginning_and_not_its_end_and_is_in_the_order_of_time() -> None:
    past = FramePast(100)
    past.add(frames(1, 3, 5))
    past.add(frames())
    past.add(frames(2, 4, 6))

    assert times(past.between(2, 6)) == [2, 3, 4, 5]
    assert len(past.between(7, 9)) == 0
    assert past.held == 6


def test_what_nobody_can_ask_for_any_more_is_forgotten() -> None:
    past = FramePast(10)
    past.add(frames(1, 2))
    past.add(frames(3, 20))
    past.forget(13)

    assert times(past.between(0, 99)) == [3, 20]
    assert past.lost == 0


def test_where_there_is_no_room_the_oldest_block_goes_and_what_was_still_wanted_is_counted() -> None:
    past = FramePast(10, room_bytes=4 * 24)
    past.add(frames(1, 5, 6))
    past.forget(15)
    past.add(frames(16, 17))

    assert times(past.between(0, 99)) == [16, 17]
    assert past.lost == 2


def test_a_block_larger_than_the_room_is_held_alone() -> None:
    past = FramePast(10, room_bytes=1)
    past.add(frames(1, 2))

    assert times(past.between(0, 99)) == [1, 2]


def test_times_move_together() -> None:
    past = FramePast(10)
    past.add(frames(1, 2))
    past.shift(100)

    assert past.between(101, 102).t_ns.tolist() == [101]


def test_parts_of_different_widths_are_as_wide_as_the_widest() -> None:
    found = joined([frames(1), frames(2, width=64)])

    assert found.data.shape == (2, 64)
    assert found.length.tolist() == [8, 64]
    assert times(found) == [1, 2]

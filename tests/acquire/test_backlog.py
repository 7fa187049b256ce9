from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.backlog import Backlog, Taken
from edge_agent.acquire.block import Frame, columns_of
from edge_agent.records import Frames

NONE = (0, 0)


def frame(number: int, size: int = 0, bus: int = 0) -> Frame:
    return Frame(number, bus, number, 0, size, bytes(size))


def block(first: int, count: int, bus: int = 0) -> Frames:
    return columns_of([frame(first + at, bus=bus) for at in range(count)], 8)


def ids(taken: Taken) -> list[int]:
    return [int(one) for part in taken.parts for one in part.can_id]


def test_blocks_come_out_once_in_their_order() -> None:
    backlog = Backlog(2, 10, 8)
    backlog.add_block(block(0, 3), NONE)
    backlog.add_block(block(3, 2), NONE)

    assert ids(backlog.take()) == [0, 1, 2, 3, 4]
    assert backlog.take() == ((), NONE, NONE)


def test_a_full_backlog_keeps_the_first_frames_and_counts_the_others_by_their_bus() -> None:
    backlog = Backlog(2, 4, 8)
    backlog.add_block(block(0, 3), NONE)
    backlog.add_block(block(3, 3, bus=1), NONE)
    backlog.add_block(block(6, 1), NONE)
    backlog.add(frame(7, bus=1))
    taken = backlog.take()
    backlog.add_block(block(7, 4), NONE)

    assert (ids(taken), taken.overruns, taken.untaken, taken.dropped) == ([0, 1, 2, 3], NONE, (1, 3), (1, 3))
    assert ids(backlog.take()) == [7, 8, 9, 10]


def test_what_the_kernel_lost_is_told_once_and_apart_even_without_a_frame() -> None:
    backlog = Backlog(2, 4, 8)
    backlog.add_block(block(0, 0), (5, 1))
    backlog.add_block(block(0, 1), (2, 0))

    assert backlog.take()[1:] == ((7, 1), NONE)
    assert backlog.take()[1:] == (NONE, NONE)


def test_single_frames_come_as_one_part_as_wide_as_its_longest_or_the_block() -> None:
    narrow, wide = Backlog(1, 4, 8), Backlog(1, 4, 64)
    for backlog in (narrow, wide):
        backlog.add(frame(1, 8))
    short = narrow.take()
    narrow.add(frame(1, 9))

    assert [part.data.shape for part in short.parts] == [(1, 8)]
    assert [part.data.shape for part in wide.take().parts] == [(1, 64)]
    assert [part.data.shape for part in narrow.take().parts] == [(1, 64)]


@given(st.lists(st.integers(0, 7)), st.integers(1, 9), st.sets(st.integers(0, 20)))
def test_every_frame_is_taken_or_counted(sizes: list[int], capacity: int, takes: set[int]) -> None:
    backlog = Backlog(2, capacity, 8)
    seen = dropped = 0
    for at, size in enumerate(sizes):
        backlog.add_block(block(0, size, bus=at % 2), NONE)
        if at in takes:
            taken = backlog.take()
            assert len(ids(taken)) <= capacity
            seen, dropped = seen + len(ids(taken)), dropped + sum(taken.dropped)
    taken = backlog.take()

    assert seen + len(ids(taken)) + dropped + sum(taken.dropped) == sum(sizes)

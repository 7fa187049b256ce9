from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Frame, block_of, columns_of, merge
from edge_agent.records import ClockQuality
from tests.acquire.told import frames_in


def frames(bus: int, longest: int) -> st.SearchStrategy[list[Frame]]:
    one = st.tuples(st.integers(0, 50), st.integers(0, 2**32 - 1), st.integers(0, 7), st.binary(max_size=longest)).map(
        lambda drawn: Frame(drawn[0], bus, drawn[1], drawn[2], len(drawn[3]), drawn[3])
    )
    return st.lists(one, max_size=12)


@given(frames(0, CLASSIC_BYTES), frames(1, FD_BYTES))
def test_merging_keeps_every_frame_whole_and_sorts_by_time_as_a_stable_sort_does(
    classic: list[Frame], fd: list[Frame]
) -> None:
    merged = merge([columns_of(classic, CLASSIC_BYTES), columns_of(fd, FD_BYTES)], FD_BYTES)

    block = block_of(merged, dropped=[0, 0], until_ns=0, uptime_ns=0, clock=ClockQuality.SYSTEM)
    assert frames_in(block) == sorted([*classic, *fd], key=lambda frame: frame.t_ns)
    assert block.data.shape == (len(classic) + len(fd), FD_BYTES)


def test_no_part_at_all_merges_to_no_frame() -> None:
    merged = merge([], CLASSIC_BYTES)

    assert len(merged) == 0
    assert merged.data.shape == (0, CLASSIC_BYTES)

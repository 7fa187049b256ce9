"""The frames of the last minute, within their memory."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import FrameBlock
from edge_agent.tap.recent_frames import BLOCK_BYTES, MINUTE_NS, RecentFrames
from tests.contract.fake_source import block_of_frames

S = 1_000_000_000
FRAME_BYTES = 24


def block(until_ns: int, frames: int = 0) -> FrameBlock:
    return replace(block_of_frames([(until_ns, 0, 1, b"x")] * frames), until_ns=until_ns)


def remembered(cap_bytes: int, *blocks: FrameBlock) -> list[int]:
    recent = RecentFrames(cap_bytes)
    for one in blocks:
        recent.add(one)
    return [one.until_ns for one in recent.blocks()]


def test_a_minute_is_remembered_and_no_more() -> None:
    ends = [0, 30 * S, MINUTE_NS, MINUTE_NS + 1]

    assert remembered(1 << 20, *map(block, ends)) == ends[1:]


def test_a_clock_that_is_set_by_more_begins_it_anew() -> None:
    assert remembered(1 << 20, block(5 * MINUTE_NS), block(S)) == [S]


def test_nothing_is_remembered_where_there_is_no_memory() -> None:
    assert not RecentFrames(0).is_kept
    assert remembered(0, block(1, 5)) == []


@given(st.lists(st.integers(0, 200), max_size=40), st.integers(1, 30_000))
def test_it_holds_the_newest_that_fit(sizes: list[int], cap_bytes: int) -> None:
    found = remembered(cap_bytes, *(block(i, size) for i, size in enumerate(sizes)))

    taken = [BLOCK_BYTES + FRAME_BYTES * size for size in sizes]
    assert found == list(range(len(sizes) - len(found), len(sizes)))
    assert sum(taken[i] for i in found) <= cap_bytes
    if len(found) < len(sizes):
        assert sum(taken[len(sizes) - len(found) - 1 :]) > cap_bytes

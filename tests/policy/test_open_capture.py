import gzip

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.open_capture import OpenCapture
from edge_agent.policy.rules import BatchLimits
from edge_agent.records import CloseReason, FrameFlag, Frames
from edge_agent.spool.candump import candump

BUSES = ("can0", "the body's")
WIDE = 64


@st.composite
def frames(draw: st.DrawFn) -> Frames:
    """All kinds, by time."""
    count = draw(st.integers(0, 12))
    draws = draw(
        st.lists(
            st.tuples(st.integers(0, 10**18), st.integers(0, 1), st.integers(0, 7), st.integers(0, WIDE)),
            min_size=count,
            max_size=count,
        )
    )
    t_ns, bus, flags, length = np.array(draws, np.int64).reshape(-1, 4).T
    can_id = np.where(t_ns % 2, t_ns % 0x800, 0x8000_0000 + t_ns % 0x2000_0000)
    return Frames(
        np.sort(t_ns),
        bus.astype(np.uint8),
        can_id.astype(np.uint32),
        flags.astype(np.uint8),
        length.astype(np.uint16),
        np.full((count, WIDE), 0xA5, np.uint8),
    )


def text(found: Frames) -> bytes:
    return gzip.decompress(candump(found, BUSES))


@given(blocks=st.lists(frames(), max_size=5), max_bytes=st.sampled_from([300, 1000, 5000]))
def test_every_frame_is_in_one_message_and_none_is_larger_than_allowed(blocks: list[Frames], max_bytes: int) -> None:
    capture = OpenCapture(BatchLimits(1 << 62, max_bytes), BUSES)

    found = [whole for block in blocks for whole in capture.add(block)]
    assert {why for _, why in found} <= {CloseReason.BYTES}
    found += capture.rest(CloseReason.EVENT)

    assert b"".join(text(one) for one, _ in found) == b"".join(text(block) for block in blocks)
    assert all(len(text(one)) <= max_bytes for one, _ in found)
    assert list(capture.rest(CloseReason.EVENT)) == []


def test_no_message_is_larger_than_a_hub_takes_whatever_the_frames_hold() -> None:
    rng = np.random.default_rng(1)
    count = 5000
    worst = Frames(
        np.sort(rng.integers(0, 10**18, count)),
        rng.integers(0, 2, count).astype(np.uint8),
        (0x8000_0000 + rng.integers(0, 1 << 29, count)).astype(np.uint32),
        np.full(count, FrameFlag.FD, np.uint8),
        np.full(count, WIDE, np.uint16),
        rng.integers(0, 256, (count, WIDE)).astype(np.uint8),
    )
    capture = OpenCapture(BatchLimits(1 << 62, 500_000), BUSES)

    found = list(capture.add(worst))

    assert found
    assert all(200_000 < len(candump(one, BUSES)) < 240_000 for one, _ in found)


def some(*times: int) -> Frames:
    ones = np.ones(len(times), np.int64)
    return Frames(
        np.array(times),
        (ones * 0).astype(np.uint8),
        ones.astype(np.uint32),
        (ones * 0).astype(np.uint8),
        ones.astype(np.uint16),
        np.zeros((len(times), 8), np.uint8),
    )


def test_a_message_is_whole_when_it_is_old_enough() -> None:
    capture = OpenCapture(BatchLimits(100, 5000), BUSES)

    assert list(capture.add(some(0, 99))) == []
    [(found, why)] = capture.add(some(100))
    assert (found.t_ns.tolist(), why) == ([0, 99, 100], CloseReason.AGE)


def test_one_frame_always_fits() -> None:
    capture = OpenCapture(BatchLimits(100, 1), BUSES)

    assert [found.t_ns.tolist() for found, _ in capture.add(some(1, 2, 3))] == [[1], [2]]
    assert [found.t_ns.tolist() for found, _ in capture.rest(CloseReason.STOPPED)] == [[3]]


def test_what_is_open_moves_with_the_clock() -> None:
    capture = OpenCapture(BatchLimits(100, 5000), BUSES)
    list(capture.add(some(1)))
    capture.shift(10)

    [(found, _)] = capture.rest(CloseReason.STOPPED)
    assert found.t_ns.tolist() == [11]

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.capture_time import LATE_NS, CaptureTime
from edge_agent.records import CLOCK_STEP_NS, ClockQuality

MS = 1_000_000
S = 1_000_000_000
NOON_NS = 1_788_264_000 * S
TICK_NS = 50 * MS


def ticked(*epochs_ns: int, kernel_synced: bool | None = False, trusted: bool = False) -> CaptureTime:
    """After ticks of 50 ms at which uptime 0 was at these wall times."""
    capture = CaptureTime(trusted=trusted)
    for i, epoch_ns in enumerate(epochs_ns, start=1):
        capture.tick(epoch_ns + i * TICK_NS, i * TICK_NS, kernel_synced=kernel_synced)
    return capture


@pytest.mark.parametrize(
    ("kernel_synced", "quality"),
    [(True, ClockQuality.SYNCED), (False, ClockQuality.UNSYNCED), (None, ClockQuality.SYSTEM)],
)
def test_the_kernel_says_what_the_clock_is_worth(kernel_synced: bool | None, quality: ClockQuality) -> None:
    assert ticked(0, kernel_synced=kernel_synced).quality is quality


def test_a_trusted_clock_needs_no_word_of_the_kernel() -> None:
    assert ticked(NOON_NS, trusted=True).quality is ClockQuality.SYNCED


def test_a_clock_that_was_set_by_a_second_or_more_counts_as_synchronised() -> None:
    assert ticked(0, NOON_NS).quality is ClockQuality.SYNCED
    assert ticked(0, S - 1).quality is ClockQuality.UNSYNCED


def test_a_clock_that_was_synchronised_once_stays_so() -> None:
    capture = ticked(NOON_NS, kernel_synced=True)
    capture.tick(NOON_NS + 2 * TICK_NS, 2 * TICK_NS, kernel_synced=False)

    assert capture.quality is ClockQuality.SYNCED


def test_a_slewing_clock_leaves_every_time_as_it_was_stamped() -> None:
    capture = ticked(NOON_NS, NOON_NS + CLOCK_STEP_NS - 1)
    stamps = np.array([NOON_NS + 60 * MS, NOON_NS + 70 * MS])

    assert capture.told_now(stamps).tolist() == stamps.tolist()
    assert capture.epoch_ns == NOON_NS + CLOCK_STEP_NS - 1


@given(
    gaps=st.lists(st.integers(0, 2 * MS), max_size=20),
    set_before=st.integers(0, 21),
    step_ns=st.one_of(st.integers(5 * S, 60 * 365 * 86_400 * S), st.integers(-60 * 365 * 86_400 * S, -5 * S)),
)
def test_a_large_step_reorders_no_frame_of_its_tick(gaps: list[int], set_before: int, step_ns: int) -> None:
    """Frames of one tick, of which the first so many were stamped before the clock was set."""
    truly_ns = 2 * TICK_NS - 40 * MS + np.array(gaps, np.int64).cumsum()
    old_epoch_ns = NOON_NS * 2
    stamps = truly_ns + old_epoch_ns + step_ns * (np.arange(len(truly_ns)) >= set_before)

    told = ticked(old_epoch_ns, old_epoch_ns + step_ns).told_now(stamps)

    assert told.tolist() == (truly_ns + old_epoch_ns + step_ns).tolist()


@pytest.mark.parametrize("step_ms", [100, -100, 400, -400, 1500, -1500])
@pytest.mark.parametrize("set_before", [0, 3, 40])
def test_a_small_step_is_found_where_the_times_of_a_busy_bus_leap(step_ms: int, set_before: int) -> None:
    truly_ns = TICK_NS + np.arange(40) * MS
    stamps = truly_ns + NOON_NS + step_ms * MS * (np.arange(40) >= set_before)

    told = ticked(NOON_NS, NOON_NS + step_ms * MS).told_now(stamps)

    assert told.tolist() == (truly_ns + NOON_NS + step_ms * MS).tolist()


def test_the_tick_after_a_step_is_told_as_it_was_stamped() -> None:
    capture = ticked(0, NOON_NS, NOON_NS)
    stamps = np.array([NOON_NS + 2 * TICK_NS + MS])

    assert capture.told_now(stamps).tolist() == stamps.tolist()


@pytest.mark.parametrize("step_ns", [3_600 * S, -3_600 * S, 400 * MS, -400 * MS])
def test_a_frame_that_is_read_some_ticks_after_the_step_is_told_by_the_new_setting_too(step_ns: int) -> None:
    """Frames may come together for 100 ms before they are read."""
    epochs_ns = [NOON_NS, *[NOON_NS + step_ns] * 3]
    stamps = np.array([NOON_NS + 2 * TICK_NS - 20 * MS])

    assert [int(ticked(*epochs_ns[:count]).told_now(stamps)[0] - stamps[0]) == step_ns for count in (2, 3, 4)] == [
        True
    ] * 3


def test_long_after_a_step_every_time_is_as_it_was_stamped() -> None:
    capture = ticked(0, *[NOON_NS] * (2 + (LATE_NS + TICK_NS) // TICK_NS))
    stamps = np.array([5 * S])

    assert not capture.stepped
    assert capture.told_now(stamps).tolist() == stamps.tolist()


def test_a_frame_of_the_new_setting_is_not_put_into_the_future_by_a_step_as_short_as_a_tick() -> None:
    capture = ticked(NOON_NS, NOON_NS + TICK_NS)
    stamps = np.array([NOON_NS + TICK_NS + 2 * TICK_NS - 40 * MS])

    assert capture.told_now(stamps).tolist() == stamps.tolist()


@given(
    every_ms=st.integers(1, 20),
    late_ms=st.integers(0, 100),
    set_at_ms=st.integers(300, 600),
    step_ns=st.one_of(st.integers(100 * MS, 86_400 * S), st.integers(-86_400 * S, -300 * MS)),
)
def test_no_frame_of_a_stream_is_told_out_of_its_place(
    every_ms: int, late_ms: int, set_at_ms: int, step_ns: int
) -> None:
    """From the tick that notices the step on; each frame is read with the tick that is so late or later."""
    capture = CaptureTime()
    captured_ns = np.arange(1, 1000, every_ms) * MS
    stamps = captured_ns + NOON_NS + step_ns * (captured_ns >= set_at_ms * MS)
    read_ns = -((-captured_ns - late_ms * MS) // TICK_NS) * TICK_NS
    for uptime_ns in range(TICK_NS, 1000 * MS, TICK_NS):
        epoch_ns = NOON_NS + step_ns * (uptime_ns >= set_at_ms * MS)
        capture.tick(epoch_ns + uptime_ns, uptime_ns, kernel_synced=None)
        mine = np.flatnonzero(read_ns == uptime_ns)
        assert (capture.told_now(stamps[mine]) - epoch_ns).tolist() == captured_ns[mine].tolist()

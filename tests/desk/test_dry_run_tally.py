from collections.abc import Sequence

import numpy as np

from edge_agent.desk.dry_run_tally import DriveTime, Sealed, Tally
from edge_agent.policy.rules import BatchLimits, Periodic
from edge_agent.records import (
    Batch,
    ClockQuality,
    CloseReason,
    Column,
    Envelope,
    EnvelopeKey,
    FrameBlock,
    Lane,
    RawKind,
    RuleInfo,
    SampleBlock,
    SignalInfo,
    TimeUnit,
)
from edge_agent.spool.framing import record_length

SECOND = 1_000_000_000
SIGNALS = tuple(SignalInfo(name, "km/h", 1.0, 0.0, RawKind.UNSIGNED, 16) for name in ("A.Speed", "A.Torque", "B.Door"))


def rule(name: str, *signals: int) -> Periodic:
    info = RuleInfo(name, "periodic", 5, Lane.WARM, "", TimeUnit.MS)
    return Periodic(info, np.array(signals, np.int64), BatchLimits(10 * SECOND, 4096), SECOND)


def samples(*signals: int) -> SampleBlock:
    n = len(signals)
    numbers = np.zeros(n, np.int64)
    return SampleBlock(
        numbers, np.array(signals, np.uint32), numbers, numbers.astype(np.float64), (), 0, 0, ClockQuality.RECORDED
    )


def batch(of: Periodic, kept: int, why: CloseReason) -> Batch:
    column = Column(SIGNALS[0], "last", np.arange(kept, dtype=np.int64), np.zeros(kept, np.int64))
    return Batch(0, of.info, 0, 0, why, 1, (column,), (), ClockQuality.RECORDED, 0)


def envelope(payload_bytes: int) -> Envelope:
    key = EnvelopeKey(1, 0)
    return Envelope(key, 5, Lane.WARM, "trip", "columns/1", "application/json", "gzip", b"\0" * payload_bytes)


def frames(*seconds: float) -> FrameBlock:
    n = len(seconds)
    t_ns = np.array([round(second * SECOND) for second in seconds], np.int64)
    return FrameBlock(
        t_ns,
        np.zeros(n, np.uint8),
        np.zeros(n, np.uint32),
        np.zeros(n, np.uint8),
        np.zeros(n, np.uint16),
        np.zeros((n, 8), np.uint8),
        (0,),
        0,
        0,
        ClockQuality.RECORDED,
    )


def after(blocks: Sequence[FrameBlock]) -> float:
    drive = DriveTime()
    for block in blocks:
        drive.follow(block)
    return drive.elapsed_ns / SECOND


def test_what_goes_into_a_rule_are_the_samples_of_its_signals_whoever_else_hears_them() -> None:
    tally = Tally(SIGNALS, [rule("speed", 0), rule("both", 0, 1)])
    tally.hear(samples(0, 1, 0, 0))
    tally.hear(samples(1, 0))

    assert [one.samples_in for one in tally.rules()] == [4, 6]
    assert tally.samples == 6


def test_a_signal_that_never_came_is_named() -> None:
    tally = Tally(SIGNALS, [rule("all", 0, 1, 2), rule("door", 2)])
    tally.hear(samples(0, 1))

    assert [(one.signals, one.silent) for one in tally.rules()] == [(3, ("B.Door",)), (1, ("B.Door",))]


def test_a_signal_that_only_conditions_name_is_told_of_when_it_never_came() -> None:
    tally = Tally(SIGNALS, [rule("speed", 0)])
    tally.hear(samples(2))

    assert tally.silent_in_conditions() == ("A.Torque",)


def test_a_log_without_a_sample_leaves_every_signal_silent() -> None:
    tally = Tally(SIGNALS, [rule("speed", 0)])
    tally.hear(samples())

    assert tally.rules()[0].silent == ("A.Speed",)


def test_what_comes_out_of_a_rule_is_counted_as_it_is_kept_sent_metered_and_stored() -> None:
    trip = rule("trip", 0)
    tally = Tally(SIGNALS, [rule("other", 1), trip])
    tally.take(batch(trip, 3, CloseReason.AGE), envelope(5000))
    tally.take(batch(trip, 2, CloseReason.STOPPED), envelope(100))

    other, found = (one.sealed for one in tally.rules())
    on_disk = record_length(envelope(5000)) + record_length(envelope(100))
    assert other == Sealed()
    assert found == Sealed(messages=2, samples=5, payload_bytes=5100, blocks=3, record_bytes=on_disk, filled=1)
    assert other + found + found == Sealed(4, 10, 10200, 6, 2 * on_disk, 2)


def test_a_drive_lasts_from_its_first_frame_to_its_last_over_empty_blocks() -> None:
    assert after([frames(), frames(820.0, 820.5), frames(), frames(823.0)]) == 3


def test_a_frame_that_was_logged_late_takes_no_time() -> None:
    assert after([frames(5, 6), frames(5.5, 5.7), frames(7)]) == 2


def test_a_clock_that_was_set_takes_no_time() -> None:
    assert after([frames(5, 6), frames(90_000, 90_001), frames(10, 12)]) == 4

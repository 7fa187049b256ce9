from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.desk.verdict import Arrived, Verdict, count_arrived
from edge_agent.spool.reading import Payload, ReadSample

GOOD = Verdict(
    frames_sent=100,
    frames_read=100,
    frames_dropped=0,
    kept_batches=2,
    kept_samples=30,
    delivered_batches=2,
    delivered_samples=30,
    duplicates=0,
    delivered_bytes=60,
)


def payload(seq: int, samples: int, boot: int = 1, device: str = "car") -> Payload:
    sample = ReadSample(0, "Motion.VehicleSpeed", 1, 1.0, "km/h", "last")
    return Payload(device, boot, seq, "trip", "columns/1", samples, {}, (sample,) * samples)


def sized(payloads: Iterable[Payload]) -> list[tuple[Payload, int]]:
    return [(one, 10) for one in payloads]


def test_all_that_was_kept_has_arrived() -> None:
    assert GOOD.good
    assert GOOD.bytes_a_sample == 2.0


def test_batches_that_came_twice_are_no_loss() -> None:
    assert replace(GOOD, duplicates=2).good


def test_a_batch_that_did_not_arrive_is_a_loss() -> None:
    verdict = replace(GOOD, delivered_batches=1, delivered_samples=20)
    assert not verdict.good
    assert verdict.lost_samples == 10


def test_a_sample_taken_out_of_a_batch_that_arrived_is_a_loss() -> None:
    assert not replace(GOOD, delivered_samples=29).good


def test_more_than_was_kept_is_not_good_either() -> None:
    for verdict in (replace(GOOD, delivered_samples=31), replace(GOOD, delivered_batches=3)):
        assert not verdict.good
        assert verdict.never_on_disk
    assert not GOOD.never_on_disk


def test_what_was_never_kept_is_no_negative_loss() -> None:
    """As on a disk without room: all went from memory."""
    verdict = replace(GOOD, kept_batches=0, kept_samples=0, delivered_samples=944)
    assert verdict.lost_samples == 0
    assert verdict.never_on_disk
    assert not verdict.good


def test_a_frame_that_was_not_read_is_a_loss() -> None:
    verdict = replace(GOOD, frames_read=98)
    assert not verdict.good
    assert verdict.lost_frames == 2


def test_a_frame_that_was_dropped_after_reading_is_a_loss() -> None:
    verdict = replace(GOOD, frames_read=99, frames_dropped=1)
    assert not verdict.good


def test_a_run_that_kept_nothing_proves_nothing() -> None:
    assert not replace(GOOD, kept_batches=0, kept_samples=0, delivered_batches=0, delivered_samples=0).good


def test_nothing_delivered_has_no_size_a_sample() -> None:
    assert replace(GOOD, delivered_samples=0).bytes_a_sample == 0.0


def test_each_batch_counts_once_and_its_copies_as_duplicates() -> None:
    arrived = count_arrived(sized([payload(0, 3), payload(1, 4), payload(0, 3), payload(0, 3)]), boot=1)
    assert arrived == Arrived(batches=2, samples=7, payload_bytes=20, duplicates=2)


def test_only_batches_of_the_boot_count() -> None:
    arrived = count_arrived(sized([payload(0, 3, boot=1), payload(0, 5, boot=2), payload(0, 5, boot=2)]), boot=1)
    assert arrived == Arrived(batches=1, samples=3, payload_bytes=10, duplicates=0)


@given(st.lists(st.integers(0, 5)), st.randoms())
def test_the_order_of_arrival_changes_no_count(seqs: list[int], random: object) -> None:
    payloads = [payload(seq, seq) for seq in seqs]
    expected = Arrived(len(set(seqs)), sum(set(seqs)), 10 * len(set(seqs)), len(seqs) - len(set(seqs)))
    assert count_arrived(sized(payloads), boot=1) == expected
    random.shuffle(payloads)  # type: ignore[attr-defined]
    assert count_arrived(sized(payloads), boot=1) == expected

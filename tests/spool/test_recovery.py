from edge_agent.records import BootInfo, EnvelopeKey
from edge_agent.spool.framing import FILE_HEADER_SIZE, Framed, Gap
from edge_agent.spool.recovery import StreamRecovery, next_boot
from edge_agent.spool.state import SpoolState, StreamMarks

UNKNOWN = StreamMarks(None, None)


def key(seq: int, boot: int = 1) -> EnvelopeKey:
    return EnvelopeKey(boot, seq)


def framed(seq: int, at: int, previous_seq: int | None = None) -> Framed:
    return Framed(key(seq), previous_seq, at, at + 100)


def test_a_gap_before_a_record_is_damage_and_the_link_names_what_was_in_it() -> None:
    recovery = StreamRecovery(UNKNOWN)

    finding = recovery.take([framed(1, 16), Gap(116, 216), framed(7, 216, previous_seq=4)])

    assert ([record.key.seq for record in finding.records], finding.damaged_bytes, finding.tail_bytes) == (
        [1, 7],
        100,
        0,
    )
    assert recovery.lost == {key(4)}
    assert not recovery.finish()


def test_a_gap_with_a_readable_header_names_itself() -> None:
    recovery = StreamRecovery(UNKNOWN)

    recovery.take([framed(1, 16), Gap(116, 216, key(2)), Gap(216, 316, key(4)), framed(7, 316, previous_seq=4)])

    assert recovery.lost == {key(2), key(4)}


def test_what_was_settled_before_the_damage_is_not_lost() -> None:
    recovery = StreamRecovery(StreamMarks(settled=key(4), held=key(7)))

    recovery.take([framed(1, 16), Gap(116, 216), framed(7, 216, previous_seq=4)])

    assert recovery.lost == set()


def test_a_gap_at_the_very_end_is_a_torn_tail_and_no_loss() -> None:
    recovery = StreamRecovery(UNKNOWN)

    finding = recovery.take([framed(1, 16), Gap(116, 150, key(2))])

    assert (finding.damaged_bytes, finding.tail_bytes) == (0, 34)
    assert not recovery.finish()
    assert recovery.lost == set()


def test_a_gap_at_the_end_is_damage_where_the_state_knows_of_a_later_record() -> None:
    recovery = StreamRecovery(StreamMarks(settled=None, held=key(9)))

    recovery.take([framed(1, 16), Gap(116, 216, key(2)), Gap(216, 250)])

    assert recovery.finish()
    assert recovery.lost == {key(2), key(9)}


def test_a_gap_at_the_end_of_a_segment_that_another_follows_is_damage() -> None:
    recovery = StreamRecovery(UNKNOWN)

    recovery.take([framed(1, 16), Gap(116, 216)])
    recovery.take([framed(7, 16, previous_seq=4)])

    assert recovery.lost == {key(4)}


def test_a_gap_before_an_empty_last_segment_is_damage() -> None:
    recovery = StreamRecovery(UNKNOWN)

    recovery.take([framed(1, 16), Gap(116, 216, key(2))])
    recovery.take([])

    assert recovery.finish()
    assert recovery.lost == {key(2)}


def test_a_broken_file_header_says_nothing_about_the_record_before() -> None:
    recovery = StreamRecovery(UNKNOWN)

    recovery.take([Gap(0, FILE_HEADER_SIZE), framed(7, 16, previous_seq=4)])

    assert recovery.lost == set()


def test_a_vanished_stream_owes_the_last_record_that_was_held() -> None:
    recovery = StreamRecovery(StreamMarks(settled=key(3), held=key(9)))

    assert recovery.finish()
    assert recovery.lost == {key(9)}


def test_a_repeat_is_skipped() -> None:
    recovery = StreamRecovery(UNKNOWN)

    first = recovery.take([framed(1, 16), framed(2, 116, previous_seq=1)])
    again = recovery.take([framed(2, 16, previous_seq=1), framed(3, 116, previous_seq=2)])

    assert [record.key.seq for record in (*first.records, *again.records)] == [1, 2, 3]
    assert recovery.lost == set()


def test_the_first_boot_is_1() -> None:
    assert next_boot([], []) == BootInfo(1, None, None)


def test_a_boot_that_committed_nothing_is_told_from_one_that_did() -> None:
    assert next_boot([SpoolState(4, None)], [key(9, boot=3)]) == BootInfo(5, 4, None)
    assert next_boot([SpoolState(4, 0)], []) == BootInfo(5, 4, 0)


def test_segments_may_know_a_later_record_and_even_a_later_boot_than_the_state() -> None:
    assert next_boot([SpoolState(4, 7)], [key(6, boot=4), key(9, boot=4)]) == BootInfo(5, 4, 9)
    assert next_boot([], [key(2, boot=8), key(9, boot=4)]) == BootInfo(9, 8, 2)


def test_the_older_copy_of_the_state_never_takes_the_boot_back() -> None:
    assert next_boot([SpoolState(4, 7), SpoolState(5, None)], []) == BootInfo(6, 5, None)


def test_whole_records_cut_off_the_end_of_an_earlier_boot_are_missed_where_the_next_begins() -> None:
    recovery = StreamRecovery(StreamMarks(settled=None, held=key(3, boot=2), ends=(key(5, boot=1),)))

    recovery.take([framed(1, 16), framed(4, 116)])
    finding = recovery.take([Framed(key(1, boot=2), None, 16, 116), Framed(key(3, boot=2), 1, 116, 216)])

    assert finding.behind_lost
    assert not recovery.finish()
    assert recovery.lost == {key(5)}


def test_the_end_of_an_earlier_boot_is_not_missed_where_it_is_there_or_was_settled() -> None:
    settled_beyond = ((1, 5, 5),)
    for marks, last_seq in (
        (StreamMarks(settled=None, held=key(1, boot=2), ends=(key(5, boot=1),)), 5),
        (StreamMarks(settled=None, held=key(1, boot=2), also=settled_beyond, ends=(key(5, boot=1),)), 4),
    ):
        recovery = StreamRecovery(marks)
        recovery.take([framed(last_seq, 16)])
        finding = recovery.take([Framed(key(1, boot=2), None, 16, 116)])
        assert not finding.behind_lost
        assert not recovery.lost


def test_the_end_of_an_earlier_boot_is_missed_where_nothing_of_later_ones_is_left() -> None:
    recovery = StreamRecovery(StreamMarks(settled=None, held=key(3, boot=2), ends=(key(5, boot=1),)))

    recovery.take([framed(1, 16)])

    assert recovery.finish()
    assert recovery.lost == {key(5), key(3, boot=2)}

import numpy as np

from edge_agent.records import EnvelopeKey, Part
from edge_agent.spool.framing import FILE_HEADER_SIZE, Framed, Lifetime
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.skimming import Run
from edge_agent.spool.stream import MOST_STRETCHES, Segment, Stream


def filled(*seqs: int) -> Segment:
    segment = Segment(SegmentName(StreamName(3), 0), 1, closed=False)
    for seq in seqs:
        segment.add(seq, segment.size, segment.size + 100)
    return segment


def test_a_segment_that_grows_is_not_dead_though_all_of_it_is_settled() -> None:
    segment = filled(1)
    segment.settle(0)

    assert not segment.dead
    segment.closed = True
    assert segment.dead


def test_the_settled_beginning_grows_over_what_was_settled_out_of_order() -> None:
    segment = filled(1, 4, 9)

    segment.settle(1)
    assert segment.settled_up_to() is None
    segment.settle(0)
    assert segment.settled_up_to() == EnvelopeKey(1, 4)


def test_a_record_that_was_given_back_is_the_oldest_ready_one_again() -> None:
    segment = filled(1, 4)
    segment.lease(0)
    segment.lease(1)
    assert segment.first_ready() is None

    segment.give_back(0)

    assert (segment.first_ready(), segment.leased) == (0, 1)


def test_the_last_unsettled_record_may_be_in_flight() -> None:
    segment = filled(1, 4, 9)
    segment.lease(1)
    segment.settle(2)

    assert segment.last_unsettled() == EnvelopeKey(1, 4)


def test_a_rewritten_segment_has_its_records_side_by_side() -> None:
    segment = Segment(SegmentName(StreamName(3), 0), 1, closed=True)
    segment.add(1, 50, 150)
    segment.add(4, 300, 350)

    segment.rewritten(range(segment.count))

    assert [segment.span(0), segment.span(1)] == [
        (FILE_HEADER_SIZE, FILE_HEADER_SIZE + 100),
        (FILE_HEADER_SIZE + 100, FILE_HEADER_SIZE + 150),
    ]
    assert segment.size == FILE_HEADER_SIZE + 150


def test_only_one_segment_of_a_stream_grows() -> None:
    stream = Stream(StreamName(3))
    first = stream.begin(boot=1)
    second = stream.begin(boot=1)

    assert (first.closed, stream.active(), second.name.number) == (True, second, 1)


def test_what_is_settled_beyond_something_unsettled_is_marked_as_stretches() -> None:
    stream = Stream(StreamName(3))
    for seqs, settled in (((1, 4, 9, 12), (0, 2, 3)), ((20, 21), (0, 1))):
        segment = stream.begin(boot=1)
        for seq in seqs:
            segment.add(seq, segment.size, segment.size + 100)
        for index in settled:
            segment.settle(index)
    stream.advance()

    marks = stream.marks()
    assert (marks.settled, marks.held) == (EnvelopeKey(1, 1), EnvelopeKey(1, 4))
    assert marks.also == ((1, 9, 12), (1, 20, 21))


def test_a_segment_rewritten_without_what_is_settled_keeps_the_rest_as_it_stood() -> None:
    segment = filled(1, 4, 9, 12)
    segment.lease(1)
    segment.settle(0)
    segment.settle(2)

    segment.rewritten(segment.unsettled())

    assert [segment.key(index).seq for index in range(segment.count)] == [4, 12]
    assert (segment.first_ready(), segment.leased, segment.settled_up_to()) == (1, 1, None)
    assert segment.span(segment.index(EnvelopeKey(1, 12))) == (FILE_HEADER_SIZE + 100, FILE_HEADER_SIZE + 200)
    assert segment.size == FILE_HEADER_SIZE + 200


def dated(*lifetimes: Lifetime) -> Segment:
    segment = filled()
    for seq, lifetime in enumerate(lifetimes):
        segment.add(seq, segment.size, segment.size + 100, lifetime)
    return segment


def test_a_record_expires_after_its_second_and_not_in_it() -> None:
    lifetimes = (50, 0), (51, 0), (0, 7_000), (0, 7_001), (0, 0)
    segment = dated(*(Lifetime(0, powered_s, wall_s) for powered_s, wall_s in lifetimes))

    assert segment.expired(50, 7_000) == []
    assert segment.expired(51, 7_000) == [0]
    assert segment.expired(51, 7_001) == [0, 2]


def test_the_next_look_is_due_with_the_first_that_is_ready_to_expire() -> None:
    segment = dated(Lifetime(expires_powered_s=50), Lifetime(expires_powered_s=70))
    segment.lease(0)
    assert segment.expired(60, 0) == []
    assert segment.expires_powered_s == 70

    segment.give_back(0)

    assert segment.expires_powered_s == 50
    assert segment.expired(60, 0) == [0]


def streaming(*powered_s: int) -> Stream:
    """One segment for each two records."""
    stream = Stream(StreamName(3))
    for seq, when_s in enumerate(powered_s):
        segment = stream.begin(boot=1) if seq % 2 == 0 else stream.segments[-1]
        segment.add(seq, segment.size, segment.size + 100, Lifetime(when_s))
    return stream


def oldest(stream: Stream, part: Part, live_since_s: int) -> int | None:
    found = stream.oldest(part, live_since_s)
    return found and found[0].key(found[1]).seq


def test_a_stream_is_backlog_up_to_the_first_record_that_is_live() -> None:
    stream = streaming(10, 20, 30, 40, 50, 60)

    assert [oldest(stream, Part.LIVE, since_s) for since_s in (10, 30, 40, 60, 61)] == [0, 2, 3, 5, None]
    assert [oldest(stream, Part.BACKLOG, since_s) for since_s in (10, 11, 61)] == [None, 0, 0]


def test_what_an_earlier_start_left_is_never_live() -> None:
    stream = Stream(StreamName(3))
    segment = Segment(SegmentName(stream.name, 0), 1, closed=True)
    segment.add(0, segment.size, segment.size + 100, Lifetime(1_000))
    stream.segments.append(segment)

    assert (oldest(stream, Part.LIVE, 0), oldest(stream, Part.BACKLOG, 0)) == (None, 0)


def test_what_comes_back_behind_the_pointer_of_a_drain_is_the_oldest_again() -> None:
    stream = streaming(10, 20, 30, 40)
    for segment, index in [(stream.segments[0], 0), (stream.segments[0], 1), (stream.segments[1], 0)]:
        segment.lease(index)
    assert oldest(stream, Part.BACKLOG, 1_000) == 3

    stream.give_back(stream.segments[0], 1)

    assert oldest(stream, Part.BACKLOG, 1_000) == 1


def test_thinning_counts_each_rule_on_from_segment_to_segment() -> None:
    stream = Stream(StreamName(3))
    for _ in range(2):
        segment = stream.begin(boot=1)
        for thin in (2, 3, 2, 3, 1):
            segment.add(segment.count, segment.size, segment.size + 100, Lifetime(thin=thin))
    rules = ["idle", "drive", "idle", "drive", "alarm"]

    assert [stream.thin(segment, rules) for segment in stream.segments] == [[2, 3], [1, 2]]
    assert [segment.can_thin for segment in stream.segments] == [False, False]


def test_the_last_unsettled_record_of_each_boot_before_the_newest_is_noted() -> None:
    stream = Stream(StreamName(3))
    for boot, seqs in ((1, (4, 5)), (1, (8,)), (2, (0, 3)), (5, (2, 7))):
        segment = stream.begin(boot)
        for seq in seqs:
            segment.add(seq, segment.size, segment.size + 100)
    assert stream.marks().ends == (EnvelopeKey(1, 8), EnvelopeKey(2, 3))

    stream.segments[1].settle(0)
    assert stream.marks().ends == (EnvelopeKey(1, 5), EnvelopeKey(2, 3))


def test_records_found_in_a_file_stand_as_if_they_had_been_added_one_by_one() -> None:
    records = [
        Framed(EnvelopeKey(1, seq), None, at, at + 100, Lifetime(seq, expires, wall, thin))
        for seq, at, expires, wall, thin in ((1, 16, 0, 90, 1), (4, 116, 50, 0, 2), (9, 216, 70, 80, 1))
    ]
    added, found = (Segment(SegmentName(StreamName(3), 0), 1, closed=True) for _ in range(2))
    for one in records:
        added.add(one.key.seq, one.start, one.end, one.lifetime)

    found.adopt(Run.of(records), np.array([False, False, False]))

    for look in (
        lambda one: [one.span(at) for at in range(3)],
        lambda one: [(one.thin(at), one.powered_s(at)) for at in range(3)],
        lambda one: (one.count, one.size, one.ready, one.can_thin, one.unsettled(), one.first_ready()),
        lambda one: (one.expires_powered_s, one.expires_wall_s, one.settled_up_to(), one.last_unsettled()),
        lambda one: (one.expired(60, 85), one.expires_powered_s, one.expires_wall_s),
    ):
        assert look(found) == look(added)


def test_what_is_settled_of_records_found_neither_waits_nor_expires() -> None:
    records = [
        Framed(EnvelopeKey(1, seq), None, at, at + 100, Lifetime(0, expires, 0, 1))
        for seq, at, expires in ((1, 16, 20), (4, 116, 50), (9, 216, 30))
    ]
    segment = Segment(SegmentName(StreamName(3), 0), 1, closed=True)

    segment.adopt(Run.of(records), np.array([True, False, True]))

    assert (segment.settled_up_to(), segment.unsettled(), segment.ready) == (EnvelopeKey(1, 1), [1], 1)
    assert segment.expires_powered_s == 50
    assert segment.expired(40, 0) == []
    assert segment.settled_stretches().tolist() == [[1, 1, 1], [1, 9, 9]]


def test_of_too_many_settled_stretches_the_longest_are_marked_in_order() -> None:
    stream = Stream(StreamName(3))
    segment = stream.begin(boot=1)
    for seq in range(4 * MOST_STRETCHES):
        segment.add(seq, segment.size, segment.size + 100)
    for index in range(segment.count):
        if index % 2 or 1_000 < index < 2_000:
            segment.settle(index)

    also = stream.marks().also

    assert len(also) == MOST_STRETCHES
    assert (1, 1_001, 1_999) in also
    assert list(also) == sorted(also)


def test_what_is_ready_is_counted_through_all_that_becomes_of_a_record() -> None:
    segment = filled(1, 4, 9)
    counts = [(segment.ready, segment.leased)]
    for act in (
        lambda: segment.lease(1),
        lambda: segment.settle(0),
        lambda: segment.give_back(1),
        lambda: segment.lease(1),
        lambda: segment.settle(1),
        segment.lock,
    ):
        act()
        counts.append((segment.ready, segment.leased))

    assert counts == [(3, 0), (2, 1), (1, 1), (2, 0), (1, 1), (1, 0), (0, 0)]

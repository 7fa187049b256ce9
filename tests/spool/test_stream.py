from edge_agent.records import EnvelopeKey
from edge_agent.spool.framing import FILE_HEADER_SIZE
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.state import StreamMarks
from edge_agent.spool.stream import Segment, Stream


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
    assert segment.next_ready() is None

    segment.give_back(0)

    assert (segment.next_ready(), segment.leased) == (0, 1)


def test_the_last_unsettled_record_may_be_in_flight() -> None:
    segment = filled(1, 4, 9)
    segment.lease(1)
    segment.settle(2)

    assert segment.last_unsettled() == EnvelopeKey(1, 4)


def test_a_rewritten_segment_has_its_records_side_by_side() -> None:
    segment = Segment(SegmentName(StreamName(3), 0), 1, closed=True)
    segment.add(1, 50, 150)
    segment.add(4, 300, 350)

    segment.compact()

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

    assert stream.marks() == StreamMarks(EnvelopeKey(1, 1), EnvelopeKey(1, 4), ((1, 9, 12), (1, 20, 21)))

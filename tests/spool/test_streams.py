from edge_agent.records import EnvelopeKey, Purpose, Terms, Upload
from edge_agent.spool.naming import STREAMS, StreamName
from edge_agent.spool.streams import Streams, by_age

SAFETY, TRIPS = (StreamName(3, purposes=purposes) for purposes in (Purpose(0), Purpose.TRIPS))


def test_all_streams_of_no_noted_purpose_are_there_and_others_once_they_are_heard_of() -> None:
    streams = Streams()
    assert list(streams) == list(STREAMS)
    three = streams[StreamName(3)]

    streams.know([TRIPS, SAFETY, TRIPS])

    assert [str(name) for name in streams][6:10] == ["3", "3p0", "3p2", "3u"]
    assert len(streams) == len(STREAMS) + 2
    assert streams[StreamName(3)] is three


def test_those_of_one_priority_take_their_turn_together() -> None:
    streams = Streams()
    streams.know([TRIPS])

    turns = list(streams.turns(Terms(last_priority=3, unmetered=False)))

    assert [[str(stream.name) for stream in turn] for turn in turns] == [["0"], ["1"], ["2"], ["3", "3p2"]]


def test_what_makes_room_goes_last_priority_first_and_all_purposes_alike() -> None:
    streams = Streams()
    streams.know([TRIPS, StreamName(9, Upload.UNMETERED, Purpose.TRIPS)])

    groups = [[str(stream.name) for stream in alike] for alike in streams.last_first(8)]

    assert groups == [["9up2", "9u"], ["9"], ["8u"], ["8"]]


def test_segments_of_several_streams_are_told_by_their_age() -> None:
    streams = Streams()
    streams.know([SAFETY, TRIPS])
    for name, seq in ((TRIPS, 4), (SAFETY, 7), (TRIPS, 9)):
        streams[name].begin(2).add(seq, 16, 100)

    assert [segment.begins for segment in by_age([streams[SAFETY], streams[TRIPS]])] == [
        EnvelopeKey(2, seq) for seq in (4, 7, 9)
    ]

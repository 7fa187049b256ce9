import json
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import EnvelopeKey, LostRange, Purpose, Upload
from edge_agent.spool.naming import STREAMS, StreamName
from edge_agent.spool.state import NewerState, SpoolState, StreamMarks, decode_state, encode_state

SEQS = st.integers(0, 2**63)
RANGES = st.lists(st.builds(LostRange, SEQS, SEQS, SEQS, st.sampled_from(["cap", "damaged", "refused"]))).map(tuple)
KEYS = st.none() | st.builds(EnvelopeKey, st.integers(1, 1000), SEQS)
STATES = st.builds(
    SpoolState,
    boot=st.integers(1, 2**31),
    last_seq=st.none() | SEQS,
    owed=RANGES,
    told=st.dictionaries(st.builds(EnvelopeKey, SEQS, SEQS), RANGES, max_size=3),
    streams=st.dictionaries(
        st.sampled_from([*STREAMS, *(stream._replace(purposes=Purpose(at % 16)) for at, stream in enumerate(STREAMS))]),
        st.builds(
            StreamMarks,
            KEYS,
            KEYS,
            st.lists(st.tuples(SEQS, SEQS, SEQS), max_size=3).map(tuple),
            st.lists(st.tuples(SEQS, SEQS), max_size=3).map(tuple),
            st.none() | SEQS,
            st.lists(st.builds(EnvelopeKey, SEQS, SEQS), max_size=3).map(tuple),
        ),
    ),
    powered_s=SEQS,
)


@given(STATES)
def test_a_state_comes_back_as_it_went(state: SpoolState) -> None:
    assert decode_state(encode_state(state)) == state


def test_a_change_of_any_byte_is_noticed() -> None:
    data = encode_state(
        SpoolState(7, 41, (LostRange(6, 1, 2, "cap"),), {}, {StreamName(3): StreamMarks(EnvelopeKey(7, 40), None)})
    )

    for at in range(len(data) - 1):
        assert decode_state(data[:at]) is None
        assert decode_state(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is None


def test_of_the_state_of_a_newer_release_the_boot_is_read() -> None:
    text = json.dumps({"version": 2, "boot": 7, "last_seq": 41, "streams": "otherwise"}).encode()

    assert decode_state(b"%08x %s\n" % (zlib.crc32(text), text)) == NewerState(2, 7, 41)


def test_a_release_from_before_unmetered_streams_finds_no_name_that_it_cannot_read() -> None:
    marks = StreamMarks(EnvelopeKey(7, 40), None)
    data = encode_state(SpoolState(7, 41, streams={StreamName(3): marks, StreamName(4, Upload.UNMETERED): marks}))

    assert list(map(int, json.loads(data[9:])["streams"])) == [3]


def test_a_state_from_before_tellers_were_noted_is_read() -> None:
    text = (
        b'{"version":1,"boot":7,"last_seq":41,"owed":[[6,1,2,"cap"]],'
        b'"streams":{"3":{"settled":[7,40],"held":null,"also":[]}}}'
    )

    assert decode_state(b"%08x %s\n" % (zlib.crc32(text), text)) == SpoolState(
        7, 41, (LostRange(6, 1, 2, "cap"),), {}, {StreamName(3): StreamMarks(EnvelopeKey(7, 40), None)}
    )


def test_marks_cover_what_lies_before_the_settled_one_and_the_stretches_beyond() -> None:
    marks = StreamMarks(EnvelopeKey(2, 5), EnvelopeKey(2, 9), ((2, 7, 8),))

    covered = [seq for seq in range(12) if marks.covers(EnvelopeKey(2, seq))]

    assert covered == [0, 1, 2, 3, 4, 5, 7, 8]
    assert marks.covers(EnvelopeKey(1, 99))
    assert not marks.covers(EnvelopeKey(3, 0))


def test_a_range_that_is_not_exact_comes_back_so() -> None:
    state = SpoolState(1, 5, owed=(LostRange(1, 0, 90, "cap", exact=False), LostRange(1, 92, 92, "cap")))

    assert decode_state(encode_state(state)) == state


@given(
    st.builds(
        StreamMarks,
        st.none() | st.builds(EnvelopeKey, st.integers(1, 3), st.integers(0, 20)),
        st.none(),
        st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(0, 20)), max_size=3).map(tuple),
    )
)
def test_many_records_are_covered_as_each_is_by_itself(marks: StreamMarks) -> None:
    for boot in (1, 2, 3):
        covered = marks.covered(boot, np.arange(25, dtype=np.uint64)).tolist()
        assert covered == [
            (marks.settled is not None and EnvelopeKey(boot, seq) <= marks.settled)
            or any(among == boot and first <= seq <= last for among, first, last in marks.also)
            for seq in range(25)
        ]

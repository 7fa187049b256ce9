from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.desk.spool_entries import (
    Entry,
    GivenUp,
    SegmentFound,
    Selection,
    Standing,
    StreamEnd,
    StreamReader,
    ranges_of,
)
from edge_agent.records import Envelope, EnvelopeKey, LostRange
from edge_agent.spool.framing import encode_record, file_header
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.state import SpoolState, StreamMarks
from tests.spool.parts import named, sealed

STREAM = StreamName(3)
FIRST, SECOND = SegmentName(STREAM, 0), SegmentName(STREAM, 1)


def segment(*seqs: int, before: int | None = None) -> bytes:
    previous = (before, *seqs)
    return file_header(STREAM) + b"".join(
        encode_record(sealed(1, seq), previous_seq) for previous_seq, seq in zip(previous, seqs, strict=False)
    )


def read(
    contents: Sequence[bytes], state: SpoolState | None = None, *, changed: bool = False
) -> tuple[list[Entry], StreamEnd]:
    state = state or SpoolState(1, None)
    reader = StreamReader(STREAM, state, GivenUp(state))
    found = [reader.take(SegmentName(STREAM, number), content) for number, content in enumerate(contents)]
    return [entry for one in found for entry in one.entries], reader.ended(range(len(contents)), changed=changed)


def seqs(entries: Sequence[Entry]) -> list[int]:
    return [entry.envelope.key.seq for entry in entries]


def test_every_whole_record_is_an_entry() -> None:
    entries, end = read([segment(0, 1), segment(5, before=1)])

    assert [entry.envelope for entry in entries] == [sealed(1, 0), sealed(1, 1), sealed(1, 5)]
    assert [entry.segment for entry in entries] == [FIRST, FIRST, SECOND]
    assert sum(entry.record_bytes for entry in entries) == len(segment(0, 1, 5)) - len(file_header(STREAM))
    assert end == StreamEnd({}, ())


def test_what_is_delivered_or_given_up_waits_no_more() -> None:
    state = SpoolState(
        1,
        None,
        owed=(LostRange(1, 2, 2, "refused"),),
        told={EnvelopeKey(1, 5): (LostRange(1, 3, 4, "cap"),)},
        streams={STREAM: StreamMarks(EnvelopeKey(1, 0), None)},
    )

    entries, _ = read([segment(0, 1, 2, 3, 4, 5)], state)

    waiting, gone = Standing.WAITING, Standing.GIVEN_UP
    assert [entry.standing for entry in entries] == [Standing.SETTLED, waiting, gone, gone, gone, waiting]


def test_an_append_that_goes_on_is_no_damage() -> None:
    whole = segment(0, 1)

    for size in range(len(segment(0)), len(whole)):
        entries, end = read([whole[:size]])
        assert (seqs(entries), end) == ([0], StreamEnd({}, ()))


def test_a_tail_that_was_noted_as_kept_is_damage_unless_the_note_is_newer_than_the_bytes() -> None:
    state = SpoolState(1, 1, streams={STREAM: StreamMarks(None, EnvelopeKey(1, 1))})
    torn = segment(0, 1)[:-1]
    damaged = len(torn) - len(segment(0))

    assert read([torn], state)[1] == StreamEnd({FIRST: damaged}, (EnvelopeKey(1, 1),))
    assert read([torn], state, changed=True)[1] == StreamEnd({}, ())


def test_a_tail_of_a_segment_that_grows_no_more_is_damage() -> None:
    torn = segment(0, 1)[:-1]

    entries, end = read([torn, segment(2, before=1)])

    assert (seqs(entries), end) == ([0, 2], StreamEnd({FIRST: len(torn) - len(segment(0))}, (EnvelopeKey(1, 1),)))


def test_a_damaged_record_is_stepped_over_and_named() -> None:
    content = bytearray(segment(0, 1, 2))
    content[len(segment(0, 1)) - 1] ^= 1

    entries, end = read([bytes(content)])

    assert (seqs(entries), end.lost) == ([0, 2], (EnvelopeKey(1, 1),))
    assert end.damaged == {FIRST: len(segment(0, 1)) - len(segment(0))}


def test_what_is_lost_and_owed_already_is_not_named_again() -> None:
    content = bytearray(segment(0, 1, 2))
    content[len(segment(0, 1)) - 1] ^= 1

    assert read([bytes(content)], SpoolState(1, 2, owed=(LostRange(1, 1, 1, "damaged"),)))[1].lost == ()


def test_a_segment_of_a_later_format_is_left_unread() -> None:
    found = SegmentFound(FIRST, 100, 3)

    assert (found.is_known, found.entries) == (False, ())
    assert SegmentFound(FIRST, 100, None).is_known


@given(st.binary(max_size=200), st.integers(0, 300))
def test_whatever_the_bytes_are_whole_records_are_found_and_nothing_fails(noise: bytes, at: int) -> None:
    content = segment(0, 1)

    entries, _ = read([content[:at] + noise + content[at:]])

    assert set(seqs(entries)) <= {0, 1}


@pytest.mark.parametrize(
    ("selection", "takes"),
    [
        (Selection(), True),
        (Selection(rules=frozenset({"idle", "trip"})), True),
        (Selection(rules=frozenset({"trip"})), False),
        (Selection(priorities=frozenset({3})), True),
        (Selection(priorities=frozenset({4})), False),
        (Selection(boots=frozenset({1})), True),
        (Selection(boots=frozenset({2})), False),
        (Selection(rules=frozenset({"idle"}), boots=frozenset({2})), False),
    ],
)
def test_a_selection_takes_what_meets_all_of_it(selection: Selection, takes: bool) -> None:
    one: Envelope = sealed(1, 0, priority=3)

    assert selection.takes(one) is takes


@given(st.sets(st.tuples(st.integers(1, 3), st.integers(0, 30)), max_size=40))
def test_ranges_name_the_keys_and_nothing_else(pairs: set[tuple[int, int]]) -> None:
    keys = [EnvelopeKey(*pair) for pair in pairs]

    ranges = ranges_of(keys, "damaged")

    assert named(ranges) == sorted(keys)
    assert all(key in GivenUp(SpoolState(3, None, owed=ranges)) for key in keys)
    assert not any(
        EnvelopeKey(boot, seq) in GivenUp(SpoolState(3, None, owed=ranges))
        for boot in range(5)
        for seq in range(32)
        if (boot, seq) not in pairs
    )


def test_a_segment_that_is_noted_and_gone_is_named_unless_the_note_is_newer() -> None:
    state = SpoolState(1, 1, streams={STREAM: StreamMarks(None, EnvelopeKey(1, 1), files=((0, 2),))})

    assert read([segment(0), segment(1)], state)[1].missing == (SegmentName(STREAM, 2),)
    assert read([segment(0), segment(1)], state, changed=True)[1].missing == ()

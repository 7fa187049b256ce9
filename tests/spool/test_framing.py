from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import Envelope, EnvelopeKey, Lane, Purpose, Retention, Upload
from edge_agent.spool.framing import (
    FILE_HEADER_SIZE,
    FOREVER,
    Framed,
    Gap,
    Lifetime,
    decode_halves,
    decode_record,
    encode_record,
    file_header,
    file_version,
    lifetime_of,
    read_record,
    record_length,
    scan,
    stream_in,
)
from edge_agent.spool.naming import StreamName, stream_of
from tests.spool.parts import sealed

ENVELOPES = st.builds(
    Envelope,
    key=st.builds(EnvelopeKey, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 2)),
    priority=st.integers(0, 9),
    lane=st.sampled_from(Lane),
    rule=st.text(max_size=40),
    schema=st.text(max_size=20),
    content_type=st.text(max_size=20),
    content_encoding=st.text(max_size=20),
    payload=st.binary(max_size=300),
    upload=st.sampled_from(Upload),
    purposes=st.sampled_from([None, *map(Purpose, range(16))]),
)
U32, U16 = st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)
LIFETIMES = st.builds(Lifetime, U32, U32, U32, U16)
THREE = StreamName(3)

HEADER_OF_VERSION_1 = bytes.fromhex("45646753706f6f6c01000300763fa3ac")
RECORD_OF_VERSION_1 = bytes.fromhex(
    "a95265637fe07838070000003500000004000000f3df82e229000000000000002800000000000000"
    "5b227761726d222c2269646c65222c22636f6c756d6e732f31222c226170706c69636174696f6e2f6a736f6e222c22677a6970225d"
    "3c372f34"
)
"""Batch 7/41 behind 7/39, as version 1 wrote it."""


def segment(*seqs: int, size: int = 20) -> bytes:
    links = [None, *seqs]
    records = (encode_record(sealed(1, seq, size=size), before) for seq, before in zip(seqs, links, strict=False))
    return file_header(THREE) + b"".join(records)


def seqs_of(data: bytes) -> list[int]:
    return [item.key.seq for item in scan(data) if isinstance(item, Framed)]


@given(ENVELOPES, st.none() | st.integers(0, 2**64 - 2), LIFETIMES, U16)
def test_an_envelope_comes_back_as_it_went(
    envelope: Envelope, previous_seq: int | None, lifetime: Lifetime, flags: int
) -> None:
    record = encode_record(envelope, previous_seq, lifetime, flags)

    assert len(record) == record_length(envelope)
    assert decode_record(record, stream_of(envelope)) == envelope
    assert list(scan(record)) == [Framed(envelope.key, previous_seq, 0, len(record), lifetime, flags)]


def test_the_bytes_of_version_2_are_these() -> None:
    assert file_header(THREE).hex() == "45646753706f6f6c02000300989016be"
    assert file_header(StreamName(3, Upload.UNMETERED)).hex() == "45646753706f6f6c020003010ea011c9"
    assert file_header(StreamName(3, Upload.UNMETERED, Purpose.LOCATION)).hex()[:24] == "45646753706f6f6c02000325"
    assert file_header(StreamName(3, purposes=Purpose(0)), rewritten=True).hex()[:24] == "45646753706f6f6c02000306"


@pytest.mark.parametrize("purposes", [None, *map(Purpose, range(16))])
@pytest.mark.parametrize("upload", Upload)
def test_a_header_names_its_stream(upload: Upload, purposes: Purpose | None) -> None:
    stream = StreamName(7, upload, purposes)

    assert stream_in(file_header(stream, rewritten=True) + b"more") == stream
    assert stream_in(b"\0" + file_header(stream)[1:]) is None
    assert stream_in(b"") is None
    assert encode_record(sealed(7, 41, size=4), 39, Lifetime(5, 6, 7, 8), 1).hex() == (
        "a95265325ed1cc76070000003500000004000000f3df82e22900000000000000280000000000000005000000060000000700000008000100"
        "5b227761726d222c2269646c65222c22636f6c756d6e732f31222c226170706c69636174696f6e2f6a736f6e222c22677a6970225d"
        "3c372f34"
    )


def test_a_segment_of_version_1_is_read_as_it_is() -> None:
    data = HEADER_OF_VERSION_1 + RECORD_OF_VERSION_1

    assert file_version(data) == 1
    assert list(scan(data)) == [Framed(EnvelopeKey(7, 41), 39, FILE_HEADER_SIZE, len(data), FOREVER, 0)]
    assert decode_record(RECORD_OF_VERSION_1, THREE) == sealed(7, 41, size=4)


def test_records_of_both_versions_may_follow_each_other_and_be_found_behind_damage() -> None:
    new = encode_record(sealed(7, 42, size=4), 41)

    for pieces in ((RECORD_OF_VERSION_1, b"noise", new), (new, b"noise", RECORD_OF_VERSION_1)):
        assert [type(item) for item in scan(file_header(THREE) + b"".join(pieces))] == [Framed, Gap, Framed]


def test_a_retention_runs_from_the_append_and_from_the_close() -> None:
    envelope = replace(sealed(1, 1), retention=Retention(powered_s=60, wall_s=90, thin=10), closed_ns=18_000_000_009)

    assert lifetime_of(envelope, 1000) == Lifetime(1000, 1060, 108, 10)


def test_a_wall_time_that_cannot_be_trusted_lets_nothing_expire() -> None:
    envelope = replace(sealed(1, 1), retention=Retention(wall_s=90), closed_ns=0)

    assert lifetime_of(envelope, 1000) == Lifetime(1000)


def test_times_beyond_the_format_end_at_its_last() -> None:
    envelope = replace(sealed(1, 1), retention=Retention(2**33, 2**33, 2**17), closed_ns=1)

    assert lifetime_of(envelope, 2**33) == Lifetime(2**32 - 1, 2**32 - 1, 2**32 - 1, 2**16 - 1)


def test_a_scan_finds_each_record_with_its_place_and_its_link_backwards() -> None:
    data = segment(4, 5, 9)

    items = list(scan(data))

    assert [(item.key, item.previous_seq) for item in items if isinstance(item, Framed)] == [
        (EnvelopeKey(1, 4), None),
        (EnvelopeKey(1, 5), 4),
        (EnvelopeKey(1, 9), 5),
    ]
    assert items[0].start == FILE_HEADER_SIZE
    assert items[-1].end == len(data)


def test_a_cut_at_any_byte_leaves_an_exact_prefix() -> None:
    data = segment(4, 5, 9)
    ends = [item.end for item in scan(data)]

    for size in range(len(data)):
        assert seqs_of(data[:size]) == [4, 5, 9][: sum(end <= size for end in ends)]


def test_a_flipped_bit_anywhere_costs_at_most_the_record_it_is_in() -> None:
    data = segment(4, 5, 9)
    ends = [item.end for item in scan(data)]

    for at in range(FILE_HEADER_SIZE, len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        hit = sum(end <= at for end in ends)
        assert seqs_of(bytes(damaged)) == [seq for index, seq in enumerate([4, 5, 9]) if index != hit]


def test_a_damaged_file_header_costs_no_record() -> None:
    data = segment(4, 5)

    assert seqs_of(b"X" + data[1:]) == [4, 5]
    assert file_version(b"X" + data[1:]) is None


def test_a_record_with_a_broken_body_is_still_named() -> None:
    data = bytearray(segment(4, 5))
    data[-1] ^= 1

    assert [item.key for item in scan(bytes(data)) if isinstance(item, Gap)] == [EnvelopeKey(1, 5)]


@given(st.lists(st.one_of(st.binary(max_size=80), st.just(segment(4, 5)), st.just(segment(9)[:50]))))
def test_a_scan_covers_all_bytes_once_whatever_they_are(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    at = FILE_HEADER_SIZE if file_version(data) is not None else 0

    for item in scan(data):
        assert item.start == at
        assert item.end > item.start
        at = item.end

    assert at in {len(data), FILE_HEADER_SIZE}


def test_a_damaged_record_decodes_to_none() -> None:
    record = encode_record(sealed(1, 4), None)

    assert decode_record(record[:-1], THREE) is None
    assert decode_record(record + b"x", THREE) is None
    assert decode_record(b"", THREE) is None


def pieces_of(content: bytes) -> tuple[Callable[[int, int], bytes], list[int]]:
    """What reads from it, and how much was asked for each time."""
    asked: list[int] = []

    def read(start: int, end: int) -> bytes:
        assert start <= end
        asked.append(end - start)
        return content[start:end]

    return read, asked


@given(ENVELOPES, st.integers(0, 50_000), st.integers(0, 20_000), st.integers(0, 100))
def test_a_record_is_read_as_it_lies_there_whatever_its_size(
    envelope: Envelope, payload_bytes: int, rule_bytes: int, start: int
) -> None:
    envelope = replace(envelope, rule="r" * rule_bytes, payload=bytes(payload_bytes))
    record = encode_record(envelope, None)
    read, _ = pieces_of(bytes(start) + record + b"behind")

    halves = read_record(read, start, start + len(record))

    assert b"".join(halves) == record
    assert decode_halves(halves, stream_of(envelope)) == envelope


def test_a_large_payload_is_read_on_its_own_and_a_small_record_at_once() -> None:
    large, small = (encode_record(sealed(1, 4, size=size), None) for size in (200_000, 1_000))
    (read_large, of_large), (read_small, of_small) = pieces_of(large), pieces_of(small)

    read_record(read_large, 0, len(large))
    read_record(read_small, 0, len(small))

    assert of_large == [16 * 1024, 200_000]
    assert of_small == [len(small)]


@given(st.data())
def test_a_record_that_was_cut_or_changed_in_any_place_is_damaged(data: st.DataObject) -> None:
    record = encode_record(sealed(1, 4, size=data.draw(st.sampled_from([10, 40_000]))), None)
    at = data.draw(st.integers(0, len(record) - 1))
    changed = record[:at] + bytes([record[at] ^ data.draw(st.integers(1, 255))]) + record[at + 1 :]

    for content in (record[:at], changed):
        read, _ = pieces_of(content)
        halves = read_record(read, 0, len(record))
        assert b"".join(halves) == content
        assert decode_halves(halves, THREE) is None

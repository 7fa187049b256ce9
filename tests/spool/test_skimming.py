import struct
import zlib
from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import EnvelopeKey
from edge_agent.spool.framing import Framed, Lifetime, encode_record, file_header, scan
from edge_agent.spool.naming import StreamName
from edge_agent.spool.skimming import Run, skim
from tests.spool.parts import sealed

STREAM = StreamName(3)
LIFETIMES = st.builds(Lifetime, *[st.integers(0, 2**32 - 1)] * 3, st.integers(1, 2**16 - 1))


def reader(content: bytes) -> Callable[[int, int], bytes]:
    return lambda at, size: content[at : at + size]


def segment(*records: bytes) -> bytes:
    return file_header(STREAM) + b"".join(records)


def of_version_1(seq: int, previous_seq: int | None, size: int) -> bytes:
    """A record as version 1 wrote it: the same body behind a header that is shorter."""
    record = encode_record(sealed(1, seq, size=size), previous_seq)
    fields = record[8:40]
    return struct.pack("<4sI", b"\xa9Rec", zlib.crc32(fields)) + fields + record[56:]


@given(
    st.lists(
        st.tuples(st.integers(0, 2**63), st.integers(1, 9_000), LIFETIMES, st.sampled_from((0, 1))),
        unique_by=lambda one: one[0],
        max_size=12,
    )
)
def test_headers_alone_give_what_reading_it_all_gives(found: list[tuple[int, int, Lifetime, int]]) -> None:
    found.sort()
    before = [None, *(seq for seq, *_ in found)]
    content = segment(
        *(
            encode_record(sealed(7, seq, size=size), previous_seq, lifetime, flags)
            for previous_seq, (seq, size, lifetime, flags) in zip(before, found, strict=False)
        )
    )

    skimmed = skim(reader(content), len(content))

    assert skimmed is not None
    assert list(skimmed) == list(scan(content))


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=8), st.integers(0, 8))
def test_records_of_version_1_are_read_beside_those_of_today(sizes: list[int], ones: int) -> None:
    content = segment(
        *(
            of_version_1(seq, seq or None, size) if seq < ones else encode_record(sealed(1, seq, size=size), None)
            for seq, size in enumerate(sizes)
        )
    )

    skimmed = skim(reader(content), len(content))

    assert skimmed is not None
    assert list(skimmed) == list(scan(content))


@given(st.data())
def test_one_wrong_byte_of_a_header_and_it_is_to_be_read_whole(data: st.DataObject) -> None:
    records = [encode_record(sealed(1, seq, size=3_000), None) for seq in range(4)]
    content = bytearray(segment(*records))
    starts = [16 + sum(map(len, records[:at])) for at in range(4)]
    content[data.draw(st.sampled_from(starts)) + data.draw(st.integers(0, 55))] ^= data.draw(st.integers(1, 255))

    assert skim(reader(bytes(content)), len(content)) is None


def test_a_segment_cut_anywhere_but_behind_a_record_is_to_be_read_whole() -> None:
    content = segment(*(encode_record(sealed(1, seq, size=10), None) for seq in range(3)))
    whole = {16, *(item.end for item in scan(content))}

    skimmed = {size for size in range(len(content) + 1) if skim(reader(content[:size]), size) is not None}

    assert skimmed == whole


def test_a_repeat_or_another_boot_is_to_be_judged_record_by_record() -> None:
    first, second = (encode_record(sealed(1, seq), None) for seq in (1, 2))
    for records in ((first, first), (second, first), (first, encode_record(sealed(2, 5), None))):
        content = segment(*records)
        assert skim(reader(content), len(content)) is None


def test_a_segment_of_a_later_format_is_not_skimmed() -> None:
    fields = struct.pack("<8sHBB", b"EdgSpool", 3, 3, 0)
    content = fields + struct.pack("<I", zlib.crc32(fields))

    assert skim(reader(content), len(content)) is None


def test_a_run_is_the_records_it_was_made_of() -> None:
    ends = [16, 116, 300, 301]
    records = [
        Framed(EnvelopeKey(2, seq), previous_seq, start, end, Lifetime(1, 2, 3, 4), 1)
        for seq, previous_seq, (start, end) in zip((5, 8, 9), (None, 5, 0), pairwise(ends), strict=True)
    ]

    run = Run.of(records)

    assert list(run) == records
    assert list(run[1:]) == records[1:]
    assert run[-1] == records[-1]
    assert Run.of(run) is run
    assert len(Run.of(())) == 0

from pathlib import Path

import pytest

from edge_agent.records import EnvelopeKey
from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import Framed, encode_record, file_header
from edge_agent.spool.inspection import Inspection
from edge_agent.spool.naming import SegmentName, StreamName
from tests.spool.parts import Ear, sealed

THREE = StreamName(3)
BODY_FLIPPED = -1


def record(seq: int, *, flipped: int | None = None) -> bytes:
    data = bytearray(encode_record(sealed(1, seq, size=40), seq - 1 if seq else None))
    if flipped is not None:
        data[flipped] ^= 1
    return bytes(data)


def inspected(folder: Path, *segments: bytes) -> list[list[tuple[int | None, bool]]]:
    """Of each segment its items: (sequence where it is named, whether it counts as a record)."""
    folder.mkdir(exist_ok=True)
    names = [SegmentName(THREE, number) for number in range(len(segments))]
    for name, content in zip(names, segments, strict=True):
        (folder / str(name)).write_bytes(file_header(THREE) + content)
    files = SpoolFiles(folder)
    try:
        return [
            [(item.key.seq if item.key else None, isinstance(item, Framed)) for item in one.items]
            for one in Inspection(files, Ear()).segments(names)
        ]
    finally:
        files.release()


def test_a_body_is_not_read_where_the_headers_lead_to_the_end_and_the_next_segment_goes_on(tmp_path: Path) -> None:
    found = inspected(tmp_path, record(0, flipped=BODY_FLIPPED), record(1))

    assert found == [[(0, True)], [(1, True)]]


def test_the_last_segment_is_read_whole(tmp_path: Path) -> None:
    assert inspected(tmp_path, record(0), record(1, flipped=BODY_FLIPPED)) == [[(0, True)], [(1, False)]]


def test_a_segment_whose_headers_do_not_lead_to_its_end_is_read_whole(tmp_path: Path) -> None:
    torn = record(0, flipped=BODY_FLIPPED) + record(1)[:30]

    assert inspected(tmp_path, torn, record(2)) == [[(0, False), (None, False)], [(2, True)]]


def test_a_segment_that_an_append_failed_in_is_read_whole_so_that_the_one_tried_again_counts(tmp_path: Path) -> None:
    found = inspected(tmp_path, record(0) + record(1, flipped=BODY_FLIPPED), record(1) + record(2))

    assert found == [[(0, True), (1, False)], [(1, True), (2, True)]]


def test_what_can_be_made_out_in_a_segment_of_a_newer_format_is_kept_for_the_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = SegmentName(THREE, 0)
    with monkeypatch.context() as patched:
        patched.setattr("edge_agent.spool.framing.FORMAT_VERSION", 9)
        (tmp_path / str(name)).write_bytes(file_header(THREE) + record(4))
    files = SpoolFiles(tmp_path)
    inspection = Inspection(files, log := Ear())

    assert list(inspection.segments([name])) == []

    assert inspection.newer == [EnvelopeKey(1, 4)]
    assert (tmp_path / f"{name}.v9").exists()
    assert log.alarms() == ["spool.segment_set_aside"]
    files.release()

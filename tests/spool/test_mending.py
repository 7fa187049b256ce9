from pathlib import Path

from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import Framed, encode_record, file_header, is_rewritten, scan
from edge_agent.spool.mending import cut_tail, keep_as_found, mend
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.stream import Segment
from tests.spool.parts import Ear, sealed

NAME = SegmentName(StreamName(3), 0)


def damaged(folder: Path, number: int = 0) -> tuple[Segment, bytes]:
    """A segment with noise between two records, and what its file holds."""
    content = file_header(NAME.stream) + encode_record(sealed(1, 4), None) + b"noise" + encode_record(sealed(1, 9), 4)
    name = SegmentName(NAME.stream, number)
    (folder / str(name)).write_bytes(content)
    segment = Segment(name, 1, closed=True)
    for item in scan(content):
        if isinstance(item, Framed):
            segment.add(item.key.seq, item.start, item.end)
    return segment, content


def test_a_mended_segment_holds_its_records_alone_and_says_so(tmp_path: Path) -> None:
    files = SpoolFiles(tmp_path)
    segment, _ = damaged(tmp_path)

    mend(files, [segment], Ear())

    mended = (tmp_path / str(NAME)).read_bytes()
    found = list(scan(mended))
    assert [item.key.seq for item in found if item.key] == [4, 9]
    assert [(item.start, item.end) for item in found] == [segment.span(0), segment.span(1)]
    assert is_rewritten(mended)
    files.release()


def test_a_damaged_segment_is_kept_as_it_was_found_and_the_oldest_go(tmp_path: Path) -> None:
    files = SpoolFiles(tmp_path)
    segments = [damaged(tmp_path, number)[0] for number in range(3)]
    content = damaged(tmp_path)[1]

    keep_as_found(files, segments, most_bytes=2 * len(content), log=Ear())

    kept = sorted((tmp_path / "damaged").iterdir())
    assert [path.name for path in kept] == ["0000000001-3-0000000001.seg", "0000000001-3-0000000002.seg"]
    assert kept[0].read_bytes() == content
    files.release()


def test_a_segment_that_is_gone_is_told_and_stops_nothing(tmp_path: Path) -> None:
    files = SpoolFiles(tmp_path)
    segment, _ = damaged(tmp_path)
    (tmp_path / str(NAME)).unlink()
    log = Ear()

    keep_as_found(files, [segment], most_bytes=10**6, log=log)
    mend(files, [segment], log)
    cut_tail(files, segment, 1, log)

    assert log.alarms() == ["spool.damaged_not_kept", "spool.segment_mend_failed", "spool.segment_mend_failed"]
    files.release()

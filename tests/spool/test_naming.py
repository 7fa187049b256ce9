import pytest

from edge_agent.records import Purpose, Upload
from edge_agent.spool.naming import STREAMS, SegmentName, StreamName, segment_named, stream_named

NOTED = tuple(stream._replace(purposes=Purpose(bits)) for stream in STREAMS for bits in range(16))


@pytest.mark.parametrize("stream", [*STREAMS, *NOTED])
def test_a_name_comes_back_from_its_text(stream: StreamName) -> None:
    assert stream_named(str(stream)) == stream
    assert segment_named(str(SegmentName(stream, 41))) == (SegmentName(stream, 41), "")


def test_the_texts_are_these() -> None:
    assert str(SegmentName(StreamName(3), 7)) == "3-0000000007.seg"
    assert str(SegmentName(StreamName(3, Upload.UNMETERED), 7)) == "3u-0000000007.seg"
    assert str(SegmentName(StreamName(3, Upload.ANY, Purpose(0)), 7)) == "3p0-0000000007.seg"
    assert str(SegmentName(StreamName(3, Upload.UNMETERED, Purpose.CLOUD_TELEMETRY), 7)) == "3up8-0000000007.seg"


def test_of_one_priority_what_need_not_wait_for_a_link_comes_first() -> None:
    assert [str(stream) for stream in STREAMS[:4]] == ["0", "0u", "1", "1u"]


def test_a_segment_that_was_set_aside_keeps_its_name() -> None:
    assert segment_named("3u-0000000007.seg.v9") == (SegmentName(StreamName(3, Upload.UNMETERED), 7), ".v9")


@pytest.mark.parametrize(
    "text", ["state.json", "10-0000000007.seg", "3x-0000000007.seg", "3-7.seg", "3-0000000007.segs"]
)
def test_another_file_is_no_segment(text: str) -> None:
    assert segment_named(text) is None
    assert stream_named(text) is None

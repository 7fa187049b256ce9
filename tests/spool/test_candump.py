import gzip
from pathlib import Path

import can
import numpy as np
import pytest

from edge_agent.records import EXTENDED_ID, FrameFlag, Frames
from edge_agent.spool.candump import candump

NOON_NS = 1_788_264_000_123_456_789
Row = tuple[int, int, int, int, bytes]
ROWS: tuple[Row, ...] = (
    (NOON_NS, 0, 0x1A0, 0, bytes(range(8))),
    (NOON_NS + 1000, 1, 0x18FEF100 | EXTENDED_ID, 0, b"\xff"),
    (NOON_NS + 2000, 0, 0x7FF, FrameFlag.REMOTE, b""),
    (NOON_NS + 3000, 0, 0x12, FrameFlag.FD, b"\x01" * 64),
    (NOON_NS + 4000, 0, 0x80, FrameFlag.ERROR, bytes(8)),
    (NOON_NS + 5000, 1, 0x12 | EXTENDED_ID, 0, b""),
)


def frames(*rows: Row) -> Frames:
    t_ns, bus, can_id, flags, data = zip(*rows, strict=True)
    return Frames(
        np.array(t_ns, np.int64),
        np.array(bus, np.uint8),
        np.array(can_id, np.uint32),
        np.array(flags, np.uint8),
        np.array([len(one) for one in data], np.uint16),
        np.array([list(one.ljust(64, b"\0")) for one in data], np.uint8),
    )


def lines(*rows: Row) -> list[str]:
    return gzip.decompress(candump(frames(*rows), ["can0", "the body"])).decode().splitlines()


def test_a_line_is_what_candump_logs() -> None:
    assert lines(*ROWS) == [
        "(1788264000.123456) can0 1A0#0001020304050607",
        "(1788264000.123457) the_body 18FEF100#FF",
        "(1788264000.123458) can0 7FF#R",
        f"(1788264000.123459) can0 012##0{'01' * 64}",
        "(1788264000.123460) can0 20000080#0000000000000000",
        "(1788264000.123461) the_body 00000012#",
    ]


def test_equal_frames_give_equal_bytes() -> None:
    assert candump(frames(*ROWS), ["a", "b"]) == candump(frames(*ROWS), ["a", "b"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning:can")
def test_another_reader_of_candump_logs_reads_the_same_frames(tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_bytes(gzip.decompress(candump(frames(*ROWS), ["can0", "can1"])))

    with can.CanutilsLogReader(path) as reader:
        found = list(reader)

    assert [
        (one.channel, one.arbitration_id, one.is_extended_id, one.is_remote_frame, one.is_fd, one.is_error_frame)
        for one in found
        if not one.is_error_frame
    ] == [
        ("can0", 0x1A0, False, False, False, False),
        ("can1", 0x18FEF100, True, False, False, False),
        ("can0", 0x7FF, False, True, False, False),
        ("can0", 0x12, False, False, True, False),
        ("can1", 0x12, True, False, False, False),
    ]
    assert [bytes(one.data) for one in found if not one.is_error_frame] == [
        row[4] for row in ROWS if not row[3] & FrameFlag.ERROR
    ]
    assert sum(one.is_error_frame for one in found) == 1

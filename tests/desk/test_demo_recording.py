import threading
from pathlib import Path

import pytest

from edge_agent.desk.demo_recording import LOOK_FRAMES, recorded_frames
from edge_agent.errors import LogRefused

FRAME = "({}.0) can0 110#0102030405060708\n"
ERROR = "({}.0) can0 20000080#0000000000000000\n"


def test_error_frames_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "drive.log").write_text(FRAME.format(1) + ERROR.format(2) + FRAME.format(3))

    assert [frame.t_ns for frame in recorded_frames(tmp_path / "drive.log", threading.Event())] == [10**9, 3 * 10**9]


def test_a_recording_of_error_frames_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "drive.log").write_text(ERROR.format(1))
    with pytest.raises(LogRefused, match=r"drive\.log: only error frames are in it"):
        recorded_frames(tmp_path / "drive.log", threading.Event())


def test_it_is_read_no_further_once_it_is_to_stop(tmp_path: Path) -> None:
    (tmp_path / "drive.log").write_text("".join(FRAME.format(n) for n in range(1, 3 * LOOK_FRAMES)))
    stop = threading.Event()
    assert len(recorded_frames(tmp_path / "drive.log", stop)) == 3 * LOOK_FRAMES - 1
    stop.set()
    assert len(recorded_frames(tmp_path / "drive.log", stop)) == LOOK_FRAMES

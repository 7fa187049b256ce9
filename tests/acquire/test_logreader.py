import gzip
import itertools
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import can
import pytest

from edge_agent.acquire.block import Frame
from edge_agent.acquire.logreader import read_log
from edge_agent.acquire.pythoncan import frame_of
from edge_agent.errors import LogRefused
from edge_agent.records import EXTENDED_ID, FrameFlag

LOGS = Path(__file__).parents[2].parent / "shared" / "data" / "logs"

TEXT = [".log", ".asc", ".csv", ".trc"]
ALL = [*TEXT, ".blf", ".db"]


def messages(*, start_s: float = 0.0) -> list[can.Message]:
    """Twelve plain frames, 10 ms apart, of both kinds of id and all lengths."""
    return [
        can.Message(
            timestamp=round(start_s + number / 100, 6),
            arbitration_id=0x18FEF100 + number if number % 4 == 0 else 0x100 + number,
            is_extended_id=number % 4 == 0,
            data=bytes(range(1, 1 + number % 9)),
            channel=0,
        )
        for number in range(12)
    ]


def written(path: Path, sent: Sequence[can.Message]) -> Path:
    """A log as python-can's own recorder writes it."""
    with can.Logger(path) as logger:
        for message in sent:
            logger(message)
    return path


def read(path: Path) -> list[Frame]:
    return list(read_log(path))


def read_on(path: Path) -> tuple[list[Frame], LogRefused | None]:
    """What a log gives before it is refused, if it is."""
    found: list[Frame] = []
    try:
        for frame in read_log(path):
            found.append(frame)  # noqa: PERF402  what came before the refusal counts
    except LogRefused as refused:
        return found, refused
    return found, None


def content(frame: Frame) -> tuple[int, int, bytes]:
    return frame.can_id, frame.length, frame.data


@pytest.mark.parametrize("suffix", ALL)
def test_a_log_of_every_format_is_read_as_it_was_recorded(tmp_path: Path, suffix: str) -> None:
    sent = messages(start_s=1_700_000_000.25)
    found = read(written(tmp_path / f"drive{suffix}", sent))

    assert [content(frame) for frame in found] == [content(frame_of(message, 0)) for message in sent]
    steps_ns = [after.t_ns - before.t_ns for before, after in itertools.pairwise(found)]
    # python-can's recorder itself takes a .blf's nanoseconds from the difference of two floats.
    assert steps_ns == pytest.approx([10_000_000] * 11, abs=1000 if suffix == ".blf" else 0)
    # A .trc says when it starts as a float of days, which is rounded to a microsecond.
    assert found[0].t_ns == pytest.approx(1_700_000_000_250_000_000, abs=1000 if suffix == ".trc" else 0)


@pytest.mark.parametrize("suffix", [*TEXT, ".blf"])
def test_a_zipped_log_is_read_as_the_plain_one(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"drive{suffix}", messages())
    zipped = tmp_path / f"drive{suffix}.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))

    assert read(zipped) == read(path)


def test_a_suffix_is_known_in_capitals_too(tmp_path: Path) -> None:
    (tmp_path / "DRIVE.LOG").write_text("(1.000000) can0 123#00\n")

    assert len(read(tmp_path / "DRIVE.LOG")) == 1


@pytest.mark.parametrize("suffix", [".asc", ".blf"])
def test_can_fd_frames_keep_their_64_bytes(tmp_path: Path, suffix: str) -> None:
    sent = [can.Message(arbitration_id=1, is_fd=True, data=bytes(size), channel=0) for size in (1, 12, 64)]
    found = read(written(tmp_path / f"drive{suffix}", sent))

    assert [(frame.length, frame.flags) for frame in found] == [(size, FrameFlag.FD) for size in (1, 12, 64)]


def test_candump_frames_of_every_kind_get_their_flags(tmp_path: Path) -> None:
    path = tmp_path / "drive.log"
    path.write_text(
        "(1.000000) can0 123#0102\n"
        "(1.000001) can0 00000123#0102\n"
        "(1.000002) can0 123#R4\n"
        "(1.000003) can0 123##1000102030405060708090A0B\n"
        "(1.000004) can0 20000080#0000000000000000\n"
        "(1.000005) can0 20000004#0004000000000000\n"
        "\n"
        "(1.000006) can0 123# T\n"
    )

    assert [(frame.can_id, frame.flags, frame.length) for frame in read(path)[:4]] == [
        (0x123, 0, 2),
        (EXTENDED_ID | 0x123, 0, 2),
        (0x123, FrameFlag.REMOTE, 4),
        (0x123, FrameFlag.FD, 12),
    ]
    assert [frame.flags for frame in read(path)[4:]] == [FrameFlag.ERROR, FrameFlag.ERROR, 0]


def test_trc_can_fd_lengths_are_bytes_and_not_codes(tmp_path: Path) -> None:
    path = tmp_path / "drive.trc"
    path.write_text(
        ";$FILEVERSION=2.0\n;$STARTTIME=43008.920986006946\n;$COLUMNS=N,O,T,I,d,l,D\n"
        f"      1      1059.900 FD     0300 Rx 32  {' '.join(['AB'] * 32)}\n"
    )

    assert [(frame.length, frame.flags) for frame in read(path)] == [(32, FrameFlag.FD)]


def test_the_first_frame_after_a_short_asc_header_is_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "drive.asc"
    path.write_text(
        "date Thu Nov 9 20:36:33 2023\nbase hex  timestamps absolute\n"
        "   0.010000 1  123             Rx   d 2 01 02\n   0.020000 1  124             Rx   d 2 01 02\n"
    )

    assert [frame.can_id for frame in read(path)] == [0x123, 0x124]


def test_channels_of_a_log_become_buses_and_others_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "drive.log"
    path.write_text("(1.0) can0 100#\n(1.1) can3 101#\n(1.2) can1 102#\n(1.3) 7 103#\n")

    assert [(frame.can_id, frame.bus) for frame in read_log(path, {"can3": 0, "can1": 2, "7": 1})] == [
        (0x101, 0),
        (0x102, 2),
        (0x103, 1),
    ]


def test_a_log_without_any_of_the_channels_names_those_it_has(tmp_path: Path) -> None:
    path = tmp_path / "drive.log"
    path.write_text("(1.0) can3 100#\n(1.1) can2 101#\n")

    with pytest.raises(LogRefused, match="no frame is of the channels can0; the log has can2, can3"):
        list(read_log(path, {"can0": 0}))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.log", "", "no frame in it"),
        ("a.log", "\n\n", "no frame in it"),
        ("a.asc", "date x\nbase hex timestamps absolute\nEnd TriggerBlock\n", "no frame in it"),
        ("a.csv", "timestamp,arbitration_id,extended,remote,error,dlc,data\n", "no frame in it"),
        ("a.blf", "", "the file is cut off|not as its format says"),
        ("a.txt", "(1.0) can0 1#\n", r"no known log format: \.txt, known are \.log"),
        ("a", "(1.0) can0 1#\n", "no known log format: no suffix"),
        ("a.mdf", "MDF", r"no known log format: \.mdf"),
        ("a.db.gz", "", r"no known log format: \.db"),
        ("a.log.gz", "(1.0) can0 1#\n", "Not a gzipped file"),
        ("a.blf", "no binary log at all" * 40, "not as its format says .*Unexpected file format"),
        ("a.log", "(1.0) can0 1#\n(1.1) can0\n", r"line 2: not as candump -L writes a \.log \(after 1 frames\)"),
        ("a.log", "(1.0) can0 1#\n\n(1.1) can0 1#0G\n", r"line 3: not as candump -L writes a \.log \(after 1 frames\)"),
        ("a.log", "(1.0) can0 100#112\n", "line 1: 2 data bytes where 1 are announced"),
        ("a.log", "(1.0) can0 100#010203040506070809\n", "line 1: 9 data bytes, at most 8 fit"),
        ("a.log", "(1.0) can0 FFF#00\n", "line 1: FFF is no arbitration id"),
        ("a.log", "(nan) can0 100#00\n", "line 1: nan is no time"),
        ("a.log", "(1e300) can0 100#00\n", "line 1: 1e.300 is no time"),
        ("a.csv", "header\n1.0,0x1,0,0,0,8,AAAA\n", "line 2: 3 data bytes where 8 are announced"),
        (
            "a.csv",
            "header\n1.0,0x7,0,0,0,1,AA==\n2.0,0x1,0\n",
            r"line 3: not as python-can writes a \.csv \(timestamp,.*\(after 1 frames\)",
        ),
        ("a.asc", "base hex\n   0.1 1  123  Rx   d 8 01 02\n", "line 2: 2 data bytes where 8 are announced"),
        (
            "a.asc",
            "base hex\n   0.1 1  123  Rx   d 1 02\n   0.2 1  12",
            r"the last line is not whole \(after 1 frames\)",
        ),
        (
            "a.trc",
            ";$FILEVERSION=1.1\n;$STARTTIME=43008.9\n  1)  10.0 Rx  0100  8 01 02\n",
            "line 3: .*Failed to parse",
        ),
        (
            "a.trc",
            ";$FILEVERSION=2.0\n;$STARTTIME=43008.9\n 1 10.0 DT 0100 Rx 1 01\n",
            "line 3: not as PEAK's tools write",
        ),
        ("a.trc", "", ": no frame in it"),
        ("a.trc", ";$FILEVERSION=1.1\n;$STARTTIME=43008.9\n;---\n", ": no frame in it"),
        ("a.asc", "base hex\n   0.1 1  12G  Rx   d 1 02\n", r"line 2: not as Vector's tools write an \.asc"),
        ("a.trc", "  1)  10.0  0100  2  01 02\n  2)  11.0  01", r"line 2: .*Failed to parse.* \(after 1 frames\)"),
    ],
)
def test_a_log_that_cannot_be_read_is_refused_with_its_path_the_place_and_the_reason(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(LogRefused, match=sentence) as caught:
        read(tmp_path / name)

    assert caught.value.path == str(tmp_path / name)


@pytest.mark.parametrize("suffix", [".log", ".blf", ".db", ".log.gz"])
def test_a_missing_log_is_refused_and_not_created(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LogRefused, match="No such file"):
        read(tmp_path / f"absent{suffix}")

    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "a.log").mkdir()

    with pytest.raises(LogRefused, match="Is a directory"):
        read(tmp_path / "a.log")


def test_a_database_without_the_table_of_a_log_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table other (x)")
    connection.close()

    with pytest.raises(LogRefused, match="no such table"):
        read(tmp_path / "a.db")


@pytest.mark.skipif(find_spec("asammdf") is not None, reason="asammdf is here")
@pytest.mark.parametrize("name", ["drive.mf4", "DRIVE.MF4"])
def test_an_mf4_log_without_the_extra_says_which_to_install(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"MDF     4.10    ")

    with pytest.raises(LogRefused, match=r"logs need asammdf: pip install 'edge-agent\[mf4\]'"):
        read(path)


@pytest.mark.parametrize("suffix", [".blf", ".blf.gz", ".log.gz", ".asc.gz", ".db"])
def test_a_log_cut_anywhere_is_refused_and_what_came_before_is_right(tmp_path: Path, suffix: str) -> None:
    sent = messages()
    plain = written(tmp_path / f"drive{suffix.removesuffix('.gz')}", sent)
    whole = gzip.compress(plain.read_bytes()) if suffix.endswith(".gz") else plain.read_bytes()
    cut_path = tmp_path / f"cut{suffix}"
    # The last bytes of a .blf are padding of its last object.
    for size in range(0, len(whole) - 4, 1 if len(whole) < 2000 else 97):
        cut_path.write_bytes(whole[:size])
        found, refused = read_on(cut_path)
        assert refused is not None, size
        assert refused.frames_read == len(found)
        assert [content(frame) for frame in found] == [content(frame_of(one, 0)) for one in sent[: len(found)]]


@pytest.mark.parametrize("suffix", TEXT)
def test_a_text_log_that_an_editor_has_marked_as_utf_8_and_ended_lines_as_windows_does_is_read(
    tmp_path: Path, suffix: str
) -> None:
    sent = messages()
    path = written(tmp_path / f"drive{suffix}", sent)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    assert [content(frame) for frame in read(path)] == [content(frame_of(one, 0)) for one in sent]


def test_of_a_zipped_log_that_was_cut_nothing_is_lost_that_can_be_unzipped(tmp_path: Path) -> None:
    whole = gzip.compress(written(tmp_path / "drive.log", messages() * 200).read_bytes(), 1)
    cut = tmp_path / "cut.log.gz"
    cut.write_bytes(whole[: len(whole) - 100])

    found, refused = read_on(cut)

    assert refused is not None
    assert len(found) == zlib.decompressobj(31).decompress(cut.read_bytes()).count(b"\n")


@pytest.mark.parametrize("suffix", TEXT)
def test_a_text_log_cut_anywhere_gives_no_wrong_frame_but_the_last(tmp_path: Path, suffix: str) -> None:
    """A line of candump text cut between two data bytes is a whole line of a shorter frame: nobody can tell."""
    sent = messages()
    whole = written(tmp_path / f"drive{suffix}", sent).read_bytes()
    for size in range(len(whole)):
        cut_path = tmp_path / f"cut{suffix}"
        cut_path.write_bytes(whole[:size])
        found, refused = read_on(cut_path)
        right = [content(frame_of(one, 0)) for one in sent[: len(found)]]
        sure = len(found) if refused else len(found) - 1
        assert [content(frame) for frame in found[:sure]] == right[:sure]


def test_a_blf_cut_between_two_objects_is_refused_by_what_its_header_says(tmp_path: Path) -> None:
    sent = messages() * 2000
    whole = written(tmp_path / "drive.blf", sent).read_bytes()
    second = whole.index(b"LOBJ", whole.index(b"LOBJ") + 4)
    (tmp_path / "cut.blf").write_bytes(whole[:second])

    with pytest.raises(LogRefused, match=f"its header says {len(whole)} bytes, it has {second}"):
        read(tmp_path / "cut.blf")


def test_a_complaint_on_another_log_does_not_end_this_one(tmp_path: Path) -> None:
    good = read_log(written(tmp_path / "good.log", messages()))
    next(good)
    (tmp_path / "bad.trc").write_text("  1)  10.0  0100  2  01 02\n  2)  11.0  01")
    with pytest.raises(LogRefused):
        read(tmp_path / "bad.trc")

    assert len(list(good)) == 11


def test_closing_a_log_early_closes_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "drive.log", messages())
    frames = read_log(path)
    next(frames)
    frames.close()

    assert not [fd for fd in Path("/proc/self/fd").iterdir() if fd.exists() and fd.resolve() == path]


@pytest.mark.skipif(not LOGS.exists(), reason=f"recorded logs are not in {LOGS}")
@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("toyota_auris/accel.log", 3028),
        ("tesla_model3_kuksa/it-candump0.log", 10_000),
        ("savvycan_multiformat/candump.log", 12_974),
        ("hyundai_kona_ev_2021/bms_idle_log_no_diagnostic_function_selected_30sec.asc", 5934),
    ],
)
def test_a_recorded_drive_gives_every_line_that_is_a_frame(name: str, frames: int) -> None:
    assert len(read(LOGS / name)) == frames


@pytest.mark.skipif(not LOGS.exists(), reason=f"recorded logs are not in {LOGS}")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("BusMasterLog.log", "line 1: not as candump -L writes a .log"),
        ("MicrochipLog.log", "line 1: not as candump -L writes a .log"),
        ("GVRET_Log.csv", "line 2: not as python-can writes a .csv (timestamp,arbitration_id,"),
        ("GenericID_Log.csv", "line 2: not as python-can writes a .csv (timestamp,arbitration_id,"),
        ("CarBusAnalyzer.trc", "line 1: not as PEAK's tools write a .trc"),
    ],
)
def test_another_tools_format_under_a_known_suffix_is_refused_at_its_line(name: str, sentence: str) -> None:
    with pytest.raises(LogRefused, match=re.escape(f"{name}: {sentence}")):
        read(LOGS / "savvycan_multiformat" / name)


def test_how_many_frames_each_channel_has_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "drive.log"
    path.write_text("(1.0) can3 100#\n(1.1) can2 101#\n(1.2) can3 100#\n")
    all_of_it, of_one = Counter[str](), Counter[str]()

    assert len(list(read_log(path, counts=all_of_it))) == 3
    assert len(list(read_log(path, {"can3": 0}, of_one))) == 2
    assert (all_of_it, of_one) == ({"can2": 1, "can3": 2}, {"can3": 2})

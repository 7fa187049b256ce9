"""A recorded frame's time is what its file says, to the nanosecond: files written by hand, times drawn at random."""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import can
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.acquire.logreader import read_log
from edge_agent.errors import LogRefused
from tests.journey.recordings import LOGS, recorded

S, MS, US = 10**9, 10**6, 10**3
DAY_NS = 86_400 * S
END_NS = 2**63
EXACT_DAYS = 97
TEN_MICROSECONDS, NANOSECONDS = 1, 2
"""the units of a .blf's times, by the flags of its objects"""

Times = st.lists(st.integers(0, END_NS - 1), min_size=1, max_size=5)
SinceStart = st.lists(st.integers(0, EXACT_DAYS * DAY_NS - 1), min_size=1, max_size=5)
"""in nanoseconds; each format writes those digits of it that it has"""
StartsMs = st.integers(0, 4_000_000_000_000)


def read(suffix: str, content: str | bytes) -> list[int]:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"drive{suffix}")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return [frame.t_ns for frame in read_log(path)]


def decimals(number_ns: int, unit_ns: int, digits: int) -> str:
    return f"{Decimal(number_ns) / unit_ns:.{digits}f}"


def cut(times_ns: Sequence[int], step_ns: int) -> list[int]:
    """Times that a format with this step can say."""
    return [t_ns // step_ns * step_ns for t_ns in times_ns]


@given(Times, st.integers(0, 9))
@example([1_700_000_000_123_456_789], 9)
@example([1_700_000_000_123_456_000], 6)
def test_a_candump_keeps_every_digit(times_ns: list[int], digits: int) -> None:
    times_ns = cut(times_ns, 10 ** (9 - digits))
    lines = [f"({decimals(t_ns, S, digits)}) can0 100#01\n" for t_ns in times_ns]

    assert read(".log", "".join(lines)) == times_ns


@given(Times, st.integers(0, 9))
def test_a_csv_keeps_every_digit(times_ns: list[int], digits: int) -> None:
    times_ns = cut(times_ns, 10 ** (9 - digits))
    lines = [f"{decimals(t_ns, S, digits)},0x100,0,0,0,1,AA==\n" for t_ns in times_ns]

    assert read(".csv", "".join(["timestamp\n", *lines])) == times_ns


def test_a_csv_with_an_exponent_as_python_writes_it_is_read() -> None:
    assert read(".csv", f"timestamp\n{1.5e-07!r},0x100,0,0,0,1,AA==\n") == [150]


ASC_DATES = {
    "Thu Nov 9 20:36:33 2023": datetime(2023, 11, 9, 20, 36, 33),  # noqa: DTZ001  local, as the format is
    "Sam Sep 30 03:06:13.191 pm 2017": datetime(2017, 9, 30, 15, 6, 13, 191_000),  # noqa: DTZ001
}


def asc(date: str, times_ns: Sequence[int], digits: int, *, kind: str = "absolute") -> str:
    return "".join(
        [
            f"date {date}\nbase hex  timestamps {kind}\ninternal events logged\n",
            *(f" {decimals(t_ns, S, digits)} 1  100             Rx   d 1 01\n" for t_ns in times_ns),
        ]
    )


@given(SinceStart, st.integers(1, 9), st.sampled_from(sorted(ASC_DATES)))
def test_an_asc_keeps_every_digit_after_its_date_in_local_time(times_ns: list[int], digits: int, date: str) -> None:
    times_ns = cut(times_ns, 10 ** (9 - digits))
    start_ns = round(ASC_DATES[date].timestamp() * 1000) * MS

    assert read(".asc", asc(date, times_ns, digits)) == [start_ns + t_ns for t_ns in times_ns]


@given(SinceStart)
def test_times_of_an_asc_that_count_from_the_line_before_are_added_up(steps_ns: list[int]) -> None:
    (date, begun), *_ = ASC_DATES.items()
    start_ns = round(begun.timestamp() * 1000) * MS

    assert read(".asc", asc(date, steps_ns, 9, kind="relative")) == [
        start_ns + sum(steps_ns[: i + 1]) for i in range(len(steps_ns))
    ]


@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_an_asc_with_a_date_as_in_a_mail_counts_from_it_in_its_own_zone(kind: str) -> None:
    for date in ("Thu, 09 Nov 2023 20:36:33 GMT", "Thu, 09 Nov 2023 22:36:33 +0200"):
        assert read(".asc", asc(date, [1_000_000_001], 9, kind=kind)) == [1_699_562_194_000_000_001]


def test_an_asc_with_a_date_as_in_a_mail_has_the_base_that_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "drive.asc"
    path.write_text("date Thu, 09 Nov 2023 20:36:33 GMT\nbase dec  timestamps absolute\n   0.1 1  291  Rx   d 1 16\n")

    [frame] = read_log(path)

    assert (frame.can_id, frame.data) == (291, bytes([16]))


@pytest.mark.parametrize("date", ["Thu, the 9th", "Sam Sep 30 15:06:13.191 PM 2017", "yesterday"])
def test_an_asc_with_a_date_that_nobody_understands_counts_from_0(date: str) -> None:
    assert read(".asc", asc(date, [1_000_000_001], 9)) == [1_000_000_001]


TRC_HEADS = {
    ";$FILEVERSION=1.1\n;$STARTTIME={days}\n": "  1)  {ms} Rx  0100  1  01\n",
    ";$FILEVERSION=1.3\n;$STARTTIME={days}\n": "  1)  {ms} 1  Rx  0100  -  1  01\n",
    ";$FILEVERSION=2.0\n;$STARTTIME={days}\n;$COLUMNS=N,O,T,I,d,l,D\n": "  1  {ms} DT  0100 Rx 1  01\n",
    ";$FILEVERSION=2.1\n;$STARTTIME={days}\n;$COLUMNS=O,T,B,I,d,R,L,D\n": "  {ms} DT 1  0100 Rx -  1  01\n",
}


@given(SinceStart, st.integers(0, 6), st.floats(36_525, 73_000), st.sampled_from(sorted(TRC_HEADS)))
def test_a_trc_keeps_every_digit_after_its_start_to_the_microsecond(
    times_ns: list[int], digits: int, days: float, head: str
) -> None:
    times_ns = cut(times_ns, 10 ** (6 - digits))
    lines = [TRC_HEADS[head].format(ms=decimals(t_ns, MS, digits)) for t_ns in times_ns]
    start = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(days=days) - datetime(1970, 1, 1, tzinfo=UTC)

    assert read(".trc", "".join([head.format(days=repr(days)), *lines])) == [
        start // timedelta(microseconds=1) * US + t_ns for t_ns in times_ns
    ]


@given(SinceStart, st.integers(0, 6))
def test_a_trc_without_a_version_counts_from_0(times_ns: list[int], digits: int) -> None:
    times_ns = cut(times_ns, 10 ** (6 - digits))
    lines = [f"  1)  {decimals(t_ns, MS, digits)}  0100  1  01\n" for t_ns in times_ns]

    assert read(".trc", "".join(lines)) == times_ns


def blf(start_ms: int, stamps: Sequence[int], unit: int) -> bytes:
    """A .blf with one container, and in it one classic frame for each stamp."""
    frames = b"".join(
        struct.pack("<4sHHLL LHHQ HBBL8s", b"LOBJ", 32, 1, 48, 1, unit, 0, 0, stamp, 1, 0, 8, 0x100, bytes(8))
        for stamp in stamps
    )
    container = struct.pack("<4sHHLL H6xL4x", b"LOBJ", 16, 1, 32 + len(frames), 10, 0, len(frames)) + frames
    start = datetime.fromtimestamp(start_ms // 1000, UTC)
    date = (start.year, start.month, 0, start.day, start.hour, start.minute, start.second, start_ms % 1000)
    size = 144 + len(container)
    head = struct.pack("<4sL8B QQLL 8H8H", b"LOGG", 144, *bytes(8), size, size, len(stamps), 0, *date, *date)
    return head.ljust(144, b"\0") + container


@given(StartsMs, SinceStart)
@example(1_700_000_000_123, [EXACT_DAYS * DAY_NS - 1, 4_194_304_000_000_003])
def test_a_blf_in_nanoseconds_keeps_them_for_97_days_of_one_measurement(start_ms: int, times_ns: list[int]) -> None:
    assert read(".blf", blf(start_ms, times_ns, NANOSECONDS)) == [start_ms * MS + t_ns for t_ns in times_ns]


@given(StartsMs, st.lists(st.integers(0, EXACT_DAYS * DAY_NS // (10 * US)), min_size=1, max_size=5))
def test_a_blf_in_tens_of_microseconds_keeps_them(start_ms: int, stamps: list[int]) -> None:
    assert read(".blf", blf(start_ms, stamps, TEN_MICROSECONDS)) == [
        start_ms * MS + stamp * 10 * US for stamp in stamps
    ]


def test_a_blf_without_a_date_counts_from_0() -> None:
    content = bytearray(blf(0, [1_000_000_001], NANOSECONDS))
    content[40:56] = bytes(16)

    assert read(".blf", bytes(content)) == [1_000_000_001]


@pytest.mark.parametrize("stamp", [2**63, 2**64 - 1, 2**63 - 1_000_000])
def test_a_blf_with_a_time_beyond_the_calendar_is_refused(stamp: int) -> None:
    with pytest.raises(LogRefused, match="is no time"):
        read(".blf", blf(1_700_000_000_000, [stamp], NANOSECONDS))


@given(st.lists(st.integers(0, 2**32 * MS), min_size=1, max_size=5))
def test_a_database_keeps_whole_microseconds(times_us: list[int]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "drive.db")
        with can.SqliteWriter(path) as writer:
            for t_us in times_us:
                writer.on_message_received(can.Message(timestamp=t_us / 1e6, data=b"a"))

        assert [frame.t_ns for frame in read_log(path)] == [t_us * US for t_us in times_us]


DATED_S = 1_699_561_767
"""Thu, 09 Nov 2023 20:29:27 GMT"""


@pytest.mark.skipif(not LOGS.is_dir(), reason=f"recorded logs are not in {LOGS}")
@pytest.mark.parametrize(
    "name",
    [
        "toyota_auris/accel.log",
        "tesla_model3_kuksa/it-candump0.log",
        "hyundai_kona_ev_2021/221217-1-2021-pcan-bcan-no-key.log",
        "hyundai_kona_ev_2021/bms_main_relay_on.asc",
    ],
)
def test_times_of_a_recorded_drive_are_those_of_its_text_and_python_cans_to_a_microsecond(name: str) -> None:
    found = [frame.t_ns for frame in read_log(LOGS / name)]
    theirs = [message.timestamp for message in can.LogReader(LOGS / name)]
    if name.endswith(".asc"):  # python-can counts from the start, unless it is asked
        theirs = [DATED_S + timestamp_s for timestamp_s in theirs]

    assert found == [frame.t_ns for frame in recorded(LOGS / name)]
    assert all(abs(t_ns - timestamp_s * 1e9) < US for t_ns, timestamp_s in zip(found, theirs, strict=True))

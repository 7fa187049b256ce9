import asyncio
import itertools
from pathlib import Path

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.block import Frame
from edge_agent.acquire.log import BLOCK_FRAMES, LogFile, Tick, ticks_of
from edge_agent.acquire.pace import LATE_NS
from edge_agent.clock import SystemClock
from edge_agent.errors import LogRefused
from edge_agent.records import ClockQuality, FrameBlock
from tests.acquire.told import Told, frames_in

MS = 1_000_000
S = 1000 * MS
LOGS = Path(__file__).parents[2].parent / "shared" / "data" / "logs"


def at(t_ns: int) -> Frame:
    return Frame(t_ns, 0, 0x100, 0, 1, b"\x01")


def ticks(*times_ns: int) -> list[Tick]:
    return list(ticks_of(map(at, times_ns), 50 * MS, S))


def times(tick: Tick) -> list[int]:
    return [frame.t_ns for frame in tick.frames]


def written(path: Path, times_s: list[float]) -> Path:
    path.write_text("".join(f"({time_s:.6f}) can0 100#01\n" for time_s in times_s))
    return path


async def read(path: Path, *, told: Told | None = None, speed: float = 0.0) -> list[FrameBlock]:
    return [block async for block in LogFile(path, log=told or Told(), clock=SystemClock(), speed=speed).blocks()]


def test_a_tick_ends_by_the_logs_time_and_says_up_to_when_it_was_read() -> None:
    first, second = ticks(0, 49 * MS, 50 * MS, 60 * MS)

    assert (times(first), first.until_ns) == ([0, 49 * MS], 50 * MS)
    assert (times(second), second.until_ns) == ([50 * MS, 60 * MS], 60 * MS)


def test_a_tick_ends_at_a_thousand_frames() -> None:
    found = ticks(*range(2500))

    assert [len(tick.frames) for tick in found] == [BLOCK_FRAMES, BLOCK_FRAMES, 500]
    assert [tick.until_ns for tick in found] == [999, 1999, 2499]


def test_silence_gives_an_empty_tick_each_second_so_that_time_goes_on() -> None:
    found = ticks(0, 3 * S)

    assert [(times(tick), tick.until_ns) for tick in found] == [
        ([0], 50 * MS),
        ([], 1050 * MS),
        ([], 2050 * MS),
        ([3 * S], 3 * S),
    ]


def test_silence_after_a_full_tick_is_filled_too() -> None:
    found = ticks(*range(BLOCK_FRAMES), 3 * S)

    assert [len(tick.frames) for tick in found] == [BLOCK_FRAMES, 0, 0, 1]


def test_a_frame_a_little_late_joins_its_tick_and_an_older_one_begins_a_new_tick() -> None:
    found = ticks(20 * MS, 40 * MS, 30 * MS, 10 * MS, 15 * MS)

    assert [times(tick) for tick in found] == [[20 * MS, 40 * MS, 30 * MS], [10 * MS, 15 * MS]]


def test_a_clock_that_jumps_years_ahead_or_back_is_followed_and_not_filled() -> None:
    year_ns = 365 * 24 * 3600 * S

    assert [times(tick) for tick in ticks(0, 50 * year_ns, S)] == [[0], [50 * year_ns], [S]]


@given(st.lists(st.integers(0, 2 * S), max_size=200), st.integers(1, 100))
def test_cutting_loses_no_frame_and_keeps_file_order_and_no_tick_is_longer_than_a_tick(
    times_ns: list[int], tick_ms: int
) -> None:
    found = list(ticks_of(map(at, times_ns), tick_ms * MS, S))

    assert list(itertools.chain.from_iterable(map(times, found))) == times_ns
    for tick in found:
        assert all(tick.frames[0].t_ns <= t_ns < tick.frames[0].t_ns + tick_ms * MS for t_ns in times(tick))
        assert all(t_ns <= tick.until_ns for t_ns in times(tick))


async def test_the_end_of_a_log_is_told_with_its_frames(tmp_path: Path) -> None:
    told = Told()
    path = written(tmp_path / "drive.log", [0.0, 0.1, 0.2])
    found = await read(path, told=told)

    assert told.lines == [("info", "acquire.log_ended", {"path": str(path), "frames": 3})]
    assert [len(block) for block in found] == [1, 1, 1]
    assert {block.clock for block in found} == {ClockQuality.RECORDED}


async def test_until_goes_back_with_the_recorders_clock_but_not_for_a_late_frame(tmp_path: Path) -> None:
    late = await read(written(tmp_path / "late.log", [100.0, 99.9]))
    found = await read(written(tmp_path / "drive.log", [100.0, 40.0, 40.1]))

    assert [block.until_ns + LATE_NS for block in late] == [100 * S, 100 * S]
    assert [block.until_ns + LATE_NS for block in found] == [100 * S, 40 * S + 100 * MS, 40 * S + 100 * MS]
    assert [int(block.t_ns[0]) for block in found] == [100 * S, 40 * S, 40 * S + 100 * MS]


async def test_a_log_that_cannot_be_read_on_gives_its_frames_before_it_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "drive.log", [0.0, 0.1])
    with path.open("a") as file:
        file.write("(0.2) can0\n")
    told, found = Told(), []
    with pytest.raises(LogRefused, match="line 3"):  # noqa: PT012  what came before the refusal counts
        async for block in LogFile(path, log=told, clock=SystemClock()).blocks():
            found.append(block)  # noqa: PERF401  likewise

    assert sum(map(len, found)) == 2
    assert not told.lines


async def test_at_twice_the_speed_a_second_takes_half_a_second(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    await read(written(tmp_path / "drive.log", [0.0, 0.25, 0.5]), speed=2)

    # The first block is due at once, though it covers a tick.
    assert 0.2 <= loop.time() - begun_s < 2.0


async def test_a_sqlite_log_is_closed_on_the_thread_that_opened_it(tmp_path: Path) -> None:
    with can.SqliteWriter(tmp_path / "drive.db") as writer:
        for number in range(50):
            writer.on_message_received(can.Message(timestamp=float(number), arbitration_id=number))

    source = LogFile(tmp_path / "drive.db", log=Told(), clock=SystemClock()).blocks()
    await anext(source)
    await source.aclose()

    assert sum(map(len, await read(tmp_path / "drive.db"))) == 50


@pytest.mark.skipif(not LOGS.exists(), reason=f"recorded logs are not in {LOGS}")
async def test_a_recording_of_two_buses_that_is_not_in_the_order_of_time_arrives_whole() -> None:
    path = LOGS / "hyundai_kona_ev_2021" / "221217-1-2021-pcan-bcan-no-key.log"
    source = LogFile(path, log=Told(), clock=SystemClock(), channels={"can0": 0, "can1": 1}, buses=2)
    found = [block async for block in source.blocks()]

    frames = [frame for block in found for frame in frames_in(block)]
    assert len(frames) == 14_294
    assert {frame.bus for frame in frames} == {0, 1}
    assert all(list(block.t_ns) == sorted(block.t_ns) for block in found)

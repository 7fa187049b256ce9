import asyncio
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import can
import pytest

from edge_agent.desk.replay import drive_frames, play, replay
from edge_agent.desk.vehicle import Vehicle
from edge_agent.errors import BusDown, LogRefused
from edge_agent.records import EXTENDED_ID


@pytest.fixture
def channel() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def listener(channel: str) -> Iterator[can.BusABC]:
    with can.Bus(channel=channel, interface="virtual", ignore_config=True) as bus:
        yield bus


def heard(listener: can.BusABC) -> list[can.Message]:
    found: list[can.Message] = []
    while (message := listener.recv(0.0)) is not None:
        found.append(message)
    return found


def ignored(_: int, __: int | None) -> None:
    """Progress that nobody looks at."""


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_log_is_sent_whole_and_as_it_was_recorded(tmp_path: Path, channel: str, listener: can.BusABC) -> None:
    log = written(
        tmp_path / "drive.log",
        ["(1.0) can0 123#0102", "(1.1) can0 18FEF100#", "(1.2) can0 123#R3", "(1.3) can0 001##0AABBCC"],
    )
    sent = replay(log, interface="virtual", channel=channel, speed=0, fd=True, progress=ignored)

    assert sent == 4
    assert [
        (one.arbitration_id, one.is_extended_id, one.is_remote_frame, one.is_fd, one.dlc, bytes(one.data))
        for one in heard(listener)
    ] == [
        (0x123, False, False, False, 2, b"\x01\x02"),
        (0x18FEF100, True, False, False, 0, b""),
        (0x123, False, True, False, 3, b""),
        (0x001, False, False, True, 3, b"\xaa\xbb\xcc"),
    ]


def test_error_frames_of_a_log_are_not_sent(tmp_path: Path, channel: str, listener: can.BusABC) -> None:
    log = written(tmp_path / "drive.log", ["(1.0) can0 20000080#0000000000000000", "(1.1) can0 123#01"])

    assert replay(log, interface="virtual", channel=channel, speed=0, fd=False, progress=ignored) == 1
    assert [one.arbitration_id for one in heard(listener)] == [0x123]


def test_frames_keep_their_distances_at_the_speed_asked_for(tmp_path: Path, channel: str, listener: can.BusABC) -> None:
    log = written(tmp_path / "drive.log", [f"({number * 0.05:.6f}) can0 100#" for number in range(11)])
    begun_s = time.monotonic()
    replay(log, interface="virtual", channel=channel, speed=2, fd=False, progress=ignored)

    assert time.monotonic() - begun_s >= 0.25
    times_s = [message.timestamp for message in heard(listener)]
    # Late by what the scheduler did to one frame, not by the sum of it over all.
    assert times_s[-1] - times_s[0] == pytest.approx(0.25, abs=0.15)


def test_progress_is_told_each_thousand_frames_and_at_the_end(
    tmp_path: Path, channel: str, listener: can.BusABC
) -> None:
    log = written(tmp_path / "drive.log", ["(1.0) can0 100#"] * 2500)
    told: list[tuple[int, int | None]] = []
    replay(log, interface="virtual", channel=channel, speed=0, fd=False, progress=lambda *one: told.append(one))

    assert told == [(1000, None), (2000, None), (2500, 2500)]
    assert len(heard(listener)) == 2500


def test_a_bus_that_cannot_be_opened_is_down(tmp_path: Path) -> None:
    log = written(tmp_path / "drive.log", ["(1.0) can0 100#"])

    with pytest.raises(BusDown, match="'telepathy' not supported"):
        replay(log, interface="telepathy", channel="x", speed=0, fd=False, progress=ignored)


def test_a_log_that_cannot_be_read_is_refused(tmp_path: Path, channel: str) -> None:
    with pytest.raises(LogRefused, match="No such file"):
        replay(tmp_path / "absent.log", interface="virtual", channel=channel, speed=0, fd=False, progress=ignored)


def test_a_transmit_queue_that_stays_full_is_a_bus_that_is_down(
    tmp_path: Path, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.desk.replay.SEND_S", 0.02)
    monkeypatch.setattr("edge_agent.acquire.pythoncan.PythonCanBus.send", lambda *_: False)
    log = written(tmp_path / "drive.log", ["(1.0) can0 100#"])

    with pytest.raises(BusDown, match="transmit queue has been full"):
        replay(log, interface="virtual", channel=channel, speed=0, fd=False, progress=ignored)


async def test_the_vehicle_puts_its_whole_drive_on_the_bus(channel: str, listener: can.BusABC) -> None:
    told: list[int] = []
    frames = drive_frames(Vehicle(1), 3.0)
    await play(frames, channel=channel, speed=0, stop=threading.Event(), sent=told.append)

    drive = Vehicle(1).frames(0, 3.0)
    assert told == list(range(1, len(drive) + 1))
    assert [
        (one.arbitration_id | (EXTENDED_ID if one.is_extended_id else 0), bytes(one.data)) for one in heard(listener)
    ] == [(can_id, data) for _, can_id, data in drive]


async def test_a_player_that_is_stopped_ends_its_thread_and_has_told_all_it_sent(
    channel: str, listener: can.BusABC
) -> None:
    stop = threading.Event()
    told: list[int] = []
    playing = play(drive_frames(Vehicle(1), 3600), channel=channel, speed=1, stop=stop, sent=told.append)
    task = asyncio.create_task(playing, name="play")
    await asyncio.to_thread(listener.recv, 5.0)
    stop.set()
    async with asyncio.timeout(1.0):
        await task

    assert told[-1] == 1 + len(heard(listener))
    assert not players()


async def test_cancelling_a_player_stops_it_and_ends_its_thread(channel: str, listener: can.BusABC) -> None:
    stop = threading.Event()
    playing = play(drive_frames(Vehicle(1), 3600), channel=channel, speed=1, stop=stop, sent=lambda _: None)
    task = asyncio.create_task(playing, name="play")
    await asyncio.to_thread(listener.recv, 5.0)
    task.cancel()
    async with asyncio.timeout(1.0):
        await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()
    assert stop.is_set()
    assert not players()


async def test_a_player_without_its_bus_says_that_it_is_down(monkeypatch: pytest.MonkeyPatch, channel: str) -> None:
    def refused(*_: object, **__: object) -> None:
        raise can.CanOperationError("refused")

    monkeypatch.setattr("can.interfaces.virtual.VirtualBus.send", refused)
    with pytest.raises(BusDown, match="refused"):
        await play(drive_frames(Vehicle(1), 1.0), channel=channel, speed=0, stop=threading.Event(), sent=lambda _: None)

    assert not players()


def players() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("desk-player")]

"""Frames played onto a bus at their own times: a recorded log, or the demonstration vehicle."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.block import Frame
from edge_agent.acquire.logreader import read_log
from edge_agent.acquire.pace import Pace
from edge_agent.acquire.pythoncan import PythonCanBus, message_of
from edge_agent.desk.vehicle import Vehicle
from edge_agent.errors import BusDown
from edge_agent.records import FrameFlag

SEND_S = 1.0
"""How long one frame may wait for room in the transmit queue before the bus counts as down."""

FULL_QUEUE_S = 0.001
PROGRESS_FRAMES = 1000
WINDOW_S = 0.05


def replay(
    log_path: Path,
    *,
    interface: str,
    channel: str,
    speed: float,
    fd: bool,
    progress: Callable[[int, int | None], None],
) -> int:
    """Play a log onto a bus; `speed` 1 is as recorded, 0 without waiting. Returns the frames sent.

    `progress` is told frames sent, and of how many where that is known, each 1000 frames and at the end. Error
    frames are left out: a controller makes them, nobody can send one. Raises BusDown or LogRefused.
    """
    sent = 0
    with _open(interface, channel, fd=fd) as bus, closing(read_log(log_path)) as frames:
        sendable = (frame for frame in frames if not frame.flags & FrameFlag.ERROR)
        for sent in _played(bus, sendable, speed, threading.Event(), channel):
            if sent % PROGRESS_FRAMES == 0:
                progress(sent, None)
    progress(sent, sent)
    return sent


async def play(
    frames: Iterable[Frame], *, channel: str, speed: float, stop: threading.Event, sent: Callable[[int], None]
) -> None:
    """Play frames onto a virtual bus; `sent` is told how many after each, on the player's thread. Raises BusDown.

    It plays on a thread of its own, `desk-player`, until `stop` is set or this is cancelled, which sets it.
    """
    player = ThreadPoolExecutor(1, thread_name_prefix="desk-player")
    try:
        await asyncio.get_running_loop().run_in_executor(player, _play, frames, channel, speed, stop, sent)
    finally:
        stop.set()
        player.shutdown()


def _play(
    frames: Iterable[Frame], channel: str, speed: float, stop: threading.Event, tell: Callable[[int], None]
) -> None:
    with _open("virtual", channel, fd=False) as bus:
        for sent in _played(bus, frames, speed, stop, channel):
            tell(sent)


def drive_frames(vehicle: Vehicle, seconds: float, begin_s: float = 0.0) -> Iterator[Frame]:
    """`seconds` of a drive from `begin_s` on, made a window at a time, so that a long one starts at once."""
    for window in range(int(seconds / WINDOW_S) + 1):
        t0_s, t1_s = (begin_s + min(seconds, at * WINDOW_S) for at in (window, window + 1))
        for t_s, can_id, data in vehicle.frames(t0_s, t1_s):
            yield Frame(round(t_s * 1e9), 0, can_id, 0, len(data), data)


def _played(
    bus: PythonCanBus, frames: Iterable[Frame], speed: float, stop: threading.Event, channel: str
) -> Iterator[int]:
    """Send each frame when it is due; gives how many have been sent after each."""
    pace = Pace(speed)
    for sent, frame in enumerate(frames, start=1):
        wait_s = pace.due_s(frame.t_ns, time.monotonic()) - time.monotonic()
        if stop.wait(wait_s) if wait_s > 0 else stop.is_set():
            return
        _send(bus, frame, channel)
        yield sent


def _send(bus: PythonCanBus, frame: Frame, channel: str) -> None:
    """Send one frame, waiting while the transmit queue is full."""
    message = message_of(frame)
    patience_until_s = time.monotonic() + SEND_S
    while not bus.send(message, SEND_S):
        if time.monotonic() >= patience_until_s:
            raise BusDown(channel, f"its transmit queue has been full for {SEND_S} s", act="written")
        time.sleep(FULL_QUEUE_S)


def _open(interface: str, channel: str, *, fd: bool) -> closing[PythonCanBus]:
    return closing(PythonCanBus(BusAddress(channel, interface, channel, fd)))

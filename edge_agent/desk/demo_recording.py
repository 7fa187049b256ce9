"""A recording, read whole before it is played: the machine is to be busy with playing it alone."""

import threading
from contextlib import closing
from pathlib import Path

from edge_agent.acquire.block import Frame
from edge_agent.acquire.logreader import read_log
from edge_agent.desk.progress import progress_when_slow
from edge_agent.errors import LogRefused
from edge_agent.records import FrameFlag

LOOK_FRAMES = 1000


def recorded_frames(log: Path, stop: threading.Event) -> list[Frame]:
    """All frames but error frames, which nobody can send; those so far once `stop` is set. Blocking.

    On a terminal a bar shows how far it has come where that takes long. Raises LogRefused.
    """
    kept: list[Frame] = []
    with progress_when_slow(log) as tell, closing(read_log(log)) as frames:
        for number, frame in enumerate(frames, 1):
            if not frame.flags & FrameFlag.ERROR:
                kept.append(frame)
            if number % LOOK_FRAMES == 0:
                if stop.is_set():
                    return kept
                tell(number)
    if not kept:
        raise LogRefused(str(log), "only error frames are in it")
    return kept

"""Frames to measure with: the demonstration vehicle, and recorded drives where their folder is at hand."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge_agent.acquire.block import CLASSIC_BYTES, Frame, block_of, columns_of, merge
from edge_agent.acquire.logreader import read_log
from edge_agent.desk.replay import drive_frames
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.records import ClockQuality, FrameBlock

DATA = Path(__file__).parents[2] / "shared" / "data" / "logs"


@dataclass(frozen=True)
class Traffic:
    """Frames and the database that reads them."""

    name: str
    database: Path
    frames: Sequence[Frame]


def traffic() -> Iterator[Traffic]:
    """The demonstration drive first."""
    yield Traffic("demonstration vehicle", database_path(), list(drive_frames(Vehicle(seed=1), 60.0)))
    for name, log, database in (
        ("recorded, Ford Mustang", "ford_mustang_s550/mustang_s550.log", "ford_mustang_s550/ford_lincoln_base_pt.dbc"),
        (
            "recorded, Hyundai Kona",
            "hyundai_kona_ev_2021/221217-1-2021-pcan-bcan-no-key.log",
            "hyundai_kona_ev_2021/pcan_fixed.dbc",
        ),
    ):
        if (DATA / log).exists():
            with closing(read_log(DATA / log)) as frames:
                yield Traffic(name, DATA / database, list(frames)[:40_000])


def blocks(frames: Sequence[Frame], size: int) -> list[FrameBlock]:
    """Blocks of `size` frames."""
    return [
        block_of(
            merge([columns_of(list(frames[at : at + size]), CLASSIC_BYTES)], CLASSIC_BYTES),
            dropped=[0],
            until_ns=frames[min(at + size, len(frames)) - 1].t_ns,
            uptime_ns=0,
            clock=ClockQuality.RECORDED,
        )
        for at in range(0, len(frames), size)
    ]

"""Frames to measure with: the demonstration vehicle, and recorded drives where their folder is at hand."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Frame, block_of, columns_of, merge
from edge_agent.acquire.logreader import read_log
from edge_agent.decode.dbc import load_database
from edge_agent.desk.replay import drive_frames
from edge_agent.desk.vehicle import Vehicle, database_path
from edge_agent.records import ClockQuality, FrameBlock

DATA = Path(__file__).parents[2] / "shared" / "data"
LOGS = DATA / "logs"


@dataclass(frozen=True)
class Traffic:
    """Frames and the database that reads them."""

    name: str
    database: Path
    frames: Sequence[Frame]
    payloads_are_real: bool = True
    """random ones say nothing of what is kept, or how it compresses"""


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
        if (LOGS / log).exists():
            with closing(read_log(LOGS / log)) as frames:
                yield Traffic(name, LOGS / database, list(frames)[:40_000])
    for name, made in (("VW MQB", MQB), ("Ford CADS, CAN FD", CADS)):
        if made.exists():
            title = f"{name}, every message at a likely rate, random payloads"
            yield Traffic(title, made, list(_random_frames(made)), payloads_are_real=False)


MQB = LOGS / "vw_mqb_e2e_vectors/vw_mqb.dbc"
CADS = DATA / "db_corpus/commaai__opendbc/opendbc__dbc__FORD_CADS_64.dbc"


def _random_frames(database: Path) -> Iterator[Frame]:
    """10 s of all messages of a database: the lower its id, the oftener it comes."""
    messages = sorted(load_database(database).messages, key=lambda message: message.can_id)
    rng = random.Random(1)  # noqa: S311  the same traffic in every run
    cycles_ms = (10, 20, 50, 100, 200, 500, 1000)
    due = [
        (t_ms * 1_000_000, message)
        for rank, message in enumerate(messages)
        for t_ms in range(rank % 10, 10_000, cycles_ms[rank * len(cycles_ms) // len(messages)])
    ]
    for t_ns, message in sorted(due, key=lambda one: one[0]):
        data = rng.randbytes(message.length)
        yield Frame(t_ns, 0, message.can_id, 0, len(data), data)


def blocks(frames: Sequence[Frame], size: int) -> list[FrameBlock]:
    """Blocks of `size` frames, as wide as the bus's longest."""
    width = FD_BYTES if any(len(frame.data) > CLASSIC_BYTES for frame in frames) else CLASSIC_BYTES
    return [
        block_of(
            merge([columns_of(list(frames[at : at + size]), width)], width),
            dropped=[0],
            until_ns=frames[min(at + size, len(frames)) - 1].t_ns,
            uptime_ns=0,
            clock=ClockQuality.RECORDED,
        )
        for at in range(0, len(frames), size)
    ]

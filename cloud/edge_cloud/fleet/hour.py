"""An hour of a large fleet as files, as an Event Hub's capture leaves them: many, each with many vehicles' messages.

So much cannot be sent from a desk; what must be shown is that whoever reads it misses nothing. Every message has its
own header, as of a real vehicle; what it holds is one of a few hundred pieces that were made once.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edge_cloud.fleet.drives import Series
from edge_cloud.fleet.generator import START_US
from edge_cloud.fleet.recorded import Pattern, patterns
from edge_cloud.fleet.writing import Sealed, body
from edge_cloud.records import Message

LOST: Final = pa.schema([("device", pa.string()), ("boot", pa.int64()), ("seq", pa.int64())])
_MINUTES: Final = 60
_LATE_MINUTES: Final = 40
"""how much later a late message is captured, than when it was sealed"""
_SHAPES: Final = 4
"""different pieces for a minute"""
_SHARE: Final = 1_000
"""vehicles of one file at a time"""


@dataclass(frozen=True, slots=True)
class Hour:
    """What the hour shall be: each vehicle drives some of its minutes, and seals a batch in each of these."""

    vehicles: int = 100_000
    minutes: int = 9
    """that each drives, of 60: 15 % of the fleet are on the road"""
    samples: int = 120
    """in a batch; 6,000 would be 100 signals a second for a minute"""
    seed: int = 1
    lost: float = 0.01
    doubled: float = 0.01
    late: float = 0.01


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    messages: int
    batches: int
    """of these, each once"""
    lost: int
    payload_bytes: int
    samples: int


def write_hour(hour: Hour, folder: Path, workers: int = 2, written: Callable[[int], None] = lambda _: None) -> Written:
    """Files `partition-XX/hour-MM-N.json.gz`, `_lost.parquet`, `_hour.json`; `written` is told of vehicles done.

    Readers of a folder leave names alone that begin with `_`: these two are no messages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lots = [(hour, first, min(_SHARE, hour.vehicles - first), folder) for first in range(0, hour.vehicles, _SHARE)]
    parts: list[tuple[Written, pa.Table]] = []
    with ProcessPoolExecutor(workers) as pool:
        for lot, part in zip(lots, pool.map(_write_lot, lots), strict=True):
            parts.append(part)
            written(lot[2])
    total = Written(*(sum(getattr(one, name) for one, _ in parts) for name in Written.__slots__))
    pq.write_table(pa.concat_tables([lost for _, lost in parts]), folder / "_lost.parquet")
    (folder / "_hour.json").write_text(json.dumps({"hour": asdict(hour), "written": asdict(total)}, indent=1) + "\n")
    return total


def _write_lot(lot: tuple[Hour, int, int, Path]) -> tuple[Written, pa.Table]:
    hour, first, count, folder = lot
    pieces = _pieces(hour)
    files: dict[int, list[bytes]] = defaultdict(list)
    lost: list[tuple[str, int, int]] = []
    messages = batches = size = 0
    for n in range(first, first + count):
        for captured, device, seq, message, copies in _messages(hour, n, pieces):
            if not copies:
                lost.append((device, 1, seq))
                continue
            files[captured // 5] += [message] * copies
            messages, batches, size = messages + copies, batches + 1, size + copies * len(message)
    place = folder / f"partition-{first // _SHARE % 32:02d}"
    place.mkdir(exist_ok=True)
    for number, bodies in files.items():
        (place / f"hour-{number * 5:02d}-{first // _SHARE}.json.gz").write_bytes(b"".join(bodies))
    rows = [dict(zip(LOST.names, key, strict=True)) for key in lost]
    written = Written(messages, batches, len(lost), size, batches * hour.samples)
    return written, pa.Table.from_pylist(rows, schema=LOST)


def _messages(hour: Hour, n: int, pieces: list[list[Pattern]]) -> Iterator[tuple[int, str, int, bytes, int]]:
    """Of each batch of a vehicle: minute of its capture, device, seq, body, how often it is there.

    The last is never lost, for nothing would tell.
    """
    rng = np.random.default_rng([hour.seed, n])
    device, begin = f"car-{n:06d}", int(rng.integers(0, _MINUTES - hour.minutes + 1))
    chances = rng.random((hour.minutes, 3))
    for seq, (lost, doubled, late) in enumerate(chances.tolist()):
        piece = pieces[begin + seq][(n + seq) % _SHAPES]
        captured = begin + seq + (_LATE_MINUTES if late < hour.late else 0)
        copies = 0 if lost < hour.lost and seq < hour.minutes - 1 else 2 if doubled < hour.doubled else 1
        yield captured, device, seq, piece.body(device, 1, seq), copies


def _pieces(hour: Hour) -> list[list[Pattern]]:
    """For each minute what batches of it hold."""
    return [[_piece(hour, minute, shape) for shape in range(_SHAPES)] for minute in range(_MINUTES)]


def _piece(hour: Hour, minute: int, shape: int) -> Pattern:
    rng = np.random.default_rng([hour.seed, minute, shape])
    start_us = START_US + minute * 60_000_000
    each = -(-hour.samples // 2)
    t_us = start_us + np.arange(each, dtype=np.int64) * (60_000_000 // each) // 1000 * 1000
    speed = Series("Motion.VehicleSpeed", "km/h", 0.01, 0.0, "raw", t_us, rng.integers(2000, 9000, each))
    rest = hour.samples - each
    walk = Series("Slow.Walk0", "V", 0.1, 0.0, "raw", t_us[:rest], rng.integers(0, 500, rest))
    parts = (speed, walk) if rest else (speed,)
    sealed = Sealed("", 1, 0, (None, None), "steady", "warm", parts, int(t_us[0]), int(t_us[-1]))
    [pattern] = patterns([Message(body(sealed))])
    return pattern

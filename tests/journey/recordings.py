"""Recorded drives, read from their text without the code under test: times as decimals, bytes as written."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from edge_agent.desk.replay import drive_frames
from edge_agent.desk.vehicle import Vehicle
from edge_agent.records import EXTENDED_ID

DATA = Path(__file__).parents[2].parent / "shared" / "data"
"""beside the repository; its SOURCES.md says where each file is from"""
LOGS = DATA / "logs"

START_US = 1_700_000_000_000_000
MOVING_S = 9.0
"""where in its drive the vehicle moves off"""

CANDUMP = re.compile(r"\((?P<t>\d+\.\d+)\) (?P<channel>\S+) (?P<id>[0-9A-F]{3}|[0-9A-F]{8})#(?P<data>(?:[0-9A-F]{2})*)")
ASC = re.compile(
    r"\s*(?P<t>\d+\.\d+) (?P<channel>\d+)\s+(?P<id>[0-9A-F]+x?)\s+[RT]x\s+d (?P<n>\d+)(?P<data>(?: [0-9A-F]{2})*)\s*"
)


class Recorded(NamedTuple):
    """One classic data frame; `can_id` carries EXTENDED_ID for 29 bits."""

    t_ns: int
    channel: str
    can_id: int
    data: bytes


def recorded(path: Path) -> Iterator[Recorded]:
    """The frames of a candump or .asc file in its order; a line that is none fails the test."""
    begun_ns = 0
    for line in path.read_text().splitlines():
        if path.suffix == ".log":
            match = CANDUMP.fullmatch(line)
            assert match, line
            extended = len(match["id"]) == 8
        else:
            match = ASC.fullmatch(line)
            if match is None:
                begun_ns = _begin_ns(line) or begun_ns
                assert re.match(r"date|base|begin|end|//", line, re.IGNORECASE), line
                continue
            assert int(match["n"]) == len(match["data"].split()), line
            extended = match["id"].endswith("x")
        can_id = int(match["id"].rstrip("x"), 16) | (EXTENDED_ID if extended else 0)
        t_ns = begun_ns + Decimal(match["t"]) * 1_000_000_000
        assert t_ns == int(t_ns), line
        yield Recorded(int(t_ns), match["channel"], can_id, bytes.fromhex(match["data"]))


def _begin_ns(line: str) -> int:
    """What an .asc counts from, where its date names a zone; 0 of another line."""
    if not line.endswith(" GMT"):
        return 0
    begun = datetime.strptime(line, "date %a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    return int(begun.timestamp()) * 1_000_000_000


def write_drive(path: Path, seed: int, seconds: float) -> Path:
    """A drive of the demonstration vehicle as a candump log."""
    with path.open("w") as file:
        for frame in drive_frames(Vehicle(seed), seconds, begin_s=MOVING_S):
            whole, microseconds = divmod(START_US + frame.t_ns // 1000, 1_000_000)
            digits = 8 if frame.can_id & EXTENDED_ID else 3
            can_id = frame.can_id & ~EXTENDED_ID
            file.write(f"({whole}.{microseconds:06d}) can0 {can_id:0{digits}X}#{frame.data.hex().upper()}\n")
    return path

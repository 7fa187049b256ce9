"""Spools for the tests of what looks into them: made by the spool itself, of batches that the agent's codec sealed."""

from dataclasses import replace
from pathlib import Path

from edge_agent.records import Batch, Envelope, Retention, Upload
from edge_agent.spool.columns import seal
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from tests.spool.batches import BOOT, HOT, NOON_NS, SENDER, SPEED, TORQUE, VOLTAGE, batch, capture, column
from tests.spool.parts import Ear

TRIP = replace(batch(column(SPEED, (NOON_NS, 1))).rule, name="trip", priority=7)
GARAGE = replace(TRIP, name="garage", upload=Upload.UNMETERED, retention=Retention(powered_s=3600, wall_s=86_400))
BATCHES = (
    batch(column(SPEED, (NOON_NS, 1), (NOON_NS + 1_000_000, 2)), column(VOLTAGE, (NOON_NS, 1.5)), seq=0),
    capture(seq=1),
    batch(column(TORQUE, (NOON_NS, 1)), rule=HOT, seq=2),
    batch(column(SPEED, (NOON_NS + 2_000_000, 3)), rule=TRIP, seq=3),
    batch(column(TORQUE, (NOON_NS, 4)), rule=GARAGE, seq=4),
)
"""rule idle twice, the second time frames; alarms, hot; trip; garage, which waits for an unmetered link and expires"""


def opened(folder: Path, *, segment_bytes: int = 100_000) -> Store:
    """A spool, held."""
    return open_store(folder, cap_bytes=10_000_000, segment_bytes=segment_bytes, log=Ear())


def envelope(one: Batch, boot: int) -> Envelope:
    """As the agent would append it in this boot."""
    return seal(one, SENDER, replace(BOOT, boot=boot), ())


def filled(folder: Path, *batches: Batch) -> Store:
    """A spool that holds batches, each in a commit of its own; still open."""
    store = opened(folder)
    for one in batches:
        store.append([envelope(one, store.boot.boot)])
    return store


def left(folder: Path, *batches: Batch) -> Path:
    """The folder of an agent that has ended."""
    filled(folder, *batches).close()
    return folder


def flip(path: Path, at: int) -> None:
    """Damage one byte."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def everything(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, mode and time of change of every file, by name."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }

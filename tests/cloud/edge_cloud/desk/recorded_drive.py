"""A recorded drive as the agent would have sent it: its own reading, decoding, rules and sealing, without a hub."""

import subprocess
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import cantools
import numpy as np
from cantools.database.can import Database

from edge_agent.acquire.block import Frame, block_of, columns_of
from edge_agent.acquire.logreader import read_log
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.plan import compile_plan
from edge_agent.policy.collector import Collector
from edge_agent.policy.rules import BatchLimits, Periodic
from edge_agent.records import Batch, BootInfo, ClockQuality, CloseReason, Lane, RuleInfo, TimeUnit
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_cloud.records import Message

ROOT = Path(__file__).parents[4]
FOLDER = ROOT.parent / "shared" / "data" / "logs" / "vw_group_obd2_gnss"
LOGS = sorted(FOLDER.glob("*.MF4"))
READER = ROOT / ".venv-mf4" / "bin" / "python"
"""asammdf is in an environment of its own: make mf4"""
DEVICE = "recorded-car"
SIGNALS = (
    "OBD_RX.S01PID0D_VehicleSpeed",
    "gnss_speed.Speed",
    "gnss_odo.DistanceTrip",
    "gnss_pos.Latitude",
    "gnss_pos.Longitude",
)
_SECOND_NS = 1_000_000_000
_TO_CANDUMP = """
import sys
from pathlib import Path
from edge_agent.acquire.logreader import read_log
for path in sys.argv[1:]:
    for f in read_log(Path(path)):
        print(f"({f.t_ns // 10**9}.{f.t_ns % 10**9 // 1000:06d}) can0 {f.can_id:03X}#{f.data[:f.length].hex().upper()}")
"""


def as_candump(path: Path) -> list[Frame]:
    """The frames of LOGS, written to `path` by the environment that reads MF4; but the car's own 29-bit polls."""
    with path.open("w") as out:
        subprocess.run([READER, "-c", _TO_CANDUMP, *LOGS], check=True, cwd=ROOT, stdout=out)  # noqa: S603  our own text
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.partition(" can0 ")[2].index("#") == 3))
    return list(read_log(path))


def messages(frames: Iterable[Frame]) -> list[Message]:
    """What leaves the car: every signal once a second, in batches of 10 s."""
    sender, boot = Sender(DEVICE, "telematics"), BootInfo(1, None, None)
    return [
        Message(seal(batch, sender, boot, ()).payload, DEVICE, source=f"seq {batch.seq}") for batch in _batches(frames)
    ]


def _batches(frames: Iterable[Frame]) -> Iterator[Batch]:
    catalog = Catalog([("log", [load_database(FOLDER / name) for name in ("canmod-gps.dbc", "OBD-v4.4.dbc")])])
    plan = compile_plan(catalog, SIGNALS)
    rule = RuleInfo("steady", "periodic", 5, Lane.WARM, "fleet", TimeUnit.MS)
    limits = BatchLimits(max_age_ns=10 * _SECOND_NS, max_bytes=256_000)
    collector = Collector(catalog.bus_names)
    collector.reconfigure(1, plan.signals, [Periodic(rule, np.arange(len(SIGNALS)), limits, _SECOND_NS)])
    for second, of_it in groupby(frames, key=lambda frame: frame.t_ns // _SECOND_NS):
        until = (second + 1) * _SECOND_NS - 1
        block = block_of(
            columns_of(list(of_it), 8), dropped=(0,), until_ns=until, uptime_ns=until, clock=ClockQuality.RECORDED
        )
        yield from collector.feed(decode(plan, block))
    yield from collector.flush(CloseReason.STOPPED)


def gnss_km(frames: Iterable[Frame]) -> float:
    """The receiver's own distance, read by cantools."""
    database = cantools.database.load_file(str(FOLDER / "canmod-gps.dbc"))
    assert isinstance(database, Database)
    told = [database.decode_message(6, frame.data[: frame.length]) for frame in frames if frame.can_id == 6]
    metres = [float(one["DistanceTrip"]) for one in told if one["DistanceValid"]]  # type: ignore[call-overload,arg-type]
    return (max(metres) - min(metres)) / 1000

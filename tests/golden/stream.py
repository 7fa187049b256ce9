"""A small fixed stream of frames with every kind of column, and the payloads the agent makes of it.

`python -m tests.golden.stream` writes them anew, after a change of the payload that was meant.
"""

import gzip
import struct
from pathlib import Path

import numpy as np

from edge_agent.acquire.block import Frame, block_of, columns_of
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Selector, Signal
from edge_agent.decode.decoder import decode
from edge_agent.decode.plan import compile_plan
from edge_agent.policy.collector import Collector
from edge_agent.policy.rules import BatchLimits, OnChange, Periodic, Rule
from edge_agent.records import (
    EXTENDED_ID,
    Batch,
    BootInfo,
    ClockQuality,
    CloseReason,
    Envelope,
    Lane,
    LostRange,
    RawKind,
    RuleInfo,
    TimeUnit,
)
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender

FOLDER = Path(__file__).parent
NOON_NS = 1_788_264_000_000_000_000
MS = 1_000_000

_MODE = BitField(32, 8, big_endian=False)
_MOTION = Message(
    "Motion",
    0x101,
    8,
    (
        Signal("Speed", BitField(0, 16, big_endian=False), RawKind.UNSIGNED, 0.01, 0.0, "km/h"),
        Signal("Torque", BitField(23, 12, big_endian=True), RawKind.SIGNED, 0.5, -100.0, "Nm"),
        Signal("Mode", _MODE, RawKind.UNSIGNED, 1.0, 0.0, ""),
        Signal("OilTemp", BitField(40, 8, False), RawKind.SIGNED, 1.0, 40.0, "°C", (Selector(_MODE, ((1, 1),)),)),  # noqa: FBT003
    ),
)
_CELL = Message(
    "Cell",
    0x18FF0123 | EXTENDED_ID,
    8,
    (
        Signal("Voltage", BitField(0, 32, big_endian=False), RawKind.FLOAT, 1.0, 0.0, "V"),
        Signal("Current", BitField(32, 32, big_endian=False), RawKind.FLOAT, 1.0, 0.0, "A"),
    ),
)
_UNIT = Message("Unit", 0x7F0, 8, (Signal("Serial", BitField(0, 64, False), RawKind.UNSIGNED, 1.0, 0.0, ""),))  # noqa: FBT003
_CATALOG = Catalog([("powertrain", [Database("made.dbc", (_MOTION, _CELL, _UNIT))])])
_SIGNALS = tuple(_CATALOG)


def frames() -> list[Frame]:
    """Two seconds of three messages, one frame nobody knows and one that is too short."""
    found = []
    for i in range(20):
        t_ns = NOON_NS + i * 100 * MS + i * 12_345
        torque = (i * 37 - 300) & 0xFFF
        motion = struct.pack("<HHBbH", 5000 + 25 * i, (torque << 4 & 0xFF) << 8 | torque >> 4, i % 2, i - 50, 0)
        cell = struct.pack("<ff", 3.7 + i / 128, float("nan") if i == 7 else -12.5 + i)
        found += [_frame(t_ns, 0x101, motion), _frame(t_ns + 250_000, _CELL.can_id, cell)]
        if i % 10 == 0:
            found.append(_frame(t_ns + 500_000, 0x7F0, struct.pack("<Q", (1 << 64) - 1 - i)))
    found.append(_frame(found[-1].t_ns + 1, 0x123, b"\x01\x02"))
    found.append(_frame(found[-1].t_ns + 1, 0x101, b"\x01\x02"))
    return found


def _frame(t_ns: int, can_id: int, data: bytes) -> Frame:
    return Frame(t_ns, 0, can_id, 0, len(data), data)


def _rules() -> list[Rule]:
    limits = BatchLimits(max_age_ns=10_000 * MS, max_bytes=256_000)
    steady = RuleInfo("steady", "periodic", 5, Lane.WARM, "fleet", TimeUnit.MS)
    exact = RuleInfo("exact", "on_change", 7, Lane.WARM, "", TimeUnit.NS)
    alarms = RuleInfo("alarms", "on_change", 0, Lane.HOT, "safety", TimeUnit.MS)
    every, some = np.arange(len(_SIGNALS)), np.array([_SIGNALS.index("Motion.Speed"), _SIGNALS.index("Cell.Current")])
    return [
        Periodic(steady, every, limits, 500 * MS),
        OnChange(exact, every, limits, 2.0, 0, 1000 * MS),
        OnChange(alarms, some, limits, 1.0, 300 * MS, None),
    ]


def batches() -> list[Batch]:
    """What the rules seal of the stream."""
    plan = compile_plan(_CATALOG, _SIGNALS)
    collector = Collector(_CATALOG.bus_names)
    collector.reconfigure(42, plan.signals, _rules())
    stream = frames()
    end_ns = stream[-1].t_ns
    uptime_ns = 90_000 * MS
    block = block_of(
        columns_of(stream, 8), dropped=(3,), until_ns=end_ns, uptime_ns=uptime_ns, clock=ClockQuality.RECORDED
    )
    return collector.feed(decode(plan, block)) + collector.flush(CloseReason.STOPPED)


def envelopes() -> dict[str, Envelope]:
    """One payload a rule, by the rule's name; the first one tells of a loss."""
    lost = (LostRange(11, 120, 131, "cap"), LostRange(12, 3, 3, "refused"))
    return {
        batch.rule.name: seal(
            batch, Sender("demo-vehicle", "telematics"), BootInfo(12, 11, 140), lost * (not batch.seq)
        )
        for batch in batches()
    }


def text(envelope: Envelope) -> bytes:
    """The payload's JSON."""
    return gzip.decompress(envelope.payload) if envelope.content_encoding == "gzip" else envelope.payload


def path(name: str) -> Path:
    """Where a payload lies."""
    return FOLDER / f"{name}.json"


if __name__ == "__main__":
    for name, envelope in envelopes().items():
        path(name).write_bytes(text(envelope))

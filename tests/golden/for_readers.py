"""Batches with every kind of column there is, and the rows that any reader must make of them.

`python -m tests.golden.for_readers` writes `readers/NAME.json`, the payload's text, and `readers/NAME.rows.json`, its
samples as they were chosen here: `[signal, unit, agg, max_error, t_us, value, text]`. Readers outside the agent are
held to both.
"""

import gzip
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.acquire.block import Frame, columns_of
from edge_agent.records import (
    I64,
    Batch,
    BootInfo,
    BusCounts,
    BusHealth,
    ClockQuality,
    CloseReason,
    Column,
    Frames,
    Lane,
    LostRange,
    RawKind,
    RuleInfo,
    SignalInfo,
    TimeUnit,
    Trip,
)
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender

FOLDER = Path(__file__).parent / "readers"
NOON_NS = 1_788_264_000_123_456_789
BOOT = BootInfo(12, 11, 140)
SENDER = Sender("demo-vehicle", "telematics")
LOST = (LostRange(11, 120, 131, "cap"), LostRange(11, 132, 135, "consent"), LostRange(12, 3, 3, "refused"))

Row = tuple[str, str, str, float | None, int, float | None, str | None]


@dataclass(frozen=True)
class Chosen:
    """One column: unscaled numbers, and nanoseconds after noon."""

    name: str
    kind: RawKind
    numbers: Sequence[float]
    after_ns: Sequence[int]
    unit: str = ""
    factor: float = 1.0
    offset: float = 0.0
    bits: int = 16
    agg: str = "last"
    max_error: float | None = None

    @property
    def is_text(self) -> bool:
        """Whether it travels as texts: more than 53 bits, or a float with something that JSON lacks."""
        return self.bits > 53 if self.kind is not RawKind.FLOAT else not all(map(math.isfinite, self.numbers))

    def column(self) -> Column:
        info = SignalInfo(self.name, self.unit, self.factor, self.offset, self.kind, self.bits)
        return Column(info, self.agg, NOON_NS + np.array(self.after_ns, np.int64), self._raw(), self.max_error)

    def _raw(self) -> I64:
        if self.kind is RawKind.FLOAT:
            return np.array(self.numbers, np.float64).view(np.int64)
        kept = np.uint64 if self.kind is RawKind.UNSIGNED else np.int64
        return np.array(self.numbers, kept).view(np.int64)

    def rows(self, unit: TimeUnit, *, hot: bool = False) -> list[Row]:
        """Times as they travel, in the batch's unit; hot rows have neither unit nor bound nor text."""
        found: list[Row] = []
        for after_ns, number in zip(self.after_ns, self.numbers, strict=True):
            t_us = (NOON_NS + after_ns) // int(unit) * int(unit) // 1000
            value = float(number) * self.factor + self.offset
            told = value if math.isfinite(value) else None
            text = None if hot or not self.is_text else repr(float(number)) if self._is_float else str(number)
            head = (self.name, "" if hot else self.unit, self.agg, None if hot else self.max_error)
            found.append((*head, t_us, told, text))
        return found

    @property
    def _is_float(self) -> bool:
        return self.kind is RawKind.FLOAT


_MS, _S = 1_000_000, 1_000_000_000
_S5 = [n * _S for n in range(5)]
_SIGNED, _UNSIGNED, _FLOAT = RawKind.SIGNED, RawKind.UNSIGNED, RawKind.FLOAT
_NUMBERS = (
    Chosen("Motion.Speed", _UNSIGNED, [5100, 5225, 5225, 65535, 0], _S5, "km/h", 0.01),
    Chosen("Motion.Torque", _SIGNED, [-300, 2047, -2048, 0, 7], _S5, "Nm", 0.5, -100.0, 12),
    Chosen("Motion.Gear", _UNSIGNED, [3], [250 * _MS]),
    Chosen("Body.Odd name, °C µ \U0001f600", _SIGNED, [1, 2], [0, 1], "°C", -0.125, 3.0),
    Chosen("Wide.Fits", _SIGNED, [2**52 - 1, -(2**52), 0], _S5[:3], "", 1.0, 0.0, 53),
    Chosen("Wide.Unsigned", _UNSIGNED, [2**64 - 1, 0, 2**53 + 1], _S5[:3], "", 1.0, 0.0, 64),
    Chosen("Wide.Signed", _SIGNED, [-(2**63), 2**63 - 1, -1], _S5[:3], "m", 0.001, 0.0, 64),
    Chosen(
        "Cell.Voltage", _FLOAT, [3.731250047683716, -0.0, 5e-324, 1.7976931348623157e308], _S5[:4], "V", 1.0, 0.0, 32
    ),
    Chosen("Cell.Scaled", _FLOAT, [0.1, 0.2, 1e22], _S5[:3], "mV", 1000.0, -1.0, 32),
    Chosen("Cell.Current", _FLOAT, [1.5, math.nan, math.inf, -math.inf, 1e-7], _S5, "A", 2.0, 1.0, 32),
)
_OF_WINDOWS: dict[str, Sequence[float]] = {
    "first": [100, 90],
    "last": [120, 95],
    "min": [80, 90],
    "max": [125, 95],
    "mean": [1.0125, 0.9333333333333332],
    "count": [600, 3],
}
_WINDOWS = tuple(
    Chosen(
        "Motion.Speed",
        _FLOAT if agg == "mean" else _UNSIGNED,
        numbers,
        [0, 60 * _S],
        "" if agg == "count" else "km/h",
        1.0 if agg in {"mean", "count"} else 0.01,
        agg=agg,
    )
    for agg, numbers in _OF_WINDOWS.items()
)
_BOUNDED = (
    Chosen("Motor.Temperature", _SIGNED, [210, 250, 249], [0, 7_001, 9_999_999], "°C", 0.1, 0.0, 16, "last", 0.5),
    Chosen("Motor.Temperature2", _SIGNED, [1], [999], "°C", 0.1, 0.0, 16, "last", 1e-3),
)
_HOT = (
    Chosen("Motion.Speed", _UNSIGNED, [5100, 5200, 5300], [0, 0, _S], "km/h", 0.01),
    Chosen("Cell.Current", _FLOAT, [math.nan, 2.5], [0, 2 * _S], "A"),
)
CHOSEN: dict[str, tuple[tuple[Chosen, ...], TimeUnit]] = {
    "numbers": (_NUMBERS, TimeUnit.MS),
    "numbers_us": (_NUMBERS, TimeUnit.US),
    "numbers_ns": (_NUMBERS, TimeUnit.NS),
    "windows": (_WINDOWS, TimeUnit.MS),
    "bounded": (_BOUNDED, TimeUnit.US),
    "event": (_NUMBERS[:3], TimeUnit.MS),
    "hot": (_HOT, TimeUnit.MS),
}
"""columns and the unit of their times, by the batch's name; `trip` and `frames` have none"""

_FIRED = (NOON_NS + 1 * _S, NOON_NS + 3 * _S)
_TRIP = Trip(
    "2026-09-01-2",
    (
        ("start_s", 1_788_260_400),
        ("end_s", 1_788_264_000),
        ("distance_km", 41.5),
        ("energy_kwh", 7.25),
        ("max_speed_kmh", 131.0),
        ("harsh_accelerations", 1),
        ("harsh_brakes", 2),
        ("harsh_corners", 0),
        ("completeness", 0.98),
        ("fuel_l", None),
        ("end", "stand"),
    ),
)


def payloads() -> dict[str, bytes]:
    """The body of each, as it travels."""
    sealed = [*((name, _batch(n, name)) for n, name in enumerate(CHOSEN)), ("trip", _trip()), ("frames", _frames())]
    return {name: seal(batch, SENDER, BOOT, LOST if name == "numbers" else ()).payload for name, batch in sealed}


def rows(name: str) -> list[Row]:
    """What a reader makes of it, signal by signal; none of a trip or of frames."""
    chosen, unit = CHOSEN.get(name, ((), TimeUnit.MS))
    return [row for column in chosen for row in column.rows(unit, hot=name == "hot")]


def text(payload: bytes) -> bytes:
    return gzip.decompress(payload) if payload.startswith(b"\x1f\x8b") else payload


def path(name: str, ending: str = "json") -> Path:
    return FOLDER / f"{name}.{ending}"


def rows_text(name: str) -> str:
    """One row a line."""
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows(name)) + "\n]\n"


def _batch(seq: int, name: str) -> Batch:
    chosen, unit = CHOSEN[name]
    kind = {"event": "event", "hot": "on_change"}.get(name, "periodic")
    lane = Lane.HOT if name == "hot" else Lane.WARM
    columns = tuple(one.column() for one in chosen)
    fired = _FIRED if name == "event" else ()
    rule = RuleInfo("harsh_brake" if name == "event" else name, kind, 5, lane, "fleet", unit)
    return _sealed(seq, rule, columns=columns, fired_ns=fired)


def _trip() -> Batch:
    return _sealed(len(CHOSEN), RuleInfo("cabin.trips", "trip", 2, Lane.HOT, "trips", TimeUnit.MS), trip=_TRIP)


def _frames() -> Batch:
    made = [Frame(NOON_NS + n * _MS, 0, 0x100 + n, 0, 2, bytes([n, 255])) for n in range(3)]
    block = columns_of(made, 8)
    frames = Frames(block.t_ns, block.bus, block.can_id, block.flags, block.length, block.data)
    return _sealed(len(CHOSEN) + 1, RuleInfo("harsh_brake", "event", 5, Lane.WARM, "fleet", TimeUnit.MS), frames=frames)


def _sealed(
    seq: int,
    rule: RuleInfo,
    *,
    columns: tuple[Column, ...] = (),
    fired_ns: tuple[int, ...] = (),
    frames: Frames | None = None,
    trip: Trip | None = None,
) -> Batch:
    times = [int(t) for column in columns for t in column.t_ns] or [NOON_NS]
    return Batch(
        seq=seq,
        rule=rule,
        opened_ns=min(times),
        closed_ns=max(times),
        why=CloseReason.AGE,
        config_version=42,
        columns=columns,
        counts=(("drive", BusCounts(seen=44, decoded=42, unknown=1, wrong_length=1, dropped=3)), ("body", BusCounts())),
        clock=ClockQuality.SYNCED,
        uptime_ns=90_000 * _MS,
        epoch_ns=NOON_NS - 90_000 * _MS,
        health=(BusHealth(), BusHealth()),
        fired_ns=fired_ns,
        frames=frames,
        trip=trip,
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, payload in payloads().items():
        path(name, "log" if name == "frames" else "json").write_bytes(text(payload))
        if name in CHOSEN:
            path(name, "rows.json").write_text(rows_text(name))

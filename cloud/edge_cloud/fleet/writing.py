"""Payloads as a vehicle writes them, from series that are known: by docs/payload.md, not by the agent's code. Pure."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson

from edge_cloud.fleet.drives import Series

WARM: Final = "columns/1"
HOT: Final = "rows/1"


@dataclass(frozen=True, slots=True)
class Lost:
    """A range that a batch tells: numbers `first`..`last` of `boot`, both included."""

    boot: int
    first: int
    last: int
    why: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """One batch before it is told in bytes: what is in it, and its place among the others."""

    device: str
    boot: int
    seq: int
    prev: tuple[int | None, int | None]
    rule: str
    lane: str
    parts: tuple[Series, ...]
    opened_us: int
    closed_us: int
    evicted: tuple[Lost, ...] = ()


def body(batch: Sealed) -> bytes:
    """The message: gzip JSON with a newline for the warm lane, plain for the hot."""
    told = {"boot": batch.prev[0], "last_seq": batch.prev[1]}
    payload: dict[str, object] = {
        "schema": HOT if batch.lane == "hot" else WARM,
        "device": batch.device,
        "module": "telematics",
        "boot": batch.boot,
        "seq": batch.seq,
        "prev": told,
        "rule": batch.rule,
        "kind": "on_change" if batch.lane == "hot" else "periodic",
        "lane": batch.lane,
        "priority": 0 if batch.lane == "hot" else 5,
        "purpose": "fleet",
        "config": 1,
        "opened_ms": batch.opened_us // 1000,
        "closed_ms": batch.closed_us // 1000,
        "fired_ms": [],
        "why": "age",
        "clock": "synced",
        "uptime_ms": 1000 * batch.seq,
        "epoch_ms": batch.opened_us // 1000 - 1000 * batch.seq,
        "kept": sum(len(part.t_us) for part in batch.parts),
        "buses": [],
        "evicted": [
            {"boot": lost.boot, "from": lost.first, "to": lost.last, "why": lost.why} for lost in batch.evicted
        ],
    }
    if batch.lane == "hot":
        row_text: bytes = orjson.dumps(payload | {"rows": _rows(batch.parts)})
        return row_text + b"\n"
    text: bytes = orjson.dumps(payload | {"columns": [_column(part) for part in batch.parts]}) + b"\n"
    return gzip.compress(text, compresslevel=6, mtime=0)


def _column(part: Series) -> dict[str, object]:
    """Differences of times and whole numbers; the first number absolute."""
    t_ms = part.t_us // 1000
    lists: dict[str, object] = {"raw": [], "val": [], "str": []}
    if part.kind == "raw":
        lists["raw"] = [int(part.numbers[0]), *np.diff(np.asarray(part.numbers)).tolist()]
    else:
        lists[part.kind] = part.numbers if isinstance(part.numbers, list) else part.numbers.tolist()
    head = {"name": part.name, "unit": part.unit, "factor": part.factor, "offset": part.offset, "agg": "last"}
    return head | {"max_error": None, "tu": "ms", "t0": int(t_ms[0]), "dt": [0, *np.diff(t_ms).tolist()], **lists}


def _rows(parts: Sequence[Series]) -> list[dict[str, object]]:
    rows = [
        {"t": int(t) // 1000, "agg": "last", "signals": {part.name: float(number) * part.factor + part.offset}}
        for part in parts
        for t, number in zip(part.t_us, part.numbers, strict=True)
    ]
    return sorted(rows, key=lambda row: row["t"])  # type: ignore[arg-type,return-value]  # t is an int

"""Batches that the agent's own tests made, and the rows they mean."""

import json
from pathlib import Path

import pyarrow as pa

from edge_cloud.records import Message
from edge_cloud.tables import SAMPLES

FOLDER = Path(__file__).parents[2] / "golden" / "readers"
DEVICE, BOOT = "demo-vehicle", 12
NAMES = sorted(path.name.removesuffix(".rows.json") for path in FOLDER.glob("*.rows.json"))
"""of the batches that hold samples; `trip` and `frames` are there besides"""


def body(name: str) -> bytes:
    """The payload's text."""
    return (FOLDER / f"{name}.{'log' if name == 'frames' else 'json'}").read_bytes()


def message(name: str) -> Message:
    """As a hub hands it out."""
    tells = {"schema": "candump/1", "lane": "warm", "rule": "harsh_brake", "boot": str(BOOT), "seq": "8"}
    return Message(body(name), DEVICE, tells if name == "frames" else {}, 1_788_264_010_000_000, name)


def samples(name: str) -> pa.Table:
    """What any reader must make of it."""
    header = json.loads(body(name))
    rows = json.loads((FOLDER / f"{name}.rows.json").read_text())
    key = {"device": DEVICE, "boot": BOOT, "seq": header["seq"], "rule": header["rule"]}
    fields = ("signal", "unit", "agg", "max_error", "t", "value", "text")
    found = [{**key, **dict(zip(fields, row, strict=True)), "day": row[4] // 86_400_000_000} for row in rows]
    return pa.Table.from_pylist(found, schema=SAMPLES)

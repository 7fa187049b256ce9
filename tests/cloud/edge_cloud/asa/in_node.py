"""cloud/asa/decode.js, run in Node as Stream Analytics would call it."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from edge_cloud.tables import SAMPLES

NODE = Path(__file__).parents[1] / "node"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decoded(payloads: Sequence[dict[str, Any]]) -> pa.Table:
    """Samples of payloads of columns/1; skips where Node is not there."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is missing: the decoder in JavaScript is not run")
    lines = "\n".join(json.dumps(payload["columns"]) for payload in payloads)
    ran = subprocess.run([node, "decode.js"], input=lines, cwd=NODE, capture_output=True, text=True, check=False)  # noqa: S603  our own file
    assert ran.returncode == 0, ran.stderr
    found = []
    for payload, line in zip(payloads, ran.stdout.splitlines(), strict=True):
        key = {name: payload[name] for name in ("device", "boot", "seq", "rule")}
        found += [key | row | _times(row["t"]) for row in json.loads(line, parse_int=float)]
    return pa.Table.from_pylist(found, schema=SAMPLES)


def _times(text: str) -> dict[str, object]:
    t = datetime.fromisoformat(text)
    return {"t": t, "day": (t - EPOCH).days}

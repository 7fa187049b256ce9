"""The files of KQL through Microsoft's own compiler, in Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest

NODE: Final = Path(__file__).parents[1] / "node"
KQL: Final = Path(__file__).parents[4] / "cloud" / "kql"
ORDER: Final = [path.name for path in sorted(KQL.glob("*.kql"))]

TYPES: Final = {
    pa.string(): "string",
    pa.int64(): "long",
    pa.float64(): "real",
    pa.date32(): "datetime",
    pa.timestamp("us", tz="UTC"): "datetime",
    pa.binary(): "string",
}
"""Kusto's type for each of the cloud's."""


def texts() -> list[dict[str, str]]:
    return [{"name": name, "text": (KQL / name).read_text()} for name in ORDER]


def columns(schema: pa.Schema, *without: str) -> list[list[str]]:
    """A table's columns as the compiler tells them."""
    return [[field.name, TYPES[field.type]] for field in schema if field.name not in without]


def compiled(files: list[dict[str, str]], calls: list[str]) -> dict[str, Any]:
    """What the compiler says; skips where it is not there."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is missing: KQL is not compiled")
    if not (NODE / "node_modules" / "@kusto").is_dir():
        pytest.skip(f"Microsoft's compiler of KQL is missing: npm ci in {NODE.name}, as make cloud does")
    asked = json.dumps({"files": files, "calls": calls})
    ran = subprocess.run([node, "kusto.js"], input=asked, cwd=NODE, capture_output=True, text=True, check=False)  # noqa: S603  our own file
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def faults(answer: dict[str, Any]) -> list[str]:
    """Every diagnostic, of statements, of what views and policies ask, and of calls: `file:line sentence`."""
    found = []
    for one in answer["statements"]:
        inner = [fault for policy in one.get("policies", []) for fault in policy["faults"]]
        found += [f"{one['file']}:{fault['line']} {fault['message']}" for fault in one["faults"]]
        found += [f"{one['file']}:{one['line']} {fault['message']}" for fault in inner]
    return found + [f"{call} {fault['message']}" for call, told in answer["calls"].items() for fault in told["faults"]]

"""The shape of the cabin's source: who may import whom, what pure means, how large things are."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "modules" / "cabin" / "cabin"
MODULES = tuple(sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")))
MODULE_LINES, FUNCTION_LINES = 400, 60

FOREIGN: dict[str, tuple[str, ...]] = {
    "aiomqtt": ("tapin/mqtt.py",),
    "azure": ("iotedge.py",),
    "cryptography": ("calendar/seal.py", "calendar/store.py", "consent/wipe.py"),
    "dbus_fast": ("calls/ofono.py",),
    "msgspec": ("checked_fields.py", "settings.py", "twin.py"),
    "paho": ("iotedge.py", "tapin/mqtt.py"),
    "segno": ("web/qr.py",),
    "starlette": ("web/",),
    "structlog": ("logs.py",),
    "uvicorn": ("web/server.py",),
    "websockets": (),
}
"""A foreign library stands behind the files named here."""

MUST_BE_PURE = (
    "calendar/book.py",
    "calendar/items.py",
    "calls/dialstring.py",
    "consent/ledger.py",
    "errors.py",
    "events.py",
    "ports.py",
    "records.py",
    "safety/limits.py",
    "safety/redact.py",
    "safety/state.py",
    "tapin/latest.py",
    "trips/energy.py",
    "trips/harsh.py",
    "trips/machine.py",
    "trips/measured.py",
    "trips/plot.py",
    "trips/summary.py",
    "web/qr.py",
)
IMPURE_IMPORTS = {"asyncio", "os", "pathlib", "random", "secrets", "socket", "ssl", "subprocess", "threading", "time"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((SOURCE / module).read_text())


def imported(module: str) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES)
def test_the_cabin_knows_the_agent_only_by_its_messages(module: str) -> None:
    assert not [name for name in imported(module) if name.partition(".")[0] == "edge_agent"]


@pytest.mark.parametrize("module", MODULES)
def test_a_foreign_library_stands_behind_its_own_file(module: str) -> None:
    roots = {name.partition(".")[0] for name in imported(module)}
    misplaced = [root for root in roots & FOREIGN.keys() if not module.startswith(FOREIGN[root] or ("nowhere",))]
    assert not misplaced


@pytest.mark.parametrize("module", [one for one in MUST_BE_PURE if (SOURCE / one).exists()])
def test_a_core_has_no_loop_clock_or_disk(module: str) -> None:
    assert not {name.partition(".")[0] for name in imported(module)} & IMPURE_IMPORTS


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_too_large(module: str) -> None:
    lines = [line for line in (SOURCE / module).read_text().splitlines() if line.strip()]
    assert len(lines) <= MODULE_LINES
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{module}: {node.name}"

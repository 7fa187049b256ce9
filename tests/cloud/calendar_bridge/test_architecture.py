"""The shape of the bridge's source: who may import whom, what pure means, how large things are."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "cloud" / "calendar_bridge" / "calendar_bridge"
MODULES = tuple(sorted(path.name for path in SOURCE.glob("*.py")))
MODULE_LINES, FUNCTION_LINES = 400, 60

FOREIGN = {
    "cryptography": {"seal.py"},
    "httpx": {"http.py"},
    "pydantic": {"settings.py"},
    "pydantic_settings": {"settings.py"},
    "starlette": {"web.py"},
    "structlog": {"logs.py"},
    "tzlocal": {"zones.py"},
    "uvicorn": {"web.py"},
}
IMPURE = {"asyncio", "os", "pathlib", "random", "secrets", "socket", "threading", "time"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((SOURCE / module).read_text())


def imported(module: str) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_the_bridge_knows_the_car_only_by_its_twin(module: str) -> None:
    assert not {"cabin", "edge_agent"} & set(imported(module))


@pytest.mark.parametrize("module", MODULES)
def test_a_foreign_library_stands_behind_its_own_file(module: str) -> None:
    assert not [root for root in set(imported(module)) & FOREIGN.keys() if module not in FOREIGN[root]]


@pytest.mark.parametrize("module", [one for one in MODULES if "Pure" in (ast.get_docstring(tree(one)) or "")])
def test_a_core_has_no_loop_clock_or_disk(module: str) -> None:
    assert not set(imported(module)) & IMPURE


def test_the_cores_say_that_they_are_pure() -> None:
    pure = {one for one in MODULES if "Pure" in (ast.get_docstring(tree(one)) or "")}
    assert {"dial_in.py", "items.py", "linking.py", "patches.py", "schedule.py", "times.py", "view.py"} <= pure


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_too_large(module: str) -> None:
    assert len([line for line in (SOURCE / module).read_text().splitlines() if line.strip()]) <= MODULE_LINES
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{module}: {node.name}"

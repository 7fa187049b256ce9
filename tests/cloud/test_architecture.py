"""The shape of the cloud half: it knows the agent by its payloads alone, a foreign library stands behind few files."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "cloud" / "edge_cloud"
MODULES = tuple(sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")))
MODULE_LINES, FUNCTION_LINES = 400, 60

FOREIGN: dict[str, tuple[str, ...]] = {
    "aiomqtt": ("fleet/session.py",),
    "azure": ("readers/",),
    "confluent_kafka": ("spark/landing.py",),
    "deltalake": ("lake.py", "spark/", "fleet/hour_command.py"),
    "duckdb": ("duck.py",),
    "fastavro": ("readers/", "spark/landing.py"),
    "pydantic": ("price/tariff.py",),
    "pyspark": ("spark/",),
}
"""A foreign library stands behind the files named here."""

MUST_BE_PURE = (
    "bodies.py",
    "columns.py",
    "decode.py",
    "errors.py",
    "fleet/drives.py",
    "fleet/generator.py",
    "fleet/recorded.py",
    "fleet/writing.py",
    "gold.py",
    "price/bill.py",
    "price/costs.py",
    "records.py",
    "tables.py",
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
def test_the_cloud_knows_the_agent_only_by_its_payloads(module: str) -> None:
    assert not [name for name in imported(module) if name.partition(".")[0] in {"edge_agent", "cabin", "tests"}]


@pytest.mark.parametrize("module", MODULES)
def test_a_foreign_library_stands_behind_few_files(module: str) -> None:
    roots = {name.partition(".")[0] for name in imported(module)}
    misplaced = [root for root in roots & FOREIGN.keys() if not module.startswith(FOREIGN[root])]
    assert not misplaced


@pytest.mark.parametrize("module", MUST_BE_PURE)
def test_a_pure_module_touches_neither_time_nor_disk_nor_network(module: str) -> None:
    assert not {name.partition(".")[0] for name in imported(module)} & IMPURE_IMPORTS


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_too_large(module: str) -> None:
    assert len((SOURCE / module).read_text().splitlines()) <= MODULE_LINES
    long = [
        node.name
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    assert not long


def test_nothing_of_the_vehicle_needs_the_cloud() -> None:
    for name in ("requirements.lock", "modules/cabin/requirements.lock"):
        locked = (ROOT / name).read_text()
        for library in ("pyspark", "duckdb", "deltalake", "pyarrow", "fastavro", "edge-cloud"):
            assert f"\n{library}==" not in locked, f"{library} in {name}"

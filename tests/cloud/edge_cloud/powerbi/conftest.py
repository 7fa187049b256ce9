"""The project, a copy of it to break, and Microsoft's parser."""

import shutil
from pathlib import Path

import pytest

from tests.cloud.edge_cloud.powerbi.pbir import SCHEMAS
from tests.cloud.edge_cloud.powerbi.tom import Read, Tom

PROJECT = Path(__file__).parents[4] / "cloud" / "powerbi"


@pytest.fixture
def project() -> Path:
    return PROJECT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, to be broken."""
    return shutil.copytree(PROJECT, tmp_path / "powerbi")


@pytest.fixture(scope="session")
def tom(tmp_path_factory: pytest.TempPathFactory) -> Tom:
    return Tom(tmp_path_factory.mktemp("tom"))


@pytest.fixture(scope="session")
def found(tom: Tom, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The project's model, as Microsoft's parser reads it."""
    return tom.read(PROJECT / "Fleet.SemanticModel" / "definition", tmp_path_factory.mktemp("written") / "again")


@pytest.fixture
def schemas() -> Path:
    """Microsoft's schemas; skips where they are not."""
    if not SCHEMAS.is_dir():
        pytest.skip(f"no schemas in {SCHEMAS}: the report was NOT judged by them")
    return SCHEMAS

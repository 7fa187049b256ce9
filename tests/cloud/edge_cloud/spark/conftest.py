"""One Spark of this machine for all tests here: it takes seconds to start."""

import shutil
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from edge_cloud.fleet.generator import Generated, Plan, generate
from edge_cloud.spark.session import desk_session


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17, which is not here")
    session = desk_session(2)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def fleet() -> Generated:
    """Late and doubled vehicles, one with a lost boot, two with lost ends: 90 000 samples."""
    return generate(Plan(vehicles=11, seconds=20, seed=5, lost=0.05, doubled=0.1, batch_s=2))

"""What the pages of the cloud half tell to type, typed: they need this environment, and so are left out elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_cloud.fleet.hour import Hour, write_hour
from tests.docs.pages import ROOT, Block, blocks_in, text_of

BIN = Path(sys.executable).parent
ALL_OF_IT = "samples the agent kept"


def block(page: str, first: str) -> Block:
    [found] = [one for one in blocks_in(page, text_of(page)) if one.language == "sh" and one.first.startswith(first)]
    return found


def typed(text: str, folder: Path) -> str:
    """In a shell that ends at the first mistake, with this environment's commands."""
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(  # noqa: S603  our own page
        ["/bin/bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.mark.skipif(not shutil.which("java"), reason="Java is not installed: Spark cannot be started")
@pytest.mark.timeout(300)
def test_the_stream_and_its_gold_are_started_as_the_page_says(tmp_path: Path) -> None:
    hour = write_hour(Hour(vehicles=40, minutes=3, samples=20, lost=0.1), tmp_path / "captured")
    typed(block("docs/cloud.md", "python -m edge_cloud.spark.ingest").text, tmp_path)
    told = typed(
        "edge-cloud sql 'select count(*) as n, count(distinct device) as cars from batches' --lake lake", tmp_path
    )
    gaps = typed("edge-cloud sql 'select sum(batches) as lost from gaps' --lake lake", tmp_path)

    assert str(hour.batches) in told
    assert str(hour.lost) in gaps


@pytest.mark.timeout(400)
def test_the_demo_goes_from_frames_to_a_page() -> None:
    told = typed(block("cloud/README.md", "make cloud-demo").text, ROOT)

    assert ALL_OF_IT in told
    assert (ROOT / "demo-cloud" / "page.html").stat().st_size > 0

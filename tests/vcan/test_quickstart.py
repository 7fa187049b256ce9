"""docs/quickstart-desk.md, typed as it stands there, where there is a vcan0."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.docs.station import run, said, station

pytestmark = [
    pytest.mark.vcan,
    pytest.mark.timeout(100),
    pytest.mark.skipif(not shutil.which("cansend"), reason="can-utils are not here"),
]


def test_the_quick_start_at_a_desk_shows_what_was_sent(tmp_path: Path) -> None:
    folder = station(tmp_path)
    page = [block.text for block in blocks() if block.page == "docs/quickstart-desk.md"]
    assert page[0].startswith("sudo modprobe vcan")

    code = run("\n".join(page[1:]), folder)

    assert code == 0, said(folder)
    assert "healthy: every stage makes progress" in said(folder)
    assert '"value": 52.0' in said(folder)
    assert "Motion.VehicleSpeed" in (folder / "said").read_text()
    assert "52 km/h" in said(folder)

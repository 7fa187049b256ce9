from pathlib import Path

import pytest

from edge_agent.errors import SpoolUnusable
from edge_agent.settings import BusSettings, Settings
from edge_agent.wiring.storage import spool_of
from tests.acquire.told import Told

BUSES = (BusSettings(name="front", channel="can0"),)


async def test_the_spool_lies_in_the_data_folder(tmp_path: Path) -> None:
    spool = await spool_of(Settings(buses=BUSES, data_folder=tmp_path), Told())
    try:
        assert spool.boot.boot == 1
        assert (tmp_path / "spool").is_dir()
    finally:
        await spool.close()


async def test_a_spool_that_cannot_be_there_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")

    with pytest.raises(SpoolUnusable):
        await spool_of(Settings(buses=BUSES, data_folder=tmp_path), Told())

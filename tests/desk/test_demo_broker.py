import asyncio
import shutil
from pathlib import Path

import pytest

from edge_agent.desk import demo_broker
from edge_agent.desk.demo_broker import PATHS, local_broker

HOST = "127.0.0.121"


@pytest.mark.skipif(shutil.which("mosquitto", path=PATHS) is None, reason="mosquitto is needed")
async def test_where_mosquitto_is_installed_it_runs_as_long_as_the_block(tmp_path: Path) -> None:
    async with local_broker(tmp_path, HOST) as broker:
        host, _, port = broker.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        await writer.wait_closed()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(host, int(port))


@pytest.mark.parametrize("content", [None, "#!/bin/sh\nexit 1\n"])
async def test_without_one_that_starts_there_is_no_address(
    content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_broker, "PATHS", str(tmp_path))
    if content:
        (tmp_path / "mosquitto").write_text(content)
        (tmp_path / "mosquitto").chmod(0o700)
    async with local_broker(tmp_path, HOST) as broker:
        assert not broker


async def test_on_an_address_that_is_not_this_machines_there_is_none(tmp_path: Path) -> None:
    async with local_broker(tmp_path, "203.0.113.1") as broker:
        assert not broker

import asyncio
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge_agent.desk import demo_broker
from edge_agent.desk.demo_broker import PATHS, local_broker
from edge_agent.tap.address import address_of
from edge_agent.tap.link import Message
from edge_agent.tap.mqtt import LocalBroker, MqttLink
from tests.tap.broker import LAST
from tests.uplink.fakes import Told

HOST = "127.0.0.164"


@pytest.mark.skipif(shutil.which("mosquitto", path=PATHS) is None, reason="mosquitto is needed")
async def test_where_mosquitto_is_installed_it_runs_as_long_as_the_block(tmp_path: Path) -> None:
    async with local_broker(tmp_path, HOST) as broker:
        assert broker is not None
        host, _, port = broker.address.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        await writer.wait_closed()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(host, int(port))


@pytest.mark.skipif(find_spec("amqtt") is None, reason="amqtt is needed: pip install edge-agent[demo]")
async def test_without_mosquitto_an_embedded_one_speaks_to_the_agents_tap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It knows MQTT 3.1.1 alone."""
    monkeypatch.setattr(demo_broker, "PATHS", str(tmp_path))
    async with local_broker(tmp_path, HOST) as broker:
        assert broker is not None
        heard = asyncio.Queue[tuple[str, bytes]]()
        link = MqttLink(LocalBroker(address_of(broker.address), "agent", version=broker.version), Told())
        session = await link.connect({"cabin/v1/trip": lambda payload: heard.put_nowait(("trip", payload))}, LAST)
        try:
            await session.publish(Message("cabin/v1/trip", b"{}"))
            async with asyncio.timeout(5):
                assert await heard.get() == ("trip", b"{}")
        finally:
            await session.close()


@pytest.mark.parametrize("content", [None, "#!/bin/sh\nexit 1\n"])
async def test_without_one_that_starts_there_is_no_address(
    content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_broker, "PATHS", str(tmp_path))
    monkeypatch.setattr(demo_broker, "find_spec", lambda _: None)
    if content:
        (tmp_path / "mosquitto").write_text(content)
        (tmp_path / "mosquitto").chmod(0o700)
    async with local_broker(tmp_path, HOST) as broker:
        assert broker is None


async def test_on_an_address_that_is_not_this_machines_there_is_none(tmp_path: Path) -> None:
    async with local_broker(tmp_path, "203.0.113.1") as broker:
        assert broker is None

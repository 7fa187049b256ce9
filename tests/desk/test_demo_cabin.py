from pathlib import Path

import pytest

from edge_agent.desk import demo_cabin
from edge_agent.desk.demo_broker import Running
from edge_agent.desk.demo_cabin import head_unit
from edge_agent.localhub.admin_client import AdminClient


@pytest.mark.parametrize("broker", [None, Running("127.0.0.1:1883", "5")])
async def test_without_a_broker_or_a_cabin_the_demo_goes_on_without_a_head_unit(
    broker: Running | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_cabin, "find_spec", lambda _: None)
    told: list[str] = []
    async with head_unit(tmp_path, {}, AdminClient(tmp_path), "car", broker=broker, tell=told.append) as unit:
        assert unit is None
    assert told == ["no head unit: it needs the module cabin (pip install ./modules/cabin) and a local MQTT broker"]
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240  nothing else runs

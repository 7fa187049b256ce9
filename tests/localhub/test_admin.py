import asyncio
import http.client
import stat
from pathlib import Path

import pytest

from edge_agent.errors import LocalHubAbsent, LocalHubRefused
from edge_agent.localhub.admin import Door
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.hub import LocalHub


def test_the_door_is_told_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    door = Door("127.0.0.1", 4242, "a token")
    door.write(tmp_path)

    assert Door.read(tmp_path) == door
    assert stat.S_IMODE((tmp_path / "admin.json").stat().st_mode) == 0o600


def test_a_hub_that_has_gone_leaves_no_door(tmp_path: Path) -> None:
    Door("127.0.0.1", 4242, "a token").write(tmp_path)
    Door.remove(tmp_path)

    with pytest.raises(LocalHubAbsent, match=r"admin\.json cannot be read"):
        Door.read(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"address": "127.0.0.1"}', '{"address": "a", "port": "x", "token": "t"}'])
def test_a_door_that_is_no_door_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "admin.json").write_text(text)

    with pytest.raises(LocalHubAbsent):
        Door.read(tmp_path)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, 300.5])
async def test_a_method_must_be_waited_for_within_iot_hubs_limits(hub: LocalHub, timeout_s: float) -> None:
    client = AdminClient(hub.folder)

    with pytest.raises(LocalHubRefused, match="timeout_s") as refused:
        await asyncio.to_thread(client.invoke, "demo-vehicle", "telematics", "status", "null", timeout_s)
    assert refused.value.status == 400


async def test_what_is_not_there_is_404_and_without_a_token_401(hub: LocalHub) -> None:
    door = Door.read(hub.folder)

    def asked(path: str, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(door.address, door.port, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    assert await asyncio.to_thread(asked, "/nothing", {"Authorization": f"Bearer {door.token}"}) == 404
    assert await asyncio.to_thread(asked, "/status", {}) == 401

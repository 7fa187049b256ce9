import asyncio
import json
import socket
from pathlib import Path

import pytest

from edge_agent.errors import LocalHubAbsent, LocalHubRefused
from edge_agent.localhub.admin import Door
from edge_agent.localhub.admin_client import AdminClient, HubStatus
from edge_agent.localhub.hub import LocalHub
from edge_agent.localhub.packets import Publish
from edge_agent.localhub.switchboard import MethodResult
from tests.localhub.client import telemetry_topic
from tests.localhub.conftest import Join

MODULE = ("demo-vehicle", "telematics")


async def test_a_desired_patch_reaches_the_module_and_is_in_the_twin(hub: LocalHub, join: Join) -> None:
    client, cabin = await join(), await join("cabin")
    admin = AdminClient(hub.folder)
    after = await asyncio.to_thread(admin.patch_desired, *MODULE, '{"rules": {"idle": {"every_ms": 100}}}')
    told = await client.message()
    assert told.topic == "$iothub/twin/PATCH/properties/desired/?$version=2"
    assert json.loads(told.payload) == {"rules": {"idle": {"every_ms": 100}}, "$version": 2}
    assert await asyncio.to_thread(admin.twin, *MODULE) == after
    assert json.loads(after)["desired"] == {"rules": {"idle": {"every_ms": 100}}, "$version": 2}
    assert await cabin.is_silent()


async def test_a_method_is_called_and_answered(hub: LocalHub, join: Join) -> None:
    client = await join()
    admin = AdminClient(hub.folder)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(asyncio.to_thread(admin.invoke, *MODULE, "snap shot/1", '{"a":1}', 5.0), name="call")
        asked = await client.message()
        name, _, request = asked.topic.removeprefix("$iothub/methods/POST/").partition("/?$rid=")
        assert (name, asked.payload) == ("snap%20shot%2F1", b'{"a":1}')
        await client.send(Publish(f"$iothub/methods/res/207/?$rid={request}", b'{"ok":true}', 1, 3))
    assert call.result() == MethodResult(207, '{"ok":true}')


async def test_a_call_nobody_can_take_is_refused_with_its_status(hub: LocalHub, join: Join) -> None:
    admin = AdminClient(hub.folder)
    with pytest.raises(LocalHubRefused, match="404: module demo-vehicle/telematics does not listen"):
        await asyncio.to_thread(admin.invoke, *MODULE, "ping", "null", 1.0)
    await join()
    with pytest.raises(LocalHubRefused, match="504: method 'ping' was not answered within"):
        await asyncio.to_thread(admin.invoke, *MODULE, "ping", "null", 0.05)
    with pytest.raises(LocalHubRefused, match="400: timeout_s"):
        await asyncio.to_thread(admin.invoke, *MODULE, "ping", "null", 301.0)
    with pytest.raises(LocalHubRefused, match="400: not JSON"):
        await asyncio.to_thread(admin.patch_desired, *MODULE, "{")
    with pytest.raises(LocalHubRefused, match="400: not UTF-8 at byte 2"):
        await asyncio.to_thread(admin.patch_desired, *MODULE, '{"\udcff": 1}')
    with pytest.raises(LocalHubRefused, match="400: the payload: not UTF-8 at byte 1"):
        await asyncio.to_thread(admin.invoke, *MODULE, "ping", '"\udcff"', 1.0)
    with pytest.raises(LocalHubRefused, match="404: module demo-vehicle/x is not known"):
        await asyncio.to_thread(admin.twin, "demo-vehicle", "x")


async def test_status_tells_who_is_connected_and_what_has_passed(hub: LocalHub, join: Join) -> None:
    client = await join()
    await client.ask(Publish(telemetry_topic(), b"12345", 1, 1))
    await client.ask(Publish("nowhere", b"", 1, 2))
    status = await asyncio.to_thread(AdminClient(hub.folder).status)
    assert status == HubStatus(frozenset({MODULE}), 1, 5, hub.refusals)  # type: ignore[arg-type]  # a ModuleId is a pair
    assert len(status.refusals) == 1


async def test_another_token_is_refused(hub: LocalHub) -> None:
    door = Door.read(hub.folder)
    Door(door.address, door.port, "guess").write(hub.folder)
    with pytest.raises(LocalHubRefused, match="401"):
        await asyncio.to_thread(AdminClient(hub.folder).status)


async def test_where_no_hub_runs_one_error_says_so(hub: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(LocalHubAbsent, match=r"no local hub runs on .*never"):
        AdminClient(tmp_path / "never").status()
    await hub.stop()
    with pytest.raises(LocalHubAbsent):
        AdminClient(hub.folder).status()


def test_the_door_of_a_killed_hub_leads_nowhere(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but it never listens
        Door("127.0.0.1", closed.getsockname()[1], "t").write(tmp_path)
        with pytest.raises(LocalHubAbsent, match="nothing answers at 127"):
            AdminClient(tmp_path).status()

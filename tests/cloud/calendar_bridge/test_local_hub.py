"""The adapter of the hub over the twins of the agent's local hub, behind IoT Hub's own paths."""

import json
from pathlib import Path

import pytest

from calendar_bridge import http
from calendar_bridge.credentials import SharedAccess
from calendar_bridge.errors import Absent, Unreachable
from calendar_bridge.iothub import IotHub
from calendar_bridge.records import Held
from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.hub import LocalHub
from tests.cloud.calendar_bridge.fake_azure import POLICY_KEY
from tests.cloud.calendar_bridge.stage import SetClock
from tests.cloud.calendar_bridge.web_server import Asked, Reply, Route, WebServer

ADDRESS = "127.0.0.140"


async def test_a_patch_adds_replaces_and_removes_items_of_one_profile_alone(tmp_path: Path) -> None:
    hub = LocalHub(tmp_path / "hub", ADDRESS, identities=[("demo-vehicle", "cabin")])
    await hub.start()
    try:
        with WebServer().running() as server:
            server.routes["/twins/"] = _service_side(AdminClient(tmp_path / "hub"))
            async with http.opened() as web:
                signed = SharedAccess("hub.example", "service", POLICY_KEY)
                await _patched(IotHub(web, SetClock(), signed, server.url, "cabin"))
    finally:
        await hub.stop()


async def _patched(twins: IotHub) -> None:
    sealed = {"n": 1, "u": 2, "s": "x"}
    await twins.patch("demo-vehicle", "p1", {"a": sealed, "b": sealed})
    await twins.patch("demo-vehicle", "p2", {"a": sealed})
    await twins.patch("demo-vehicle", "p1", {"a": {**sealed, "n": 3}, "b": None})
    twin = await twins.read("demo-vehicle")
    assert twin.calendar == {"p1": {"a": Held(3, 2)}, "p2": {"a": Held(1, 2)}}
    assert (twin.car_key, twin.other_bytes) == ("", 2)

    await twins.patch("demo-vehicle", "p1", None)
    assert (await twins.read("demo-vehicle")).calendar == {"p2": {"a": Held(1, 2)}}
    with pytest.raises(Absent):
        await twins.read("nobody")


async def test_a_hub_that_does_not_take_our_credential_is_not_the_driver_s_token() -> None:
    with WebServer().running() as server:
        server.routes["/twins/"] = lambda _: Reply(401)
        async with http.opened() as web:
            signed = SharedAccess("hub.example", "service", POLICY_KEY)
            with pytest.raises(Unreachable, match="credential"):
                await IotHub(web, SetClock(), signed, server.url, "cabin").read("demo-vehicle")


def _service_side(admin: AdminClient) -> Route:
    def answer(asked: Asked) -> Reply:
        vehicle, _, module = asked.path.removeprefix("/twins/").partition("/modules/")
        try:
            if asked.method == "PATCH":
                properties = asked.json["properties"]
                assert isinstance(properties, dict)
                text = admin.patch_desired(vehicle, module, json.dumps(properties["desired"]))
            else:
                text = admin.twin(vehicle, module)
        except LocalHubRefused as error:
            return Reply(error.status)
        return Reply(200, {"properties": json.loads(text)})

    return answer

"""The local hub with a module's environment set, for tests of the real SDK."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import Arrival, read_arrivals
from edge_agent.localhub.hub import DirectWay, LocalHub, Way
from edge_agent.records import EnvelopeKey, MethodAnswer
from edge_agent.uplink.credentials import HubCertificate, HubKey, hub_credentials
from edge_agent.uplink.edge_environment import DESK, WORKLOAD
from edge_agent.uplink.iotedge import IotEdge, Limits
from tests.uplink.fakes import Told

SHORT = Limits(connect_s=1.5, subscribe_s=1.0, twin_s=1.0, send_s=1.0, method_s=0.3, shutdown_s=1.0)
"""What a test of a silent hub waits for; loopback answers in milliseconds."""

DEVICE, MODULE = "demo-vehicle", "telematics"


class Desk:
    """A local hub and what its service side can do."""

    def __init__(self, hub: LocalHub, log: Told, uplink: IotEdge, module: str = MODULE) -> None:
        self.hub, self.log, self.uplink, self.module = hub, log, uplink, module

    def arrivals(self) -> list[Arrival]:
        return list(read_arrivals(self.hub.arrivals_path))

    def arrived(self) -> list[EnvelopeKey]:
        return [EnvelopeKey(int(each.properties["boot"]), int(each.properties["seq"])) for each in self.arrivals()]

    async def twin(self) -> dict[str, dict[str, object]]:
        text = await asyncio.to_thread(AdminClient(self.hub.folder).twin, DEVICE, self.module)
        twin: dict[str, dict[str, object]] = json.loads(text)
        return twin

    async def desire(self, patch: dict[str, object]) -> None:
        await asyncio.to_thread(AdminClient(self.hub.folder).patch_desired, DEVICE, self.module, json.dumps(patch))

    async def call(self, name: str, payload: str) -> MethodAnswer:
        result = await asyncio.to_thread(AdminClient(self.hub.folder).invoke, DEVICE, self.module, name, payload, 5.0)
        return MethodAnswer(result.status, result.payload)

    def drop(self) -> None:
        assert self.hub._switchboard is not None
        for line in list(self.hub._switchboard._lines.values()):
            line.hang_up("the test drops it")

    def forget(self) -> None:
        """The hub's end of each connection is gone without a word, as behind a router that lost its table."""
        assert self.hub._switchboard is not None
        for line in self.hub._switchboard._lines.values():
            line._writer.transport.pause_reading()  # type: ignore[attr-defined]
        self.hub._switchboard._lines.clear()


def set_environment(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in (*WORKLOAD, *DESK):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def desk(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch, way: Way = "connection_string", limits: Limits = SHORT
) -> AsyncIterator[Desk]:
    hub = LocalHub(folder, address=address, device=DEVICE, module=MODULE)
    await hub.start()
    try:
        set_environment(monkeypatch, hub.environment(way))
        log = Told()
        yield Desk(hub, log, IotEdge(log, limits=limits, keep_alive_s=3))
    finally:
        await hub.stop()


@asynccontextmanager
async def direct_desk(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch, module: str, way: DirectWay
) -> AsyncIterator[Desk]:
    """The agent as a device, or a module, at the hub itself; nothing of IoT Edge is in the environment."""
    hub = LocalHub(folder, address=address, device=DEVICE, module=MODULE)
    await hub.start()
    try:
        set_environment(monkeypatch, {})
        log = Told()
        uplink = IotEdge(log, credentials=credentials_of(hub.direct(module, way)), limits=SHORT, keep_alive_s=3)
        yield Desk(hub, log, uplink, module)
    finally:
        await hub.stop()


def credentials_of(variables: dict[str, str]) -> HubKey | HubCertificate:
    files = {name: Path(path) for name, path in variables.items() if name.endswith("_FILE")}
    return hub_credentials(
        variables["HUB_CONNECTION_STRING"],
        files.get("HUB_CERTIFICATE_FILE"),
        files.get("HUB_KEY_FILE"),
        files.get("HUB_CA_FILE"),
    )


async def until(reached: Callable[[], bool], limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while not reached():  # noqa: ASYNC110  there is no event for what a file or another thread does
            await asyncio.sleep(0.01)

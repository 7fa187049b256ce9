"""The real azure-iot-device against the hub, and the hub's life over stops and kills."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from azure.iot.device import Message, MethodRequest, MethodResponse, exceptions
from azure.iot.device.aio import IoTHubModuleClient

from edge_agent.errors import BadSettings
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.hub import LocalHub, Way, serve
from edge_agent.localhub.packets import Connack
from edge_agent.localhub.switchboard import MethodResult
from tests.localhub.client import Client, credentials

WAYS: list[Way] = ["connection_string", "workload"]
MODULE = ("demo-vehicle", "telematics")


@pytest.fixture
def set_environment(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a module's credentials, and no others, where the SDK looks for them."""

    def set_one(way: Way, **changed: str) -> None:
        for name in (*hub.environment("connection_string"), *hub.environment("workload")):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**hub.environment(way), **changed}.items():
            monkeypatch.setenv(name, value)

    return set_one


@contextlib.asynccontextmanager
async def sdk_client() -> AsyncIterator[IoTHubModuleClient]:
    """A client as the environment says; its constructor blocks, so it does not run on the hub's loop."""
    client = await asyncio.to_thread(
        IoTHubModuleClient.create_from_edge_environment,
        connection_retry=False,
        auto_connect=False,
        keep_alive=10,
        ensure_desired_properties=False,  # it would tell the whole document as a patch after a reconnection
    )
    try:
        yield client
    finally:
        try:
            await client.shutdown()
        except exceptions.NoConnectionError:  # the connection went while it was being closed
            await client.shutdown()


def listen_for_patches(
    client: IoTHubModuleClient, loop: asyncio.AbstractEventLoop, patches: asyncio.Queue[object]
) -> None:
    """Blocks until the hub has answered, so it does not run on the hub's loop."""

    def told(patch: object) -> None:
        loop.call_soon_threadsafe(patches.put_nowait, patch)

    client.on_twin_desired_properties_patch_received = told


def message(body: bytes, **system: str) -> Message:
    return Message(body, **system)  # type: ignore[no-untyped-call]  # the SDK has no types here


@pytest.mark.parametrize("way", WAYS)
async def test_telemetry_of_the_sdk_arrives_with_its_properties(
    hub: LocalHub, set_environment: Callable[..., None], way: Way
) -> None:
    set_environment(way)
    async with sdk_client() as client:
        await client.connect()
        assert hub.connected == {MODULE}
        batch = message(b"\x1f\x8b\x00", message_id="7/1", content_encoding="gzip", content_type="application/json")
        batch.custom_properties = {"schema": "columns/1", "ä &=": "ö + %"}
        await client.send_message_to_output(batch, "bulk/1")
    (arrival,) = read_arrivals(hub.arrivals_path)
    assert (arrival.device, arrival.module, arrival.output, arrival.body) == (*MODULE, "bulk/1", b"\x1f\x8b\x00")
    assert arrival.properties == {
        "$.on": "bulk/1",
        "$.mid": "7/1",
        "$.ce": "gzip",
        "$.ct": "application/json",
        "schema": "columns/1",
        "ä &=": "ö + %",
    }
    assert hub.refusals == ()


@pytest.mark.parametrize("way", WAYS)
async def test_the_sdk_reads_reports_and_hears_of_its_twin(
    hub: LocalHub, set_environment: Callable[..., None], way: Way
) -> None:
    set_environment(way)
    admin, loop = AdminClient(hub.folder), asyncio.get_running_loop()
    patches: asyncio.Queue[object] = asyncio.Queue()
    await asyncio.to_thread(admin.patch_desired, *MODULE, '{"rules": {"a": 1}}')
    async with sdk_client() as client:
        await client.connect()
        assert await client.get_twin() == {"desired": {"rules": {"a": 1}, "$version": 2}, "reported": {"$version": 1}}
        await client.patch_twin_reported_properties({"status": {"version": 2}})
        await asyncio.to_thread(listen_for_patches, client, loop, patches)
        await asyncio.to_thread(admin.patch_desired, *MODULE, '{"rules": {"a": null, "b": 2}}')
        assert await patches.get() == {"rules": {"a": None, "b": 2}, "$version": 3}
        assert await client.get_twin() == {
            "desired": {"rules": {"b": 2}, "$version": 3},
            "reported": {"status": {"version": 2}, "$version": 2},
        }


async def test_a_direct_method_is_answered_by_the_sdk(hub: LocalHub, set_environment: Callable[..., None]) -> None:
    set_environment("connection_string")

    async def answer(client: IoTHubModuleClient, request: MethodRequest) -> None:
        echo = {"name": request.name, "payload": request.payload}
        await client.send_method_response(MethodResponse.create_from_method_request(request, 207, echo))

    def listen(client: IoTHubModuleClient) -> None:
        client.on_method_request_received = lambda request: asyncio.run(answer(client, request))

    async with sdk_client() as client:
        await client.connect()
        await asyncio.to_thread(listen, client)
        result = await asyncio.to_thread(AdminClient(hub.folder).invoke, *MODULE, "snap shot", '{"a":1}', 5.0)
    assert result == MethodResult(207, '{"name": "snap shot", "payload": {"a": 1}}')


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("SharedAccessKey=", "SharedAccessKey=AAAA", "signed with another key"),
        ("ModuleId=telematics", "ModuleId=stranger", "module demo-vehicle/stranger is not known"),
    ],
)
async def test_the_sdk_is_told_that_its_credentials_are_refused(
    hub: LocalHub, set_environment: Callable[..., None], old: str, new: str, reason: str
) -> None:
    spoilt = hub.environment("connection_string")["EdgeHubConnectionString"].replace(old, new)
    set_environment("connection_string", EdgeHubConnectionString=spoilt)
    async with sdk_client() as client:
        with pytest.raises(exceptions.CredentialError):
            await client.connect()
    assert reason in hub.refusals[-1]


RUN_A_HUB = """
import asyncio, sys
from pathlib import Path
from edge_agent.localhub.hub import LocalHub

async def run():
    hub = LocalHub(Path(sys.argv[1]), sys.argv[2])
    await hub.start()
    print("up", flush=True)
    await hub.ended()

asyncio.run(run())
"""


@contextlib.asynccontextmanager
async def hub_process(hub: LocalHub) -> AsyncIterator[None]:
    """This hub in its own process, which is killed with SIGKILL at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN_A_HUB, str(hub.folder), hub.address, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"up\n"
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_a_killed_hub_started_again_goes_on(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, admin = LocalHub(tmp_path / "hub", address), AdminClient(tmp_path / "hub")
    await hub.start()
    await hub.stop()
    for name, value in hub.environment("connection_string").items():
        monkeypatch.setenv(name, value)
    async with sdk_client() as client, hub_process(hub):
        await client.connect()
        await client.get_twin()
        await asyncio.to_thread(listen_for_patches, client, asyncio.get_running_loop(), asyncio.Queue())
        await client.patch_twin_reported_properties({"a": 1})
        await client.send_message(message(b"before"))
        certificates = {path.name: path.read_bytes() for path in hub.folder.glob("*.pem")}
    async with hub_process(hub):
        # Says who it is, as the SDK did, but never subscribes: the hub has kept the subscriptions.
        bare = await Client.open(hub)
        assert await bare.ask(credentials(hub)) == Connack(session_present=True, code=0)
        await asyncio.to_thread(admin.patch_desired, *MODULE, '{"b": 2}')
        assert (await bare.message()).payload == b'{"b":2,"$version":2}'
        await bare.close()
        async with sdk_client() as client:
            await client.connect()
            await client.send_message(message(b"after"))
            twin = await client.get_twin()
    assert twin == {"desired": {"b": 2, "$version": 2}, "reported": {"a": 1, "$version": 2}}
    assert [(one.n, one.body) for one in read_arrivals(hub.arrivals_path)] == [(1, b"before"), (2, b"after")]
    assert {path.name: path.read_bytes() for path in hub.folder.glob("*.pem")} == certificates


async def test_everything_is_closed_by_stop_and_open_again_by_start(tmp_path: Path, address: str) -> None:
    before = asyncio.all_tasks()
    hub = LocalHub(tmp_path / "hub", address)
    for _ in range(2):
        await hub.start()
        client = await Client.join(hub)
        await hub.stop()
        assert not hub.connected
        assert asyncio.all_tasks() == before
        await client.close()
    assert {path.name for path in hub.folder.iterdir()} & {"admin.json", "workload.sock"} == set()


async def test_serve_runs_until_it_is_told_to_stop(tmp_path: Path, address: str) -> None:
    hub, stop = LocalHub(tmp_path / "hub", address), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(hub, stop), name="serve")
        async with asyncio.timeout(5):
            while not (hub.folder / "admin.json").exists():  # noqa: ASYNC110  as another process would wait
                await asyncio.sleep(0.01)
        stop.set()
    assert not (hub.folder / "admin.json").exists()


async def test_a_second_hub_on_the_folder_or_the_address_is_refused(hub: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="hub: another hub runs on this folder"):
        await LocalHub(hub.folder, hub.address).start()
    with pytest.raises(BadSettings, match=f"{hub.address}:8883: .*in use"):
        await LocalHub(tmp_path / "other", hub.address).start()
    client = await Client.open(hub)
    await client.ask(credentials(hub))
    await client.close()


async def test_a_folder_whose_socket_path_is_too_long_is_named(tmp_path: Path, address: str) -> None:
    with pytest.raises(BadSettings, match=r"workload\.sock: a unix socket's path has at most 107 bytes"):
        await LocalHub(tmp_path / ("x" * 100), address).start()


async def test_the_environment_has_the_forms_of_the_simulator_and_of_the_agent(hub: LocalHub) -> None:
    simulated = hub.environment("connection_string", "cabin")
    assert simulated.keys() == {"EdgeHubConnectionString", "EdgeModuleCACertificateFile"}
    names = [pair.partition("=")[0] for pair in simulated["EdgeHubConnectionString"].split(";")]
    assert names == ["HostName", "GatewayHostName", "DeviceId", "ModuleId", "SharedAccessKey"]
    deployed = hub.environment("workload")
    assert deployed["IOTEDGE_WORKLOADURI"] == f"unix://{hub.folder}/workload.sock"
    assert deployed["IOTEDGE_GATEWAYHOSTNAME"] == hub.address
    assert len(deployed) == 7
    with pytest.raises(BadSettings, match="does not know 'stranger'"):
        hub.environment("workload", "stranger")

"""A far end that is not who it should be, or speaks what nobody should any more, is told nothing."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import HubUnreachable
from edge_agent.localhub.authority import Certificates, load_certificates
from edge_agent.localhub.hub import PORT
from edge_agent.ports import Uplink
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import Delivery
from edge_agent.uplink.iotedge import IotEdge
from edge_agent.uplink.mqtt import Broker, MqttUplink
from tests.uplink.broker import SHORT as SHORT_AT_A_BROKER
from tests.uplink.broker import TOPICS
from tests.uplink.desk import SHORT, set_environment, until
from tests.uplink.fakes import MemorySpool, Recorder, Told, envelope

ADDRESS = "127.0.0.100"
NOW = datetime.now(UTC)
KEY = base64.b64encode(b"a key that nobody may see in a log").decode()


@dataclass
class Server:
    """Takes connections, and what is said to it after the handshake."""

    context: ssl.SSLContext
    authority: Path
    heard: list[bytes] = field(default_factory=list)
    tried: int = 0


def of_another_authority(folder: Path) -> Server:
    (folder / "trusted").mkdir()
    trusted = load_certificates(folder / "trusted", [ADDRESS], NOW)
    return Server(_speaking(load_certificates(folder, [ADDRESS], NOW)), trusted.authority)


def expired(folder: Path) -> Server:
    certificates = load_certificates(folder, [ADDRESS], NOW - timedelta(days=400))
    return Server(_speaking(certificates), certificates.authority)


def of_another_name(folder: Path) -> Server:
    certificates = load_certificates(folder, ["127.0.0.5"], NOW)
    return Server(_speaking(certificates), certificates.authority)


def of_1999(folder: Path) -> Server:
    certificates = load_certificates(folder, [ADDRESS], NOW)
    context = _speaking(certificates)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return Server(context, certificates.authority)


def _speaking(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return context


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.tried += 1
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # the transport of a client reads and writes
        try:
            await writer.start_tls(server.context, ssl_handshake_timeout=2)
            while data := await reader.read(4096):
                server.heard.append(data)
        except OSError:
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, ADDRESS, PORT)
    try:
        yield
    finally:
        listening.close()
        await asyncio.sleep(0)


def through_iot_edge(authority: Path, log: Told, monkeypatch: pytest.MonkeyPatch) -> Uplink:
    string = f"HostName=hub;GatewayHostName={ADDRESS};DeviceId=car;ModuleId=telematics;SharedAccessKey={KEY}"
    variables = {"EdgeHubConnectionString": string, "EdgeModuleCACertificateFile": str(authority)}
    set_environment(monkeypatch, variables)
    return IotEdge(log, limits=SHORT)


def to_a_broker(authority: Path, log: Told, _: pytest.MonkeyPatch) -> Uplink:
    broker = Broker(ADDRESS, PORT, "car", username="car", password=KEY, authority=authority)
    return MqttUplink(log, broker, TOPICS, SHORT_AT_A_BROKER)


@pytest.mark.parametrize("through", [through_iot_edge, to_a_broker])
@pytest.mark.parametrize(
    ("impostor", "told"),
    [
        (of_another_authority, r"certificate verify failed|CERTIFICATE_VERIFY_FAILED"),
        (expired, "certificate has expired"),
        (of_another_name, "IP address mismatch|certificate verify failed"),
        (of_1999, r"(?i)protocol"),
    ],
)
async def test_a_far_end_that_is_not_right_is_told_nothing_and_named_once_a_try(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impostor: Callable[[Path], Server],
    told: str,
    through: Callable[[Path, Told, pytest.MonkeyPatch], Uplink],
) -> None:
    server, log = impostor(tmp_path), Told()
    uplink = through(server.authority, log, monkeypatch)
    async with serving(server):
        with pytest.raises(HubUnreachable, match=told):
            await uplink.connect(Recorder())
        spool, stop = MemorySpool([envelope(1)]), asyncio.Event()
        delivery = Delivery(uplink, spool, Recorder(), Reported(), clock=SystemClock(), random=lambda: 0.5, log=log)
        async with asyncio.TaskGroup() as group:
            group.create_task(delivery.run(stop), name="delivery")
            await until(lambda: bool(log.fields("uplink.link_down")))
            stop.set()
    assert server.tried >= 2
    assert server.heard == []
    assert len(log.fields("uplink.link_down")) == delivery.counts.failures
    assert KEY not in repr(log.lines)

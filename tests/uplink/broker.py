"""mosquitto with TLS and an access list, what stands for the cloud behind it, and a wire between that can be muted."""

import asyncio
import base64
import contextlib
import hashlib
import json
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest
from aiomqtt import ProtocolVersion
from paho.mqtt.packettypes import PacketTypes  # type: ignore[import-untyped]
from paho.mqtt.properties import Properties  # type: ignore[import-untyped]

from edge_agent.localhub.authority import load_certificates, make_client
from edge_agent.records import EnvelopeKey, MethodAnswer
from edge_agent.uplink.mqtt import Broker, Limits, MqttUplink
from edge_agent.uplink.mqtt_topics import Topics
from tests.uplink.fakes import Told

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
SHORT = Limits(connect_s=2.0, subscribe_s=1.5, document_s=0.3, send_s=1.0, method_s=0.3, shutdown_s=1.0)
RECEIVE_MAXIMUM = 10
"""as HiveMQ allows by default"""
AGENT, PASSWORD = "demo-vehicle", "a-password-of-the-tests"
TOPICS = Topics(AGENT, "telematics", "vehicles/{device}/{lane}/{rule}", "vehicles/{device}/control")

ACCESS = f"""
user cloud
topic readwrite #
user {AGENT}
topic write vehicles/{AGENT}/warm/#
topic write vehicles/{AGENT}/control/reported
topic write answers/#
topic read vehicles/{AGENT}/control/#
"""


class Wire:
    """Passes bytes on in both directions, as long as it is not muted or cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._server: asyncio.Server | None = None
        self.muted = False
        """what the far end says is swallowed"""
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        while self._pairs:  # noqa: ASYNC110  each takes itself off
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            with contextlib.suppress(ExceptionGroup, OSError):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, far_writer, from_far=False), name="to the broker")
                    group.create_task(self._pass(far_reader, writer, from_far=True), name="from the broker")
        finally:
            for end in pair:
                end.transport.abort()
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._pairs.discard(pair)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_far: bool) -> None:
        while data := await reader.read(65536):
            if not (from_far and self.muted):
                writer.write(data)
                await writer.drain()
        raise ConnectionResetError("one side has ended")


class BrokerWorld:
    """A world of the uplink's contract suite."""

    def __init__(self, folder: Path, wire: Wire, cloud: aiomqtt.Client, log: Told) -> None:
        self.folder, self.wire, self.log = folder, wire, log
        self._cloud = cloud
        self._keys: list[EnvelopeKey] = []
        self._reported: dict[str, object] = {}
        self._desired: dict[str, object] = {}
        self._version = 1
        self._marks = self._marked = 0
        self._answers: dict[bytes, asyncio.Future[MethodAnswer]] = {}
        self.messages: list[aiomqtt.Message] = []
        self.uplink = MqttUplink(log, self.broker(), TOPICS, SHORT)

    def broker(self, password: str = PASSWORD, client_id: str = AGENT) -> Broker:
        return Broker(
            "localhost",
            self.wire.port,
            client_id,
            username=AGENT,
            password=password,
            authority=self.folder / "ca.pem",
            keep_alive_s=3,
        )

    async def listen(self) -> None:
        await self._cloud.subscribe([("vehicles/#", 1), ("answers/#", 1)])
        async for message in self._cloud.messages:
            self._take(message)

    def _take(self, message: aiomqtt.Message) -> None:
        topic, properties = str(message.topic), message.properties
        payload = bytes(message.payload) if isinstance(message.payload, bytes) else b""
        users = dict(getattr(properties, "UserProperty", []))
        if topic.startswith("vehicles/mark/"):
            self._marked += 1
        elif topic == TOPICS.of_control("reported"):
            self._reported |= json.loads(payload)
        elif topic.startswith("answers/"):
            assert properties is not None
            self._answers[properties.CorrelationData].set_result(MethodAnswer(int(users["status"]), payload.decode()))
        elif "seq" in users:
            self.messages.append(message)
            self._keys.append(EnvelopeKey(int(users["boot"]), int(users["seq"])))

    def arrived(self) -> list[EnvelopeKey]:
        return self._keys

    async def settled(self) -> None:
        """A broker passes messages of one client on in order: behind this one nothing of before is on its way."""
        self._marks += 1
        await self._cloud.publish(f"vehicles/mark/{self._marks}", qos=1)
        async with asyncio.timeout(5):
            while self._marked < self._marks:  # noqa: ASYNC110  the cloud's own loop counts them
                await asyncio.sleep(0.005)

    async def reported(self) -> dict[str, object]:
        return self._reported

    async def desire(self, patch: dict[str, object]) -> None:
        self._version += 1
        self._desired |= patch
        whole, change = self._desired | {"$version": self._version}, patch | {"$version": self._version}
        await self._cloud.publish(TOPICS.of_control("desired", "patch"), json.dumps(change), qos=1)
        # To a client that is connected this is the same again.
        await self._cloud.publish(TOPICS.of_control("desired"), json.dumps(whole), qos=1, retain=True)

    async def call(self, name: str, payload: str) -> MethodAnswer:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = "answers/to-the-cloud"
        properties.CorrelationData = b"%d" % len(self._answers)
        self._answers[properties.CorrelationData] = asyncio.get_running_loop().create_future()
        await self._cloud.publish(TOPICS.of_control("methods", name), payload, qos=1, properties=properties)
        async with asyncio.timeout(5):
            return await self._answers[properties.CorrelationData]

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, properties: Properties | None = None
    ) -> None:
        await self._cloud.publish(topic, payload, qos=1, retain=retain, properties=properties)

    def drop(self) -> None:
        self.wire.cut()

    async def go_away(self) -> None:
        await self.wire.close()

    def spoil_the_key(self, monkeypatch: object) -> None:  # noqa: ARG002  the other worlds need it
        self.uplink = MqttUplink(self.log, self.broker(PASSWORD + "?"), TOPICS, SHORT)

    def acknowledge_nothing(self) -> None:
        self.wire.muted = True


@asynccontextmanager
async def broker_world(folder: Path, *, with_certificates: bool = False) -> AsyncIterator[BrokerWorld]:
    """mosquitto, that knows users by their passwords or, if asked, by certificates alone."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is needed: apt-get install mosquitto")
    port = _free_port()
    _configure(folder, port, with_certificates=with_certificates)
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO, "-c", str(folder / "mosquitto.conf"), stderr=asyncio.subprocess.DEVNULL
    )
    wire, log = Wire(port), Told()
    try:
        await wire.open()
        async with await _cloud(folder, port) as cloud, asyncio.TaskGroup() as group:
            world = BrokerWorld(folder, wire, cloud, log)
            listening = group.create_task(world.listen(), name="cloud")
            yield world
            listening.cancel()
    finally:
        await wire.close()
        process.terminate()
        await process.wait()


async def _cloud(folder: Path, port: int) -> aiomqtt.Client:
    """A client that may do everything, once the broker answers."""
    certificate = make_client(folder, "cloud", datetime.now(UTC))
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(certificate.certificate, certificate.key)
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            await asyncio.sleep(0.02)
    return aiomqtt.Client(
        "localhost",
        port,
        identifier="cloud",
        username="cloud",
        password=PASSWORD,
        protocol=ProtocolVersion.V5,
        tls_context=context,
        max_inflight_messages=100,
    )


def _configure(folder: Path, port: int, *, with_certificates: bool) -> None:
    folder.mkdir(exist_ok=True)
    certificates = load_certificates(folder, ["127.0.0.1"], datetime.now(UTC))
    (folder / "acl").write_text(ACCESS)
    (folder / "passwords").write_text("")
    for user in (AGENT, "cloud"):
        _set_password(folder / "passwords", user)
    passwords = f"password_file {folder / 'passwords'}"
    known_by = "require_certificate true\nuse_identity_as_username true" if with_certificates else passwords
    (folder / "mosquitto.conf").write_text(
        f"""listener {port} 127.0.0.1
cafile {certificates.authority}
certfile {certificates.server}
keyfile {certificates.server_key}
allow_anonymous false
{known_by}
acl_file {folder / "acl"}
max_inflight_messages {RECEIVE_MAXIMUM}
user root
log_dest none
"""
    )


def _set_password(path: Path, user: str) -> None:
    """As mosquitto_passwd writes it: PBKDF2-HMAC-SHA512 with 101 rounds."""

    salt = user.encode().ljust(12, b"s")[:12]
    digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
    entry = f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"
    path.write_text(path.read_text() + entry)
    path.chmod(0o600)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port

"""mosquitto with the users and the access list that modules/cabin/broker ships, and a reader beside the agent."""

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from aiomqtt import ProtocolVersion

from edge_agent.tap.address import Address
from edge_agent.tap.link import Message
from edge_agent.tap.mqtt import Limits, LocalBroker, MqttLink
from tests.uplink.fakes import Told

SHIPPED = Path(__file__).parents[2] / "modules" / "cabin" / "broker"
PATHS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
MOSQUITTO, MAKE_PASSWORDS = (shutil.which(name, path=PATHS) for name in ("mosquitto", "mosquitto_passwd"))
HOST = "127.0.0.120"
AGENT, CABIN = "agent", "cabin"
PASSWORDS = {AGENT: "the-agents-of-the-tests", CABIN: "the-cabins-of-the-tests"}
SHORT = Limits(connect_s=2.0, answer_s=0.5, shutdown_s=0.5)
HEARD_S = 15.0
"""in which a process may start, connect and say what is waited for"""
LAST = Message("tap/v1/status", b'{"online":false}', retain=True)


class Reader:
    """What the cabin hears."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.messages: list[tuple[str, bytes, bool]] = []
        """topic, payload, whether it was retained"""
        self._more = asyncio.Event()

    async def listen(self) -> None:
        async for message in self.client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            self.messages.append((str(message.topic), payload, bool(message.retain)))
            self._more.set()

    def on(self, topic: str) -> list[dict[str, object]]:
        return [json.loads(payload) for heard, payload, _ in self.messages if heard == topic]

    async def heard(self, topic: str, times: int = 1) -> list[dict[str, object]]:
        """Return when so many were heard on a topic."""
        async with asyncio.timeout(HEARD_S):
            while len(found := self.on(topic)) < times:
                self._more.clear()
                await self._more.wait()
        return found


class Mosquitto:
    """The broker's process, which can be killed, stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port: int = free.getsockname()[1]
        self.process: asyncio.subprocess.Process | None = None

    def configure(self) -> None:
        """As shipped, on a port of its own and with its files here."""
        assert MAKE_PASSWORDS is not None
        self.folder.mkdir()
        shutil.copy(SHIPPED / "acl", self.folder / "acl")
        text = (SHIPPED / "mosquitto.conf").read_text()
        assert "listener 1883 127.0.0.1\n" in text
        text = text.replace("listener 1883 127.0.0.1\n", f"listener {self.port} {HOST}\n")
        text = text.replace("/mosquitto/config", str(self.folder))
        # It would become a user that cannot read a test's folder.
        (self.folder / "mosquitto.conf").write_text(f"{text}user root\n")
        (self.folder / "passwords").touch(mode=0o600)
        for user, password in PASSWORDS.items():
            subprocess.run(  # noqa: S603  fixed text
                [MAKE_PASSWORDS, "-b", self.folder / "passwords", user, password], check=True, capture_output=True
            )

    async def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = await asyncio.create_subprocess_exec(
            MOSQUITTO, "-c", str(self.folder / "mosquitto.conf"), stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1):
                    return
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def stop(self) -> None:
        """It accepts what its kernel accepts, and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def broker(self, password: str = PASSWORDS[AGENT], user: str = AGENT) -> LocalBroker:
        return LocalBroker(Address(HOST, self.port), f"test-{user}", username=user, password=password)

    def link(self, log: Told, broker: LocalBroker | None = None) -> MqttLink:
        return MqttLink(broker or self.broker(), log, SHORT)

    def client(self, user: str, password: str | None = None) -> aiomqtt.Client:
        return aiomqtt.Client(
            HOST,
            self.port,
            identifier=f"reader-{user}",
            username=user,
            password=PASSWORDS[user] if password is None else password,
            protocol=ProtocolVersion.V5,
            clean_start=True,
        )

    @asynccontextmanager
    async def reader(self, topic: str = "#", user: str = CABIN) -> AsyncIterator[Reader]:
        async with self.client(user) as client, asyncio.TaskGroup() as group:
            reader = Reader(client)
            await client.subscribe(topic, qos=1)
            listening = group.create_task(reader.listen(), name="reader")
            yield reader
            listening.cancel()


@asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[Mosquitto]:
    """A broker that runs."""
    if MOSQUITTO is None or MAKE_PASSWORDS is None:
        pytest.skip("mosquitto is needed: apt-get install mosquitto")
    one = Mosquitto(folder)
    one.configure()
    await one.start()
    try:
        yield one
    finally:
        await one.kill()


async def until(is_so: Callable[[], bool], within_s: float = 8.0) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.005)

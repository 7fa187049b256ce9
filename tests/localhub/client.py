"""A bare MQTT client over real TLS, which can do what the SDK never would."""

import asyncio
import ssl
from typing import Self

from edge_agent.localhub.hub import PORT, LocalHub
from edge_agent.localhub.identities import HUB_HOSTNAME
from edge_agent.localhub.packets import (
    Connack,
    Connect,
    Packet,
    PacketReader,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    encode,
)
from edge_agent.localhub.sas import make_token

ALL_FILTERS = ("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#")
FAR_FUTURE_S = 4_000_000_000


class Closed(Exception):  # noqa: N818  an end, not an error
    """The hub has closed the connection."""


class Client:
    """One connection; `open` shakes hands, `join` connects and subscribes as a module does."""

    def __init__(self, hub: LocalHub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hub = hub
        self.reader, self.writer = reader, writer
        self._packets = PacketReader()

    @classmethod
    async def open(cls, hub: LocalHub) -> Self:
        context = ssl.create_default_context(cafile=str(hub.folder / "ca.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return cls(hub, *await asyncio.open_connection(hub.address, PORT, ssl=context))

    @classmethod
    async def join(cls, hub: LocalHub, module: str = "telematics") -> Self:
        client = await cls.open(hub)
        welcome = await client.ask(credentials(hub, module))
        assert isinstance(welcome, Connack)
        assert welcome.code == 0
        await client.subscribe(*ALL_FILTERS)
        return client

    async def send(self, *packets: Packet) -> None:
        self.writer.write(b"".join(map(encode, packets)))
        await self.writer.drain()

    async def receive(self) -> Packet:
        """The next packet. Raises Closed."""
        while (packet := self._packets.next_packet()) is None:
            try:
                async with asyncio.timeout(5):
                    data = await self.reader.read(65536)
            except ConnectionError as error:
                raise Closed from error
            if not data:
                raise Closed
            self._packets.feed(data)
        return packet

    async def message(self) -> Publish:
        packet = await self.receive()
        assert isinstance(packet, Publish)
        await self.send(Puback(packet.packet_id))
        return packet

    async def ask(self, packet: Packet) -> Packet:
        await self.send(packet)
        return await self.receive()

    async def subscribe(self, *filters: str) -> None:
        answer = await self.ask(Subscribe(1, tuple((name, 1) for name in filters)))
        assert answer == Suback(1, (1,) * len(filters))

    async def telemetry(self, body: bytes, packet_id: int = 7) -> None:
        await self.send(Publish(telemetry_topic(), body, qos=1, packet_id=packet_id))

    async def is_silent(self) -> bool:
        """A PING is answered before anything else comes."""
        return (await self.ask(Pingreq())) == Pingresp()

    async def close(self) -> None:
        self.writer.transport.abort()
        try:
            await self.writer.wait_closed()
        except OSError:
            return  # the hub was faster


def telemetry_topic(module: str = "telematics", bag: str = "") -> str:
    return f"devices/demo-vehicle/modules/{module}/messages/events/{bag}"


def key_of(hub: LocalHub, module: str = "telematics") -> str:
    pairs = hub.environment("connection_string", module)["EdgeHubConnectionString"].split(";")
    return dict(pair.split("=", 1) for pair in pairs)["SharedAccessKey"]


def credentials(
    hub: LocalHub, module: str = "telematics", *, clean_session: bool = False, keepalive_s: int = 60
) -> Connect:
    """A CONNECT the hub accepts."""
    resource = f"{HUB_HOSTNAME}/devices/demo-vehicle/modules/{module}"
    return Connect(
        client_id=f"demo-vehicle/{module}",
        username=f"{HUB_HOSTNAME}/demo-vehicle/{module}/?api-version=2019-10-01&DeviceClientType=test",
        password=make_token(resource, key_of(hub, module), FAR_FUTURE_S).encode(),
        clean_session=clean_session,
        keepalive_s=keepalive_s,
    )

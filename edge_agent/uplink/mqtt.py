"""The way to any broker that speaks MQTT 5, Event Grid namespaces first: aiomqtt, one client object a connection.

aiomqtt connects, with TLS's handshake, on the default executor of its loop, where a port that accepts and says nothing
holds a worker for the keep-alive; so each client has a loop of its own beside the agent's, as the SDK's clients have
(`sdk_thread.py`), and the same time limits around every call. A message is acknowledged when the broker's PUBACK says
so with a reason code that is not a failure.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Awaitable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiomqtt
from aiomqtt import MqttCodeError, MqttError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes  # type: ignore[import-untyped]  # paho 1 ships no types
from paho.mqtt.properties import Properties  # type: ignore[import-untyped]

from edge_agent import events
from edge_agent.errors import CredentialsRefused, EnvelopeRefused, HubUnreachable, NotTaken
from edge_agent.events import Log
from edge_agent.ports import Inbox
from edge_agent.records import Envelope, MethodAnswer
from edge_agent.uplink.inbound import Document, Inbound, MethodCall, Patch
from edge_agent.uplink.mqtt_door import FAILED, NOT_ADMITTED, causes_of, reason_of, silenced
from edge_agent.uplink.mqtt_topics import Topics
from edge_agent.uplink.paho_shim import Refusals, close_socket, keep_to_receive_maximum, tell_paho_of_tls_ends
from edge_agent.uplink.properties import properties_of
from edge_agent.uplink.threads import Threads

T = TypeVar("T")

MESSAGE_CAP_BYTES = 240 * 1024
"""As for IoT Hub, so that a vehicle may change its way; an Event Grid namespace takes 512 KB (Microsoft Learn, "MQTT
features supported by Azure Event Grid's MQTT broker")."""

_NEVER_TAKEN = {0x90, 0x95, 0x99}
"""Topic name invalid, packet too large, payload format invalid (MQTT 5.0, section 3.4.2.1): no later try can help."""
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""A connection that ended during TLS's handshake: nobody was refused."""
_NOTHING_DESIRED = '{"reported": {}}'
_NO_TOPIC = re.compile(r"^$|[+#\x00]")
"""What a topic cannot be (section 4.7)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the broker may take, in seconds, before the connection is given up."""

    connect_s: float = 10.0
    subscribe_s: float = 6.0
    document_s: float = 1.0
    """for the retained desired properties; a broker may have none"""
    send_s: float = 6.0
    method_s: float = 20.0
    shutdown_s: float = 3.0
    undisposed: int = 6


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and who the agent is there."""

    host: str
    port: int
    client_id: str
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = True
    certificate: Path | None = None
    """PEM, of an X.509 client; with `key`"""
    key: Path | None = None
    authority: Path | None = None
    """PEM of who signed the broker's certificate, where the system does not know it"""
    keep_alive_s: int = 20
    session_expiry_s: int = 3600
    """how long the broker keeps patches and methods for an agent that is away; an hour is Event Grid's default"""


class MqttUplink:
    """`ports.Uplink` to a broker; the desired properties come by topics (`mqtt_topics.py`)."""

    def __init__(self, log: Log, broker: Broker, topics: Topics, limits: Limits | None = None) -> None:
        tell_paho_of_tls_ends()
        self._log, self._broker, self._topics = log, broker, topics
        self._limits = limits or Limits()
        self._threads = Threads(
            "mqtt",
            lambda count: events.session_undisposed(log, count=count),
            shutdown_s=self._limits.shutdown_s,
            undisposed=self._limits.undisposed,
        )

    async def connect(self, inbox: Inbox) -> "MqttSession":
        """As `ports.Uplink`; where the broker has no desired properties, `inbox.document` is told none."""
        session = MqttSession(self._threads, self._broker, self._topics, inbox, limits=self._limits, log=self._log)
        try:
            await session.open()
        except BaseException:
            await session.close()
            raise
        return session


class MqttSession:
    """One client object, from its connect to its end."""

    def __init__(
        self,
        threads: Threads,
        broker: Broker,
        topics: Topics,
        inbox: Inbox,
        *,
        limits: Limits,
        log: Log,
    ) -> None:
        """Raises UplinkWedged."""
        self._thread, self._threads = threads.begin(), threads
        self._broker, self._topics, self._inbox = broker, topics, inbox
        self._limits, self._log = limits, log
        self._inbound = Inbound(inbox, self.report, log=log, method_limit_s=limits.method_s)
        self._first: Future[str] = Future()
        self._client: aiomqtt.Client | None = None
        self._refusals: Refusals | None = None

    async def open(self) -> None:
        """Connect, subscribe, read what is desired. Raises as `Uplink.connect`."""
        limits = self._limits
        await _within("connection", self._thread.run(self._connect()), limits.connect_s)
        self._thread.begin(self._listen())
        await _within("subscription", self._thread.run(self._subscribe()), limits.subscribe_s)
        await asyncio.wait((asyncio.wrap_future(self._first),), timeout=limits.document_s)
        if self._first.cancel():  # one that comes later is heard as any change of it is
            events.nothing_desired(self._log, topic=self._topics.of_control("desired"))
        await self.report(await self._inbox.document(self._desired()))

    async def send(self, envelope: Envelope) -> None:
        """As `ports.Session`."""
        key = envelope.key
        if len(envelope.payload) > MESSAGE_CAP_BYTES:
            reason = f"{len(envelope.payload)} bytes, a message may have {MESSAGE_CAP_BYTES}"
            raise EnvelopeRefused(key.boot, key.seq, reason)
        work = self._publish(self._topics.telemetry(envelope), envelope.payload, _of_telemetry(envelope))
        code = await _within("acknowledgement", self._thread.run(work), self._limits.send_s)
        if code in _NEVER_TAKEN:
            raise EnvelopeRefused(key.boot, key.seq, f"the broker refused it with reason 0x{code:02x}")
        _judge(code)

    async def report(self, patch: str) -> bool:
        """As `ports.Session`; an empty patch is not sent."""
        if not json.loads(patch):
            return True
        work = self._publish(self._topics.of_control("reported"), patch.encode(), _json())
        code = await _within("acknowledgement", self._thread.run(work), self._limits.send_s)
        if code >= FAILED:
            events.report_refused(self._log, reason=f"the broker refused it with reason 0x{code:02x}")
        return code < FAILED

    async def lost(self) -> str:
        """As `ports.Session`."""
        return await self._inbound.serve()

    def _desired(self) -> str:
        """What there was in time."""
        return _NOTHING_DESIRED if self._first.cancelled() else self._first.result()

    async def close(self) -> None:
        """As `ports.Session`."""
        await self._threads.end(self._thread, self._disconnect())

    # --- on the client's own loop ---

    async def _connect(self) -> None:
        broker = self._broker
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = broker.session_expiry_s
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            identifier=broker.client_id,
            username=broker.username or None,
            password=broker.password or None,
            protocol=ProtocolVersion.V5,
            keepalive=broker.keep_alive_s,
            clean_start=False,
            properties=properties,
            tls_context=_tls(broker) if broker.tls else None,
            logger=silenced("edge_agent.uplink.mqtt.client"),
            timeout=self._limits.connect_s,
        )
        self._refusals = Refusals(client._client)  # noqa: SLF001  aiomqtt tells no reason code either
        keep_to_receive_maximum(client._client)  # noqa: SLF001  nor what the broker allows
        try:
            await client.__aenter__()
        except BaseException:
            close_socket(client._client)  # noqa: SLF001  there is no public way
            raise
        self._client = client

    async def _subscribe(self) -> None:
        names = ("desired", "desired/patch", "methods/+")
        codes = await self._connected.subscribe([(self._topics.of_control(name), _AT_LEAST_ONCE) for name in names])
        for code in codes:
            _judge(int(getattr(code, "value", code)))

    async def _publish(self, topic: str, payload: bytes, properties: Properties) -> int:
        """The reason code of the broker's answer."""
        # Time limits are kept on the agent's loop.
        await self._connected.publish(topic, payload, qos=1, properties=properties, timeout=float("inf"))
        return self._refusals.take() if self._refusals else 0

    @property
    def _connected(self) -> aiomqtt.Client:
        if self._client is None:
            raise AssertionError("used before it was open")
        return self._client

    async def _listen(self) -> None:
        try:
            async for message in self._connected.messages:
                self._hear(message)
        except MqttError as error:
            self._inbound.lose(f"the connection was lost: {reason_of(error)}")

    def _hear(self, message: aiomqtt.Message) -> None:
        topic, payload = str(message.topic), message.payload
        text = payload.decode(errors="replace") if isinstance(payload, bytes | bytearray) else ""
        if topic == self._topics.of_control("desired"):
            if text:  # an empty one ends what the broker retains, and says nothing
                self._hear_document(f'{{"desired": {_as_json(text)}, "reported": {{}}}}')
        elif topic == self._topics.of_control("desired", "patch"):
            self._inbound.hear(Patch(_as_json(text)))
        elif name := self._topics.method(topic):
            self._inbound.hear(MethodCall(name, text or "null", partial(self._reply, message.properties)))

    def _hear_document(self, whole: str) -> None:
        try:
            self._first.set_result(whole)
        except InvalidStateError:  # it is not the first, or too late to be
            self._inbound.hear(Document(whole))

    async def _reply(self, asked: Properties | None, answer: MethodAnswer) -> None:
        """On the agent's loop: to the topic that the request names; nobody waits for an answer where it names none."""
        topic = getattr(asked, "ResponseTopic", "")
        if _NO_TOPIC.search(topic):
            return
        properties = _json([("status", str(answer.status))])
        if (correlation := getattr(asked, "CorrelationData", None)) is not None:
            properties.CorrelationData = correlation
        work = self._publish(topic, answer.payload.encode(), properties)
        await _within("acknowledgement of a method's answer", self._thread.run(work), self._limits.send_s)

    async def _disconnect(self) -> None:
        if self._client is not None:
            try:
                await self._client.__aexit__(None, None, None)
            except (MqttError, OSError):
                return  # it was gone already
            finally:
                close_socket(self._client._client)  # noqa: SLF001  likewise


_AT_LEAST_ONCE = 1


def _of_telemetry(envelope: Envelope) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = envelope.content_type
    properties.UserProperty = [("content-encoding", envelope.content_encoding), *properties_of(envelope).items()]
    return properties


def _json(pairs: list[tuple[str, str]] | None = None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    if pairs:
        properties.UserProperty = pairs
    return properties


def _tls(broker: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=broker.authority)
    if broker.certificate:
        context.load_cert_chain(broker.certificate, broker.key)
    return context


def _as_json(text: str) -> str:
    """The text; where it is no JSON, a string of it, which the inbox refuses as it does all that is no object."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text)
    return text


def _judge(code: int) -> None:
    if code in NOT_ADMITTED:
        raise CredentialsRefused(f"the broker does not let the agent do that (reason 0x{code:02x})")
    if code >= FAILED:
        raise NotTaken(f"the broker refused with reason 0x{code:02x}")


async def _within(what: str, work: Awaitable[T], limit_s: float) -> T:
    """What `work` returns; what aiomqtt raises, or no answer in time, as our errors."""
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError as error:
        raise HubUnreachable(f"no {what} within {limit_s:g} s") from error
    except (MqttError, OSError, ValueError) as error:  # of a name that no host can have: ValueError
        raise _translated(error) from error


def _translated(error: Exception) -> HubUnreachable:
    code = getattr(error.rc, "value", error.rc) if isinstance(error, MqttCodeError) else None
    untrusted = (isinstance(each, ssl.SSLError) and not isinstance(each, _CUT_OFF) for each in causes_of(error))
    refused = code in NOT_ADMITTED or any(untrusted)
    return CredentialsRefused(reason_of(error)) if refused else HubUnreachable(reason_of(error))

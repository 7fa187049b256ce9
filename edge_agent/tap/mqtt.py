"""The door to the vehicle's local broker: aiomqtt, MQTT 5 or else 3.1.1, one client object a connection.

Each client has a loop of its own beside the agent's, as the uplink's have and for the same reasons
(`uplink/sdk_thread.py`): to resolve a name, to connect and to shake hands block, and none of it may hold a worker, a
tick or a stop. What is offered at QoS 0 waits in no queue of ours: while the socket has not taken one offer there is no
next one. The kernel's buffers hold some 160 KB for a broker that reads no more (Linux 6, loopback), of which it says
what is old when it goes on: that is why a tick has its time.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar

import aiomqtt
from aiomqtt import MqttCodeError, MqttError, ProtocolVersion, Will
from aiomqtt.exceptions import MqttConnectError

from edge_agent import events
from edge_agent.errors import LocalBusDown, LocalBusRefused, UplinkWedged
from edge_agent.events import Log
from edge_agent.tap.address import Address
from edge_agent.tap.link import UNHEARD, Heard, Message
from edge_agent.uplink.mqtt_door import FAILED, NOT_ADMITTED, reason_of, silenced
from edge_agent.uplink.paho_shim import Refusals, close_socket, tell_paho_of_tls_ends
from edge_agent.uplink.threads import Threads

T = TypeVar("T")

INCOMING: Final = 64
"""messages on their way to the agent's loop; one more ends the connection"""
INCOMING_BYTES: Final = 64 * 1024
"""of one; a trip's summary has a few hundred"""
SEND_BUFFER_BYTES: Final = 32 * 1024
"""Of the socket; Linux takes twice that. A tick of 50 signals has 2 KB."""
_NOT_SAID: Final = 3
"""paho's MQTT_CLEAN_START_FIRST_ONLY, as for who says nothing: 3.1.1 has `clean_session` instead."""
_NOT_ADMITTED_BY_3: Final = {0x02, 0x04, 0x05}
"""As `NOT_ADMITTED`, in 3.1.1's CONNACK (section 3.2.2.3); elsewhere these numbers are paho's own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the broker may take, in seconds, before the connection is given up."""

    connect_s: float = 6.0
    """a second more than paho gives to TCP"""
    answer_s: float = 2.0
    """to a subscription, and to a message that is to be acknowledged"""
    shutdown_s: float = 1.0
    undisposed: int = 6


@dataclass(frozen=True, slots=True)
class LocalBroker:
    """Where the broker is, and who the agent is there."""

    address: Address
    client_id: str
    username: str = ""
    password: str = field(default="", repr=False)
    authority: Path | None = None
    """PEM of who signed the broker's certificate, where the system does not know it"""
    version: Literal["5", "3.1.1"] = "5"
    """of MQTT; by 3.1.1 nobody hears that a message was refused"""
    keep_alive_s: int = 5


class MqttLink:
    """`LocalLink` to one broker."""

    def __init__(self, broker: LocalBroker, log: Log, limits: Limits | None = None) -> None:
        tell_paho_of_tls_ends()
        self._broker = broker
        self._log, self._limits = log, limits or Limits()
        self._threads = Threads(
            "tap",
            lambda count: events.connection_undisposed(log, count=count),
            shutdown_s=self._limits.shutdown_s,
            undisposed=self._limits.undisposed,
        )

    @property
    def address(self) -> str:
        """As `LocalLink`."""
        return str(self._broker.address)

    async def connect(self, heard: Mapping[str, Heard], last: Message) -> "MqttSession":
        """As `LocalLink`."""
        try:
            session = MqttSession(self._threads, self._broker, heard, last, limits=self._limits, log=self._log)
        except UplinkWedged as error:  # the agent's other work goes on
            raise LocalBusDown(f"{self._limits.undisposed} earlier connections have not ended") from error
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
        broker: LocalBroker,
        heard: Mapping[str, Heard],
        last: Message,
        *,
        limits: Limits,
        log: Log,
    ) -> None:
        """Raises UplinkWedged."""
        self._thread, self._threads = threads.begin(), threads
        self._home = asyncio.get_running_loop()
        self._broker, self._last, self._limits, self._log = broker, last, limits, log
        self._heard = dict(heard)
        self._client: aiomqtt.Client | None = None
        self._refusals: Refusals | None = None
        self._end: Future[str] = Future()
        self._offered = self._brought = self._taken_in = 0
        self._written = 0
        """by the client's thread alone, as `_brought` is; so that neither needs a lock"""
        self._is_told = False
        self.unheard = dict.fromkeys(UNHEARD, 0)
        """likewise, and as `LocalSession`"""
        self.unwritten = 0
        """as `LocalSession`"""

    async def open(self) -> None:
        """Connect and subscribe. Raises LocalBusDown or LocalBusRefused."""
        await _within("connection", self._thread.run(self._connect()), self._limits.connect_s)
        self._thread.begin(self._listen())
        for topic in self._heard:
            await self._subscribe(topic)

    def offer(self, messages: Sequence[Message]) -> bool:
        """As `LocalSession`."""
        if self._offered > self._written or self._end.done():
            return False
        self._offered += 1
        self._thread.begin(self._write(messages))
        return True

    async def publish(self, message: Message) -> None:
        """As `LocalSession`; a broker that does not answer in time is taken for lost."""
        try:
            code = await _within(
                "acknowledgement", self._thread.run(self._publish(message, qos=1)), self._limits.answer_s
            )
        except LocalBusDown as error:
            self._lose(error.reason)
            raise
        if code >= FAILED:
            raise LocalBusRefused(f"the broker refused a message to {message.topic} with reason 0x{code:02x}")

    async def lost(self) -> str:
        """As `LocalSession`."""
        return await asyncio.shield(asyncio.wrap_future(self._end))

    async def close(self) -> None:
        """As `LocalSession`."""
        said_all = not self._end.done() and self._client is not None
        await self._threads.end(self._thread, self._disconnect(say=said_all))
        self.unwritten = self._offered - self._written

    # --- on the client's own loop ---

    async def _connect(self) -> None:
        broker, last = self._broker, self._last
        is_5 = broker.version == "5"
        client = aiomqtt.Client(
            broker.address.host,
            broker.address.port,
            identifier=broker.client_id,
            username=broker.username or None,
            password=broker.password or None,
            protocol=ProtocolVersion.V5 if is_5 else ProtocolVersion.V311,
            keepalive=broker.keep_alive_s,
            clean_start=True if is_5 else _NOT_SAID,
            clean_session=None if is_5 else True,
            will=Will(last.topic, last.payload, qos=1, retain=last.retain),
            tls_context=ssl.create_default_context(cafile=broker.authority) if broker.address.tls else None,
            socket_options=[(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)],
            max_queued_incoming_messages=INCOMING,
            logger=silenced("edge_agent.tap.mqtt.client"),
            timeout=self._limits.connect_s,
        )
        self._refusals = Refusals(client._client)  # noqa: SLF001  aiomqtt tells no reason code
        try:
            await client.__aenter__()
        except BaseException:
            close_socket(client._client)  # noqa: SLF001  there is no public way
            raise
        self._client = client

    async def _publish(self, message: Message, *, qos: int, limit_s: float = math.inf) -> int:
        """The reason code of the broker's answer; of QoS 0 there is none, it returns when the socket has taken it."""
        client, refusals = self._connected
        await client.publish(message.topic, message.payload, qos, message.retain, timeout=limit_s)
        return refusals.take() if qos else 0

    @property
    def _connected(self) -> tuple[aiomqtt.Client, Refusals]:
        if self._client is None or self._refusals is None:
            raise AssertionError("used before it was open")
        return self._client, self._refusals

    async def _write(self, messages: Sequence[Message]) -> None:
        try:
            for message in messages:
                await self._publish(message, qos=0)
        except (MqttError, OSError, ValueError) as error:
            self._lose(reason_of(error))
        else:
            self._written += 1

    async def _listen(self) -> None:
        client, _ = self._connected
        try:
            async for message in client.messages:
                self._bring(str(message.topic), message.payload)
        except (MqttError, OSError) as error:
            self._lose(f"the connection was lost: {reason_of(error)}")

    def _bring(self, topic: str, payload: object) -> None:
        """To the agent's loop; so few may be on their way there that nobody can fill it from outside."""
        if not isinstance(payload, bytes) or len(payload) > INCOMING_BYTES:
            self._drop(topic, "too_large")
        elif self._brought - self._taken_in >= INCOMING:
            self._drop(topic, "too_many")
            self._lose(f"more than {INCOMING} messages came at once")
        else:
            self._brought += 1
            self._home.call_soon_threadsafe(self._take_in, topic, payload)

    def _drop(self, topic: str, reason: str) -> None:
        self.unheard[reason] += 1
        if not self._is_told:  # once a connection: whoever floods must not flood the log too
            self._is_told = True
            self._home.call_soon_threadsafe(self._tell_dropped, topic, reason)

    async def _disconnect(self, *, say: bool) -> None:
        if self._client is None:
            return
        try:
            self._client.timeout = self._limits.shutdown_s / 2
            if say:
                await self._publish(self._last, qos=1, limit_s=self._client.timeout)
            await self._client.__aexit__(None, None, None)
        except (MqttError, OSError):
            return  # it was gone already
        finally:
            close_socket(self._client._client)  # noqa: SLF001  likewise

    # --- on the agent's loop ---

    async def _subscribe(self, topic: str) -> None:
        client, _ = self._connected
        codes = await _within("subscription", self._thread.run(client.subscribe(topic, qos=1)), self._limits.answer_s)
        for code in codes:
            if (refused := int(getattr(code, "value", code))) >= FAILED:
                events.subscription_refused(self._log, topic=topic, reason=f"reason 0x{refused:02x}")

    def _take_in(self, topic: str, payload: bytes) -> None:
        self._taken_in += 1
        if (heard := self._heard.get(topic)) is not None:
            heard(payload)

    def _tell_dropped(self, topic: str, reason: str) -> None:
        events.local_message_dropped(self._log, topic=topic, reason=reason)

    def _lose(self, reason: str) -> None:
        """From any thread; the first reason counts."""
        try:
            self._end.set_result(reason)
        except InvalidStateError:
            return


async def _within(what: str, work: Awaitable[T], limit_s: float) -> T:
    """What `work` returns; what aiomqtt raises, or no answer in time, as our errors."""
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError as error:
        raise LocalBusDown(f"no {what} within {limit_s:g} s") from error
    except (MqttError, OSError, ValueError) as error:  # of a name that no host can have: ValueError
        if _is_not_admitted(error):
            raise LocalBusRefused(f"the broker does not admit the agent: {reason_of(error)}") from error
        raise LocalBusDown(reason_of(error)) from error


def _is_not_admitted(error: Exception) -> bool:
    if isinstance(error, MqttConnectError) and _code(error) in _NOT_ADMITTED_BY_3:
        return True
    return isinstance(error, MqttCodeError) and _code(error) in NOT_ADMITTED


def _code(error: MqttCodeError) -> object:
    return getattr(error.rc, "value", error.rc)

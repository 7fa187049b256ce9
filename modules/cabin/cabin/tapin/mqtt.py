"""The vehicle's broker: what the agent publishes comes in, consent and trips go out. aiomqtt behind this file.

Subscribed anew after each connection; the retained messages come again then. Nothing waits here while there is no
broker: a tick that is not heard is old when it could be, and what must not be lost is kept by whoever publishes it.

aiomqtt's own time limits are off: it keeps them by `asyncio.wait_for`, which before Python 3.12 forgets a cancellation
that comes in the same turn as the broker's answer (seen with aiomqtt 2.0.1, at one of twenty). A task that is never
cancelled again would keep the process from ending.
"""

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiomqtt
from aiomqtt import MqttError

from cabin import events
from cabin.events import Log
from cabin.tapin.messages import PREFIX

AT_LEAST_ONCE = 1
QUEUED = 256
"""messages between two turns of the event loop; the newest are lost beyond, and the next tick makes it good"""
CONNECT_S = 6.0
"""a second more than paho gives to TCP"""
ANSWER_S = 3.0
"""to what is published, to the subscription, and to the end"""
KEEP_ALIVE_S = 10
FIRST_S, CAP_S = 0.2, 5.0
"""back-off; the broker is on this machine, so nobody is spared by waiting longer"""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it is, and who the cabin is there; the password is asked for at each connection."""

    host: str
    port: int
    user: str
    password: Callable[[], str] = field(repr=False)


class BrokerTap:
    """`ports.Tap`."""

    def __init__(self, broker: Broker, log: Log, connected: Callable[[], None] = lambda: None) -> None:
        """`connected` is called after each subscription."""
        self._broker, self._log, self._connected = broker, log, connected
        self._client: aiomqtt.Client | None = None

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """As `ports.Tap`."""
        failures = 0
        while True:
            try:
                async with self._subscribed() as client:
                    failures = 0
                    self._client = client
                    events.broker_connected(self._log, host=self._broker.host, port=self._broker.port)
                    self._connected()
                    async for message in client.messages:
                        if isinstance(message.payload, bytes):
                            yield str(message.topic), message.payload
            except (MqttError, OSError) as error:
                if not failures:  # the others of the spell are told by the connection that ends it
                    events.broker_lost(self._log, reason=str(error) or type(error).__name__)
            finally:
                self._client = None
            await asyncio.sleep(min(CAP_S, FIRST_S * 2 ** min(failures, 10)) * (0.5 + random.random()))  # noqa: S311
            failures += 1

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """As `ports.Tap`."""
        client = self._client
        if client is None:
            return False
        try:
            async with asyncio.timeout(ANSWER_S):
                await client.publish(topic, payload, qos=AT_LEAST_ONCE, retain=retain, timeout=math.inf)
        except (MqttError, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[aiomqtt.Client]:
        """Raises MqttError, OSError."""
        client = self._new_client()
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.__aenter__()
        except BaseException:
            client._client._sock_close()  # noqa: SLF001  aiomqtt leaves it open, and there is no public way
            raise
        try:
            async with asyncio.timeout(ANSWER_S):
                await client.subscribe(f"{PREFIX}#", qos=AT_LEAST_ONCE)
            yield client
        finally:
            with suppress(MqttError, OSError):  # it raises what ended the connection, in place of a cancellation too
                async with asyncio.timeout(ANSWER_S):
                    await client.__aexit__(None, None, None)

    def _new_client(self) -> aiomqtt.Client:
        logger = logging.getLogger("cabin.broker")
        logger.disabled = True  # what it would tell is told by events
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.user,
            password=self._broker.password(),
            keepalive=KEEP_ALIVE_S,
            timeout=math.inf,
            logger=logger,
            max_queued_incoming_messages=QUEUED,
        )

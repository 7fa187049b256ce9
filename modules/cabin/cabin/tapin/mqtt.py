"""The vehicle's broker: what the agent publishes comes in, consent and trips go out. aiomqtt behind this file.

Subscribed anew after each connection; the retained messages come again then. Nothing waits here while there is no
broker: a tick that is not heard is old when it could be, and what must not be lost is kept by whoever publishes it.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import aiomqtt
from aiomqtt import MqttError

from cabin import events
from cabin.events import Log
from cabin.tapin.messages import PREFIX

AT_LEAST_ONCE = 1
QUEUED = 256
"""messages between two turns of the event loop; the newest are lost beyond, and the next tick makes it good"""
CONNECT_S = 5.0
PUBLISH_S = 3.0
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
                async with self._new_client() as client:
                    await client.subscribe(f"{PREFIX}#", qos=AT_LEAST_ONCE)
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
        with suppress(MqttError):
            await client.publish(topic, payload, qos=AT_LEAST_ONCE, retain=retain, timeout=PUBLISH_S)
            return True
        return False

    def _new_client(self) -> aiomqtt.Client:
        logger = logging.getLogger("cabin.broker")
        logger.disabled = True  # what it would tell is told by events
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.user,
            password=self._broker.password(),
            keepalive=KEEP_ALIVE_S,
            timeout=CONNECT_S,
            logger=logger,
            max_queued_incoming_messages=QUEUED,
        )

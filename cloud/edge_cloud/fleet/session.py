"""One vehicle's connection to a hub, as IoT Hub's MQTT contract has it: aiomqtt, TLS, a shared access signature."""

import base64
import hmac
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import aiomqtt

from edge_cloud.errors import EdgeCloudError

PORT: Final = 8883
API: Final = "?api-version=2018-06-30"
TOKEN_S: Final = 24 * 3600
_ANSWER_S: Final = 20.0


class Disconnected(EdgeCloudError):  # noqa: N818  it happens to a vehicle, and it goes on
    """The hub cannot be reached, refuses the vehicle, or the connection ended."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a vehicle is at a hub."""

    device: str
    module: str
    key: str
    """base64"""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a hub is, and how it proves to be it."""

    address: str
    name: str
    """of the hub, which stands in user names"""
    trust: ssl.SSLContext


class Session:
    """Publishes, each message until the hub has it."""

    def __init__(self, client: aiomqtt.Client, credentials: Credentials) -> None:
        self._client = client
        self._events = f"devices/{credentials.device}/modules/{credentials.module}/messages/events/"

    async def publish(self, body: bytes, properties: Mapping[str, str]) -> None:
        """Return when the hub has acknowledged it. Raises Disconnected."""
        bag = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in properties.items())
        try:
            await self._client.publish(self._events + bag, body, qos=1, timeout=_ANSWER_S)
        except aiomqtt.MqttError as error:
            raise Disconnected(str(error)) from None


@asynccontextmanager
async def connected(hub: Hub, credentials: Credentials) -> AsyncIterator[Session]:
    """A session. Raises Disconnected, also out of its body."""
    client = aiomqtt.Client(
        hub.address,
        PORT,
        identifier=f"{credentials.device}/{credentials.module}",
        username=f"{hub.name}/{credentials.device}/{credentials.module}/{API}",
        password=token(hub.name, credentials, int(time.time()) + TOKEN_S),
        tls_context=hub.trust,
        clean_session=False,
        keepalive=240,
        timeout=_ANSWER_S,
        max_concurrent_outgoing_calls=64,
    )
    try:
        async with client:
            yield Session(client, credentials)
    except (aiomqtt.MqttError, OSError) as error:
        raise Disconnected(str(error)) from None


def token(hub: str, credentials: Credentials, expires_s: int) -> str:
    """A shared access signature for a module (learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas)."""
    resource = quote(f"{hub}/devices/{credentials.device}/modules/{credentials.module}", safe="")
    secret = base64.b64decode(credentials.key)
    signature = base64.b64encode(hmac.digest(secret, f"{resource}\n{expires_s}".encode(), "sha256")).decode()
    return f"SharedAccessSignature sr={resource}&sig={quote(signature, safe='')}&se={expires_s}"

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.localhub.hub import PORT, LocalHub
from tests.localhub.client import Client

OpenClient = Callable[[], Awaitable[Client]]
Join = Callable[..., Awaitable[Client]]


@pytest.fixture
def address() -> Iterator[str]:
    """A loopback address that no other run of these tests uses now: who holds its UDP port owns it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as token:
        for last in range(20, 39):
            with contextlib.suppress(OSError):
                token.bind((f"127.0.0.{last}", PORT))
                break
        yield token.getsockname()[0]


@pytest.fixture
async def hub(tmp_path: Path, address: str) -> AsyncIterator[LocalHub]:
    """A running hub that knows two modules."""
    hub = LocalHub(tmp_path / "hub", address, identities=[("demo-vehicle", "cabin")])
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
async def open_client(hub: LocalHub) -> AsyncIterator[OpenClient]:
    """Makes clients that have shaken hands, and closes them."""
    clients: list[Client] = []

    async def open_one() -> Client:
        clients.append(await Client.open(hub))
        return clients[-1]

    yield open_one
    for client in clients:
        await client.close()


@pytest.fixture
async def join(hub: LocalHub) -> AsyncIterator[Join]:
    """Makes clients that are connected and subscribed to all a module wants, and closes them."""
    clients: list[Client] = []

    async def join_one(module: str = "telematics") -> Client:
        clients.append(await Client.join(hub, module))
        return clients[-1]

    yield join_one
    for client in clients:
        await client.close()

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.localhub.listeners import Listeners

ADDRESS = "127.0.0.39"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    await reader.read()


@asynccontextmanager
async def served(listeners: Listeners) -> AsyncIterator[asyncio.Task[None]]:
    ready = asyncio.Event()
    serving = asyncio.create_task(listeners.serve(ready.set), name="serving")
    await ready.wait()
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.wait((serving,))


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"hello\n")
    return await reader.readline()


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((ADDRESS, port)) == errno.ECONNREFUSED


async def test_each_client_is_served_until_the_listeners_end_and_then_dropped() -> None:
    async with Listeners() as listeners:
        port = await listeners.bind_tcp("echo", ADDRESS, 0, echo)
        async with served(listeners):
            one = await asyncio.open_connection(ADDRESS, port)
            two = await asyncio.open_connection(ADDRESS, port)
            assert [await said(*one), await said(*two)] == [b"hello\n", b"hello\n"]

        for reader, writer in (one, two):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.transport.abort()
        assert refuses(port)


async def test_nobody_can_connect_before_the_listeners_serve() -> None:
    async with Listeners() as listeners:
        port = await listeners.bind_tcp("echo", ADDRESS, 0, echo)

        assert refuses(port)


async def test_a_unix_socket_that_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async with Listeners() as listeners:
        await listeners.bind_unix("echo", path, echo)
        async with served(listeners):
            reader, writer = await asyncio.open_unix_connection(path)
            assert await said(reader, writer) == b"hello\n"
            writer.transport.abort()

"""The sockets of a hub, and one task for each of their clients."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_READ_AHEAD_BYTES: Final = 256 * 1024

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one client; the connection is closed when it returns."""


class Listeners:
    """Bound one by one, then served together; leaving the context closes the sockets."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._tasks: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def bind_tcp(self, name: str, address: str, port: int, serve: Serve) -> int:
        """Bind and return the port, which the system chooses where `port` is 0. Raises OSError."""
        server = await asyncio.start_server(
            self._accepting(name, serve),
            address,
            port,
            limit=_READ_AHEAD_BYTES,
            start_serving=False,
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def bind_unix(self, name: str, path: Path, serve: Serve) -> None:
        """Bind a unix socket, in place of one that a killed process left. Raises OSError."""
        self._servers.append(await asyncio.start_unix_server(self._accepting(name, serve), path, start_serving=False))

    async def serve(self, ready: Callable[[], None]) -> None:
        """Call `ready` when clients can connect; serve them until cancelled, then drop them all."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                for server in self._servers:
                    await server.start_serving()
                ready()
                await asyncio.Event().wait()
            finally:
                self._close()

    def _accepting(self, name: str, serve: Serve) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._tasks is None:  # it was accepted just before the sockets were closed
                writer.transport.abort()
            else:
                self._tasks.create_task(_serve_one(serve, reader, writer), name=name)

        return accept

    def _close(self) -> None:
        self._tasks = None
        while self._servers:
            # Not awaited: from Python 3.12 on wait_closed waits for the clients, which are dropped after this.
            self._servers.pop().close()


async def _serve_one(serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await serve(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):  # the client may have been faster
            await writer.wait_closed()

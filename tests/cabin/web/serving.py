"""The server as a test meets it: a real socket of this machine, and requests written by hand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from starlette.routing import BaseRoute

from cabin.ports import Cockpit
from cabin.web.launch import Launch
from cabin.web.server import listener, serve


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and how its own browser would ask it."""

    port: int
    folder: Path
    cookie: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self) -> str:
        return (self.folder / "launch_token").read_text().strip()

    def own(self, **more: str) -> dict[str, str]:
        """The headers of the page's own requests; `more` changes them, an empty one leaves one out."""
        headers = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"cabin={self.cookie}", "Connection": "close"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        return {name: value for name, value in headers.items() if value}

    def posting(self, **more: str) -> dict[str, str]:
        return self.own(
            **{"Origin": self.origin, "Sec_Fetch_Site": "same-origin", "Content_Type": "application/json"} | more
        )

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.ask("GET", path, self.own(**headers))

    async def post(self, path: str, body: object, **headers: str) -> Reply:
        return await self.ask("POST", path, self.posting(**headers), json.dumps(body).encode())

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        reader, writer = await self.opened(method, path, headers, body)
        try:
            return _parsed(await reader.read())
        finally:
            writer.close()

    async def opened(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The request is sent; what comes is the caller's to read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        length = f"Content-Length: {len(body)}\r\n" if body and "Transfer-Encoding" not in headers else ""
        writer.write("\r\n".join(lines).encode() + b"\r\n" + length.encode() + b"\r\n" + body)
        await writer.drain()
        return reader, writer


def _parsed(answer: bytes) -> Reply:
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        content = _dechunked(content)
    return Reply(int(first.split()[1]), headers, content)


def _dechunked(content: bytes) -> bytes:
    whole = b""
    while content:
        size, _, rest = content.partition(b"\r\n")
        length = int(size, 16)
        whole, content = whole + rest[:length], rest[length + 2 :]
    return whole


async def views(reader: asyncio.StreamReader) -> AsyncIterator[Any]:
    """Each View of an open stream, as it is read."""
    async for line in reader:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


@contextlib.asynccontextmanager
async def serving(
    cockpit: Cockpit, folder: Path, port: int = 0, more: Sequence[BaseRoute] = ()
) -> AsyncIterator[Served]:
    """The server on this port, or a free one, until the block ends."""
    opened = listener("127.0.0.1", port)
    launch, stop = Launch(folder), asyncio.Event()
    cookie = launch.redeem((folder / "launch_token").read_text().strip())
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(cockpit, opened, launch, structlog.get_logger(), stop, more=more), name="web")
        try:
            yield Served(opened.getsockname()[1], folder, cookie or "")
        finally:
            stop.set()

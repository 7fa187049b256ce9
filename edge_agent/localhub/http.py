"""As much HTTP/1.1 as the workload API and the hub's own door need: one request a connection."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

from edge_agent.errors import DiskBusy, DocumentRefused, LocalHubRefused
from edge_agent.localhub.twins import JsonObject, compact

_LONGEST_HEAD_BYTES: Final = 16 * 1024
_LONGEST_BODY_BYTES: Final = 256 * 1024
_MOVE_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request; path segments and query are percent-decoded, header names are in lower case."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Request], Awaitable[JsonObject]]
"""Returns the body of a 200. Raises LocalHubRefused with another status, or DocumentRefused for a 400."""


async def serve_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Read one request and answer it; a client that goes away meanwhile is left alone. The caller closes."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        status, body = await _answered(reader, answer)
        writer.write(_response(status, body))
        async with asyncio.timeout(_MOVE_WITHIN_S):
            writer.close()
            await writer.wait_closed()


async def _answered(reader: asyncio.StreamReader, answer: Answer) -> tuple[int, JsonObject]:
    try:
        async with asyncio.timeout(_MOVE_WITHIN_S):
            request = await _read(reader)
        return 200, await answer(request)
    except LocalHubRefused as error:
        return error.status, {"message": error.reason}
    except DocumentRefused as error:
        return 400, {"message": str(error)}
    except DiskBusy as error:
        return 503, {"message": str(error)}


async def _read(reader: asyncio.StreamReader) -> Request:
    head = await _head(reader)
    lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    match lines[0].split(" "):
        case [method, target, version] if version.startswith("HTTP/1."):
            path, _, query = target.partition("?")
        case _:
            raise LocalHubRefused(400, "not a request of HTTP/1.1")
    fields = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    body = await reader.readexactly(_body_bytes(headers))
    segments = tuple(unquote(segment) for segment in path.strip("/").split("/"))
    return Request(method, segments, dict(parse_qsl(query)), headers, body)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise LocalHubRefused(431, "the head of the request has no end") from error
    if len(head) > _LONGEST_HEAD_BYTES:
        raise LocalHubRefused(431, f"a head of {len(head)} bytes; the limit is {_LONGEST_HEAD_BYTES}")
    return head


def _body_bytes(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not re.fullmatch(r"[0-9]{1,9}", length):
        raise LocalHubRefused(411, "a body needs a content-length of at most nine digits")
    if int(length) > _LONGEST_BODY_BYTES:
        raise LocalHubRefused(413, f"a body of {length} bytes; the limit is {_LONGEST_BODY_BYTES}")
    return int(length)


def _response(status: int, body: JsonObject) -> bytes:
    content = compact(body).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content

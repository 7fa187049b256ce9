"""Asking web servers through httpx: the only file that knows it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from calendar_bridge.errors import Unreachable
from calendar_bridge.ports import Answer

WITHIN_S = 30.0
LARGEST_BODY = 16 * 1024 * 1024
"""a page of 50 events with their bodies, which delta cannot leave out"""


@asynccontextmanager
async def opened() -> AsyncIterator["WebClient"]:
    """Connections are kept and reused until it is left. Redirects are not followed: a token is for one host."""
    async with httpx.AsyncClient(timeout=WITHIN_S, follow_redirects=False) as client:
        yield WebClient(client)


class WebClient:
    """See `ports.Http`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Whatever status it has. Raises Unreachable, which names the host and the kind of error alone."""
        try:
            async with self._client.stream(method, url, headers=dict(headers), content=body) as response:
                read = bytearray()
                async for piece in response.aiter_bytes():
                    read += piece
                    if len(read) > LARGEST_BODY:
                        raise Unreachable(_host(url), "its answer is too large")
                return Answer(response.status_code, dict(response.headers), bytes(read))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unreachable(_host(url), type(error).__name__) from error


def _host(url: str) -> str:
    return urlsplit(url).hostname or "a service"

"""The page, its stream and its requests on loopback. Signals are the process's affair, not this server's."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Generator, Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from cabin import events
from cabin.errors import BadSettings
from cabin.events import Log
from cabin.ports import Cockpit
from cabin.web.actions import LARGEST_BODY, routes
from cabin.web.assets import Asset, read_assets
from cabin.web.guard import Door, Guard
from cabin.web.launch import COOKIE, Launch
from cabin.web.stream import Stream

STALLED_MS: Final = 3_000
"""A page that reads nothing for so long is let go by the kernel (TCP_USER_TIMEOUT; holds for a closed window too)."""
SEND_BUFFER: Final = 8_192
"""Bytes the kernel may hold of a page that reads nothing, besides what the page's own side takes; it doubles them.
Without a bound a client that read nothing for 45 s then got all 455 Views of that time."""
NAMES: Final = ("localhost", "127.0.0.1")
_BACKLOG: Final = 64
_GRACE_S: Final = 1


def listener(address: str, port: int, names: Sequence[str] = NAMES) -> socket.socket:
    """A socket of this machine alone, or of an address that `names` has too; port 0 is any free one.

    Raises BadSettings.
    """
    try:
        if not ipaddress.ip_address(address).is_loopback and address not in names:
            raise BadSettings(f"the page's address must be of this machine alone (127.0.0.1), not {address}")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.create_server((address, port), family=family, backlog=_BACKLOG)
    except (OSError, ValueError) as error:
        raise BadSettings(f"the page cannot be served at {address} port {port}: {error}") from error
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    return opened


async def serve(
    cockpit: Cockpit,
    opened: socket.socket,
    launch: Launch,
    log: Log,
    stop: asyncio.Event,
    *,
    names: Sequence[str] = NAMES,
    more: Sequence[BaseRoute] = (),
) -> None:
    """Until `stop`; then every stream ends, answers that are under way get a second, and the socket is closed.

    `names` are what the page may be asked for by (`Host`), with the socket's port or one of their own; `more` are
    routes besides the page's, as those of `viss_door.py`.
    """
    stream = Stream(cockpit, log)
    door = Door(_hosts(opened, names), launch.knows)
    server = _Server(_config(application(cockpit, stream, launch, door, log, more=more)))
    try:
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(stream.pump(), name="web views")
            group.create_task(server.serve([opened]), name="web server")
            await stop.wait()
            pump.cancel()
            stream.close()
            server.should_exit = True
    finally:
        stream.close()
        server.abandon()
        opened.close()


class _Server(uvicorn.Server):
    """Leaves SIGTERM alone: uvicorn would send it again after its own end, and the process would die of it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured."""
        yield

    def abandon(self) -> None:
        """Cut what did not end in time."""
        for one in getattr(self, "servers", ()):
            one.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Connection(H11Protocol):
    """Leaves no timer behind where a browser resets its idle connection; uvicorn's own does, for 5 s."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The browser has gone."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task:
            self.timeout_keep_alive_task.cancel()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Connection,
        ws="websockets-sansio",
        ws_max_size=LARGEST_BODY,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="critical",  # what there is to tell, our own events tell
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _hosts(opened: socket.socket, names: Sequence[str]) -> frozenset[str]:
    address, port = opened.getsockname()[:2]
    own = {*names, f"[{address}]" if ":" in address else address}
    return frozenset(name.lower() if name.rpartition(":")[2].isdigit() else f"{name}:{port}".lower() for name in own)


def application(
    cockpit: Cockpit, stream: Stream, launch: Launch, door: Door, log: Log, *, more: Sequence[BaseRoute] = ()
) -> ASGIApp:
    """All that is answered, with its guard before it; `serve` puts it on a socket."""
    return Guard(_unguarded(cockpit, stream, launch, log, more), door, log)


def _unguarded(cockpit: Cockpit, stream: Stream, launch: Launch, log: Log, more: Sequence[BaseRoute]) -> ASGIApp:
    async def views(_: Request) -> Response:
        if stream.is_full:
            return JSONResponse({"error": "too many pages are open"}, 503)
        return StreamingResponse(stream.events(), media_type="text/event-stream")

    async def page(request: Request) -> Response:
        token = request.query_params.get("launch")
        return _answer(request, assets["index.html"]) if token is None else _launched(launch, token, log)

    async def favicon(request: Request) -> Response:
        return _answer(request, assets["favicon.svg"])

    async def static(request: Request) -> Response:
        asset = assets.get(request.path_params["path"])
        if asset is None:
            raise HTTPException(404)
        return _answer(request, asset)

    assets = read_assets()
    return Starlette(
        routes=[
            Route("/", page),
            Route("/favicon.ico", favicon),
            Route("/static/{path:path}", static),
            Route("/api/v1/stream", views),
            *routes(cockpit),
            *more,
        ],
        exception_handlers={HTTPException: _mistake, Exception: _failed},
    )


def _answer(request: Request, asset: Asset) -> Response:
    headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.content_type, headers=headers)


def _launched(launch: Launch, token: str, log: Log) -> Response:
    cookie = launch.redeem(token)
    if cookie is None:
        return JSONResponse({"error": "launch: this token is not the one of the file, or was used before"}, 401)
    events.launch_token_redeemed(log)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict")
    return answer


async def _failed(_: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "a mistake of the cabin's own"}, 500)


async def _mistake(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = "there is nothing here" if status == 404 else "this is not how it is asked"  # noqa: PLR2004  not found
    return JSONResponse({"error": sentence}, status)

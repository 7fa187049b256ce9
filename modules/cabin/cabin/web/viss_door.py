"""VISS over HTTP and WebSocket, for apps of the vehicle; what is answered, `viss.py` decides."""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from cabin.ports import Clock
from cabin.web.viss import SHORTEST_MS, VissSession

SUBPROTOCOL: Final = "VISSv2"
MOST_CLIENTS: Final = 16
_TRY_AGAIN_LATER: Final = 1013
_PROTOCOL_ERROR: Final = 1002


def viss_routes(session: Callable[[], VissSession], clock: Clock) -> list[BaseRoute]:
    """`session` makes one for each client; a read by HTTP has one for itself."""
    clients = asyncio.Semaphore(MOST_CLIENTS)

    async def read(request: Request) -> Response:
        status, body = session().get(request.path_params["path"], now_ms=clock.now_ms(), up_ms=clock.up_ms())
        return Response(body, status, media_type="application/json")

    async def talk(socket: WebSocket) -> None:
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            await socket.close(_PROTOCOL_ERROR)
        elif clients.locked():
            await socket.close(_TRY_AGAIN_LATER)
        else:
            async with clients:
                await _talk(socket, session(), clock)

    return [Route("/viss/{path:path}", read), WebSocketRoute("/viss", talk)]


async def _talk(socket: WebSocket, session: VissSession, clock: Clock) -> None:
    """Until the client leaves. A slow client finds each subscription once when it reads again."""
    await socket.accept(SUBPROTOCOL)
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_tell(socket, session, clock), name="viss subscriptions")
        try:
            while True:
                text = await socket.receive_text()
                await socket.send_text(session.hear(text, now_ms=clock.now_ms(), up_ms=clock.up_ms()))
        except (WebSocketDisconnect, KeyError):  # Starlette's KeyError: the message was bytes, which VISS has not
            telling.cancel()


async def _tell(socket: WebSocket, session: VissSession, clock: Clock) -> None:
    while True:
        await asyncio.sleep(SHORTEST_MS / 1000)
        for event in session.events(now_ms=clock.now_ms(), up_ms=clock.up_ms()):
            try:
                await socket.send_text(event)
            except WebSocketDisconnect:
                return

"""What the bridge answers to phones and to Graph: Starlette and uvicorn are known here alone."""

import asyncio
import contextlib
import json
import socket
import traceback
from collections.abc import Awaitable, Callable, Generator, Mapping
from pathlib import Path
from typing import Final, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from calendar_bridge import events
from calendar_bridge.errors import ConsentLost, LinkRejected, Rejected, Transient
from calendar_bridge.events import Log

COOKIE: Final = "bridge_link"
LARGEST_BODY: Final = 256 * 1024
_GRACE_S: Final = 2
_SAFE: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Desk(Protocol):
    """What is asked of the bridge."""

    def begin_link(self, vehicle: str, profile: str, car_key: str) -> tuple[str, str]:
        """Where the phone goes, and the cookie it is known by. Raises LinkRejected."""

    async def end_link(self, state: str, code: str, cookie: str) -> None:
        """The driver has consented. Raises LinkRejected, ConsentLost, Transient."""

    def notified(self, client_state: str, lifecycle: str) -> bool:
        """Whether it was known."""


async def serve(desk: Desk, opened: socket.socket, log: Log, stop: asyncio.Event) -> None:
    """Until `stop`; then what is under way gets two seconds, and the socket is closed."""
    server = _Server(_config(application(desk, log)))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([opened]), name="web server")
            await stop.wait()
            server.should_exit = True
    finally:
        opened.close()


def application(desk: Desk, log: Log) -> ASGIApp:
    """The routes of README.md."""
    return Starlette(
        routes=[
            Route("/link", _guarded(_link, desk, log), methods=["GET"]),
            Route("/linked", _guarded(_linked, desk, log), methods=["GET"]),
            Route("/notifications", _guarded(_notifications, desk, log), methods=["POST"]),
            Route("/health", _guarded(_health, desk, log), methods=["GET"]),
        ]
    )


async def _link(request: Request, desk: Desk, _: Log) -> Response:
    asked = request.query_params
    url, cookie = desk.begin_link(asked.get("vehicle", ""), asked.get("profile", ""), asked.get("key", ""))
    answer = RedirectResponse(url, 303)
    # Lax: the sign-in leads back by a link of another site.
    answer.set_cookie(COOKIE, cookie, max_age=600, path="/linked", httponly=True, secure=True, samesite="lax")
    return answer


async def _linked(request: Request, desk: Desk, _: Log) -> Response:
    asked = request.query_params
    if "error" in asked:
        raise LinkRejected("the sign-in was given up, or is not allowed for this account")
    await desk.end_link(asked.get("state", ""), asked.get("code", ""), request.cookies.get(COOKIE, ""))
    answer = PlainTextResponse("Your calendar is linked. Your next meetings are on their way to the car.")
    answer.delete_cookie(COOKIE, path="/linked")
    return answer


async def _notifications(request: Request, desk: Desk, log: Log) -> Response:
    """Graph's, also those of a subscription's life; answered at once, for after 3 s it calls an endpoint slow."""
    token = request.query_params.get("validationToken")
    if token is not None:
        return PlainTextResponse(token)
    told = notifications_in(await _body(request))
    unknown = [one for one in told if not desk.notified(*one)]
    if unknown:
        events.notification_refused(log, reason="not of a subscription of ours")
    return Response(status_code=202)


async def _health(_request: Request, _desk: Desk, _log: Log) -> Response:
    return PlainTextResponse("ok")


def notifications_in(body: bytes) -> list[tuple[str, str]]:
    """Client state and lifecycle event (or nothing) of each. Raises LinkRejected."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LinkRejected("a notification is JSON") from error
    rows = found.get("value") if isinstance(found, dict) else None
    if not isinstance(rows, list):
        raise LinkRejected("notifications stand in a list called value")
    return [_told(row) for row in rows if isinstance(row, dict)]


def _told(row: Mapping[str, object]) -> tuple[str, str]:
    return str(row.get("clientState") or ""), str(row.get("lifecycleEvent") or "")


async def _body(request: Request) -> bytes:
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > LARGEST_BODY:
            raise LinkRejected("this is too large")
    return bytes(read)


_Answering = Callable[[Request, Desk, Log], Awaitable[Response]]


def _guarded(answering: _Answering, desk: Desk, log: Log) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        response = await _answered(answering, request, desk, log)
        response.headers.update(_SAFE)
        return response

    return answer


async def _answered(answering: _Answering, request: Request, desk: Desk, log: Log) -> Response:
    try:
        return await answering(request, desk, log)
    except LinkRejected as error:
        events.link_rejected(log, reason=str(error))
        return PlainTextResponse(str(error), 400)
    except ConsentLost as error:
        events.link_rejected(log, reason=str(error))
        return PlainTextResponse("The sign-in did not go through: scan the code again.", 400)
    except (Transient, Rejected) as error:
        events.link_rejected(log, reason=str(error))
        return PlainTextResponse("This cannot be done right now: scan the code again in some minutes.", 503)
    except Exception as error:  # noqa: BLE001  Starlette would print its text, which may be of a calendar
        last = traceback.extract_tb(error.__traceback__)[-1]
        events.request_failed(log, error=type(error).__name__, at=f"{Path(last.filename).name}:{last.lineno}")
        return PlainTextResponse("A mistake of ours.", 500)


class _Server(uvicorn.Server):
    """Leaves SIGTERM alone: uvicorn would send it again after its own end, and the process would die of it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured."""
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=_GRACE_S,
    )

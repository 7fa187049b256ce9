"""Who may ask: the head unit's own page, from its own browser, on this machine; judged before anything else is done."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cabin import events
from cabin.events import Log
from cabin.web.launch import COOKIE

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer, refusals too."""

_WITHOUT_COOKIE: Final = ("/static/", "/favicon.ico", "/viss/")
"""The page's files are the same for everybody; VISS is for every app of this machine, and tells no place or person."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request is judged; a missing header is empty."""

    method: str
    """`WEBSOCKET` for one"""
    path: str
    host: str
    origin: str
    fetch_site: str
    content_type: str
    cookie: str
    launch: bool = False
    """whether it brings a launch token"""


@dataclass(frozen=True, slots=True)
class Door:
    """What is let in."""

    hosts: frozenset[str]
    """with the port, as a browser writes them; a foreign name that leads here (DNS rebinding) is not among them"""
    knows: Callable[[str], bool]
    """whether a cookie's value is ours"""

    def refusal(self, asked: Asked) -> tuple[int, str] | None:
        """Status and sentence of why it is not let in, or None."""
        if asked.host.lower() not in self.hosts:
            return 403, "this host is not served here"
        if asked.fetch_site not in {"", "none", "same-origin"}:
            return 403, "only this page may ask, not another site"
        match asked.method:
            case "POST":
                return self._refusal_of_post(asked) or self._refusal_of_cookie(asked)
            case "GET" | "HEAD":
                is_open = asked.path.startswith(_WITHOUT_COOKIE) or (asked.launch and asked.path == "/")
                return None if is_open else self._refusal_of_cookie(asked)
            case "WEBSOCKET":
                return self._refusal_of_origin(asked) if asked.origin else None
        return 400, f"there is no {asked.method[:20]} here, only GET and POST"

    @staticmethod
    def _refusal_of_origin(asked: Asked) -> tuple[int, str] | None:
        own = asked.origin.lower() == f"http://{asked.host.lower()}"
        return None if own else (403, "Origin: must be this page's own")

    def _refusal_of_post(self, asked: Asked) -> tuple[int, str] | None:
        if refusal := self._refusal_of_origin(asked):
            return refusal
        if asked.content_type.partition(";")[0].strip().lower() != "application/json":
            return 400, "Content-Type: must be application/json"
        return None

    def _refusal_of_cookie(self, asked: Asked) -> tuple[int, str] | None:
        if self.knows(asked.cookie):
            return None
        return 401, "the cookie is missing or not ours: open /?launch= with the token of the file launch_token"


@dataclass(frozen=True, slots=True)
class Guard:
    """Stands before the application: refuses, adds the headers, and tells of a mistake of ours, which it survives."""

    app: ASGIApp
    door: Door
    log: Log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or refuse."""

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self.door.refusal(_asked(scope))
        if refusal:
            status, reason = refusal
            events.request_refused(self.log, status=status, reason=reason)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": reason})  # told by the server as a 403
            else:
                await JSONResponse({"error": reason}, status)(scope, receive, safely)
            return
        try:
            await self.app(scope, receive, safely)
        except Exception as error:  # noqa: BLE001  a request's mistake must not stop the page of a moving vehicle
            events.request_failed(self.log, error=type(error).__name__, at=_place(error))


def _asked(scope: Scope) -> Asked:
    headers = Headers(scope=scope)
    return Asked(
        method=scope.get("method", "WEBSOCKET"),
        path=scope["path"],
        host=headers.get("host", ""),
        origin=headers.get("origin", ""),
        fetch_site=headers.get("sec-fetch-site", ""),
        content_type=headers.get("content-type", ""),
        cookie=_cookie(headers.get("cookie", "")),
        launch=scope["query_string"].startswith(b"launch="),
    )


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"

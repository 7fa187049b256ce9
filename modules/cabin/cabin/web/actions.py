"""The requests of docs/cabin-api.md, each handed to the cockpit after its body was read; nothing is decided here."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cabin.errors import MessageRejected
from cabin.ports import Answered, Cockpit, Download
from cabin.records import Answer, Purpose
from cabin.web.qr import picture_of

LARGEST_BODY: Final = 65_536
"""Bytes; a thousand trips to delete are 40 kB."""
_LONGEST_TEXT: Final = 200
_MOST_TEXTS: Final = 1_000
_FOUND: Final = 200
_FORMS: Final[Mapping[str, Literal["csv", "json"]]] = {"csv": "csv", "json": "json"}
_OneOf = TypeVar("_OneOf", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Body:
    """A POST's JSON object; each reader raises MessageRejected with the field's name."""

    values: Mapping[str, object]

    def only(self, *names: str) -> None:
        """No other fields than these."""
        for name in self.values.keys() - set(names):
            raise MessageRejected(name[:_LONGEST_TEXT], "is not a field of this request")

    def text(self, name: str) -> str:
        """1 to 200 characters."""
        return _text(name, self.values.get(name))

    def texts(self, name: str) -> Sequence[str]:
        """Up to a thousand of them."""
        value = self.values.get(name)
        if not isinstance(value, list) or len(value) > _MOST_TEXTS:
            raise MessageRejected(name, f"must be a list of at most {_MOST_TEXTS} texts")
        return [_text(f"{name}[{position}]", one) for position, one in enumerate(value)]

    def truth(self, name: str) -> bool:
        """True or false, nothing that is like it."""
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise MessageRejected(name, "must be true or false")
        return value

    def count(self, name: str) -> int:
        """A whole number from 0 on."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise MessageRejected(name, "must be a whole number from 0 on")
        return value

    def one_of(self, kind: type[_OneOf], name: str) -> _OneOf:
        """One of the words of `kind`."""
        value = self.values.get(name)
        for one in kind:
            if value == one.value:
                return one
        raise MessageRejected(name, f"must be one of {', '.join(kind)}")


def _text(place: str, value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_TEXT:
        raise MessageRejected(place, f"must be a text of 1 to {_LONGEST_TEXT} characters")
    return value


def routes(cockpit: Cockpit) -> list[Route]:
    """Of everything but the stream and the page's files."""
    return [*_asking(cockpit), *_doing(cockpit)]


def _asking(cockpit: Cockpit) -> list[Route]:
    async def view(_: Request) -> Response:
        return _json((200, cockpit.view()))

    async def trips(_: Request) -> Response:
        return _json(await cockpit.trips())

    async def trip(request: Request) -> Response:
        return _json(await cockpit.trip(request.path_params["key"]))

    async def link(request: Request) -> Response:
        return _json(await cockpit.link(request.path_params["key"]))

    async def qr(request: Request) -> Response:
        return await _picture(partial(cockpit.link, request.path_params["key"]))

    async def bridge(_: Request) -> Response:
        return _json(await cockpit.bridge())

    async def bridge_qr(_: Request) -> Response:
        return await _picture(cockpit.bridge)

    async def export(request: Request) -> Response:
        form = _FORMS.get(request.query_params.get("format", ""))
        return _file_or_json(await cockpit.export(form)) if form else _mistake(400, "format: must be csv or json")

    return [
        Route("/api/v1/view", view),
        Route("/api/v1/trips", trips),
        Route("/api/v1/trips/{key}", trip),
        Route("/api/v1/link/{key}", link),
        Route("/api/v1/link/{key}/qr.svg", qr),
        Route("/api/v1/bridge", bridge),
        Route("/api/v1/bridge/qr.svg", bridge_qr),
        Route("/api/v1/export", export),
    ]


def _doing(cockpit: Cockpit) -> list[Route]:
    async def dial(body: Body) -> Answered:
        body.only("meeting")
        return await cockpit.dial(body.text("meeting"))

    async def private(body: Body) -> Answered:
        body.only("on")
        return await cockpit.private(on=body.truth("on"))

    async def consent(body: Body) -> Answered:
        body.only("purpose", "answer", "text_id", "text_version")
        purpose, answer = body.one_of(Purpose, "purpose"), body.one_of(Answer, "answer")
        return await cockpit.consent(purpose, answer, body.text("text_id"), body.count("text_version"))

    async def profile(body: Body) -> Answered:
        body.only("profile")
        return await cockpit.profile(body.text("profile"))

    async def remove_profile(body: Body) -> Answered:
        body.only("profile")
        return await cockpit.remove_profile(body.text("profile"))

    async def language(body: Body) -> Answered:
        body.only("language")
        return await cockpit.language(body.text("language"))

    async def delete_trips(body: Body) -> Answered:
        if "all" in body.values:
            body.only("all")
            if not body.truth("all"):
                raise MessageRejected("all", "must be true, or name the trips by `ids`")
            return await cockpit.delete_trips(None)
        body.only("ids")
        return await cockpit.delete_trips(body.texts("ids"))

    doing = {
        "dial": dial,
        "private": private,
        "consent": consent,
        "profile": profile,
        "profile/remove": remove_profile,
        "language": language,
        "trips/delete": delete_trips,
    }
    return [Route(f"/api/v1/{path}", _posted(do), methods=["POST"]) for path, do in doing.items()]


def _posted(do: Callable[[Body], Awaitable[Answered]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        content = bytearray()
        async for piece in request.stream():
            content += piece
            if len(content) > LARGEST_BODY:
                return _mistake(413, f"the body: must not be greater than {LARGEST_BODY} bytes")
        try:
            return _json(await do(_body(bytes(content))))
        except MessageRejected as error:
            return _mistake(400, error.sentence())

    return answer


def _body(content: bytes) -> Body:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MessageRejected("the body", "must be JSON in UTF-8") from error
    if not isinstance(values, dict):
        raise MessageRejected("the body", "must be a JSON object")
    return Body(values)


async def _picture(link: Callable[[], Awaitable[Answered]]) -> Response:
    """The cockpit is asked again when the picture is made: the vehicle may have moved off by then."""
    answered = await link()
    if answered[0] != _FOUND:
        return _json(answered)
    try:
        picture = await asyncio.to_thread(picture_of, str(answered[1]["link"]))
    except MessageRejected as error:
        return _mistake(409, error.sentence())
    again = await link()
    return Response(picture, media_type="image/svg+xml") if again[0] == _FOUND else _json(again)


def _json(answered: Answered) -> Response:
    status, body = answered
    return JSONResponse(body, status)


def _mistake(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)


def _file_or_json(export: Download | Answered) -> Response:
    if not isinstance(export, Download):
        return _json(export)
    headers = {"Content-Disposition": f'attachment; filename="{export.name}"'}
    return StreamingResponse(export.pieces, media_type=export.content_type, headers=headers)

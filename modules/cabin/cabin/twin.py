"""What the cloud desires of the cabin, as one immutable `Config`; what it calls; and what is reported of both.

The desired properties are judged as a whole: they hold, or they are refused with addressable errors and those before
go on. Their `calendar` is another's, the bridge's, and is judged for itself, item by item. Order and versions follow
Microsoft's reconnection flow (azure-docs, iot-hub-devguide-device-twins.md): the whole document after each connect,
then patches; one whose `$version` is not newer is ignored.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from msgspec import Meta

from cabin import events
from cabin.calendar.book import Judgement
from cabin.calendar.store import Calendar
from cabin.checked_fields import Mistaken, record_of
from cabin.checked_lines import content_of, make_folder, replace_file
from cabin.disk import Disk
from cabin.errors import DiskRefused, HubUnreachable, MessageRejected
from cabin.events import Log
from cabin.ports import Json
from cabin.records import Market
from cabin.tapin.roles import VSS_NAMES
from cabin.tiles import DEFAULT, IDS

Object: TypeAlias = Mapping[str, Json]

REPORTED_ERRORS: Final = 8
_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Config:
    """What holds; replaced whole."""

    version: int
    """`$version` of the desired properties, 0 before any were seen"""
    market: Market
    """the stricter one of the integrator's and the twin's"""
    language: str
    tiles: Sequence[str]
    signals: Mapping[str, str]
    """role -> name of the tapped signal that has it"""


class Role(str):
    """A role's name. Raises ValueError."""

    __slots__ = ()

    def __new__(cls, given: object) -> Self:  # noqa: D102
        if given not in VSS_NAMES:
            raise ValueError(f"must be one of {', '.join(VSS_NAMES)}")
        return super().__new__(cls, given)


class Tiles(tuple[str, ...]):
    """Tiles of the page in their order. Raises ValueError."""

    __slots__ = ()

    def __new__(cls, given: object) -> Self:  # noqa: D102
        if not isinstance(given, list | tuple) or any(one not in IDS for one in given) or len(set(given)) < len(given):
            raise ValueError(f"must be a list, each at most once of {', '.join(IDS)}")
        return super().__new__(cls, given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Without the calendar; of an empty document everything is as by default."""

    schema_version: Literal[1] = 1
    market: Market | None = None
    language: Literal["en", "de"] | None = None
    tiles: Tiles = Tiles(DEFAULT)  # noqa: RUF009  cannot be changed
    signals: dict[Role, Annotated[str, Meta(min_length=1, max_length=256)]] = field(default_factory=dict)


class CabinTwin:
    """Implements `ports.TwinInbox`. `restore` goes first; the calendar must be restored before."""

    def __init__(
        self,
        calendar: Calendar,
        path: Path,
        *,
        market: Market,
        language: str,
        log: Log,
        changed: Callable[[Config], None] = lambda _: None,
        consent: Callable[[], Object] = dict,
        missing_roles: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`market` and `language` are the settings'; `changed` is called with each new configuration.

        `path`: where the last good document is kept. `consent`, `missing_roles`: what is reported of them; `tell` after
        they have changed.
        """
        self._calendar = calendar
        self._path = path
        self._disk = Disk("twin", log)
        self._settings = (market, language)
        self._log = log
        self._changed = changed
        self._consent, self._missing_roles = consent, missing_roles
        self._desired: Mapping[str, Any] = {}
        self._judged: Mapping[str, Any] = {}
        """the desired properties without the calendar, as they were last judged"""
        self._seen_version = 0
        self._errors: list[MessageRejected] = []
        self._map_error: list[MessageRejected] = []
        self._said: Object = {}
        self._news = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.config = self._config_of({}, 0)
        calendar.follow(self.tell)

    def tell(self) -> None:
        """Something that is reported is other than before."""
        self._news.set()

    async def restore(self) -> None:
        """What held at the last start, until the hub says otherwise."""
        try:
            if content := await self._disk.run(partial(content_of, self._path)):
                self._follow(json.loads(content), 0)
        except (DiskRefused, ValueError, RecursionError, AttributeError) as error:
            events.twin_not_kept(self._log, reason=type(error).__name__)

    async def document(self, text: str) -> str:
        """As `ports.TwinInbox`."""
        async with self._one_at_a_time:
            whole = json.loads(text)
            self._desired = whole.get("desired", {})
            self._seen_version = _version(self._desired, 0)
            self._said = {name: said for name, said in whole.get("reported", {}).items() if name in self._body()}
            await self._take()
            return self._report()

    async def patch(self, text: str) -> str:
        """As `ports.TwinInbox`."""
        async with self._one_at_a_time:
            patch = json.loads(text)
            version = _version(patch, self._seen_version + 1)
            if version <= self._seen_version:
                return "{}"
            if version > self._seen_version + 1:
                raise HubUnreachable(f"patch {version} follows {self._seen_version}: what is between was missed")
            self._desired, self._seen_version = merged(self._desired, patch), version
            await self._take()
            return self._report()

    async def method(self, name: str, payload: str) -> tuple[int, str]:
        """As `ports.TwinInbox`."""
        methods: Mapping[str, Callable[[Object], Awaitable[Object]]] = {
            "calendar.fill": self._fill,
            "calendar.wipe": self._wipe,
            "calendar.refresh": self._refresh,
            "status": self._status,
        }
        if name not in methods:
            return 404, json.dumps({"error": f"no such method; there are: {', '.join(methods)}"})
        try:
            return 200, json.dumps(await methods[name](_object(payload)))
        except (ValueError, RecursionError):
            return 400, json.dumps({"error": "payload: is not JSON"})
        except MessageRejected as refusal:
            return 400, json.dumps({"error": refusal.sentence()})
        except DiskRefused as refusal:
            return 500, json.dumps({"error": refusal.sentence()})

    async def news(self) -> str:
        """As `ports.TwinInbox`."""
        while True:
            await self._news.wait()
            self._news.clear()
            async with self._one_at_a_time:
                patch = self._report()
            if patch != "{}":
                return patch

    async def close(self) -> None:
        """After all that is to be written."""
        await self._disk.close()

    async def _take(self) -> None:
        rest = {name: value for name, value in self._desired.items() if name not in {"calendar", "$version"}}
        calendar = self._desired.get("calendar", {})
        if rest != self._judged and self._follow(rest, self._seen_version):
            await self._keep(rest)
        if isinstance(calendar, dict):
            self._map_error = []
            await self._calendar.apply(calendar)
        else:
            self._map_error = [MessageRejected("calendar", "must map profiles to items")]

    def _follow(self, rest: Mapping[str, Any], version: int) -> bool:
        """Whether it holds from now on."""
        self._judged = rest
        try:
            self.config = self._config_of(rest, version)
        except Mistaken as error:
            self._errors = error.mistakes
            events.twin_refused(self._log, version=version, errors=len(self._errors))
            return False
        self._errors = []
        events.twin_applied(self._log, version=version)
        self._changed(self.config)
        return True

    def _config_of(self, rest: Mapping[str, Any], version: int) -> Config:
        """Raises Mistaken."""
        desired = record_of(rest, Desired)
        market, language = self._settings
        return Config(
            version,
            Market.STRICT if Market.STRICT in {market, desired.market} else market,
            desired.language or language,
            desired.tiles,
            MappingProxyType({str(role): signal for role, signal in desired.signals.items()}),
        )

    async def _keep(self, rest: Mapping[str, Any]) -> None:
        def write() -> None:
            make_folder(self._path.parent)
            replace_file(self._path, json.dumps(rest).encode())

        try:
            await self._disk.run(write)
        except DiskRefused as error:
            events.twin_not_kept(self._log, reason=error.reason)

    def _report(self) -> str:
        body = self._body()
        patch = difference(self._said, body)
        self._said = body
        return json.dumps(patch)

    def _body(self) -> Object:
        errors = [*self._errors, *self._map_error, *self._calendar.refused()]
        return {
            "schema_version": 1,
            "version": self._seen_version,
            "status": "refused" if self._errors or self._map_error else "applied",
            "errors": [{"loc": one.place[:_CHARS], "msg": one.reason[:_CHARS]} for one in errors[:REPORTED_ERRORS]],
            "error_count": len(errors),
            "market": self.config.market.value,
            "calendar": self._calendar.told(),
            "consent": self._consent(),
            "missing_roles": list(self._missing_roles()),
        }

    async def _fill(self, payload: Object) -> Object:
        match payload:
            case {"profile": str() as profile, "items": dict() as items, **others} if not others:
                judgement = await self._calendar.fill(profile, items)
                return _answer(judgement)
        raise MessageRejected("payload", "must have profile, a text, and items, an object, no more")

    async def _wipe(self, payload: Object) -> Object:
        match payload:
            case {"profile": str() | None as profile, **others} if not others:
                await (self._calendar.renew() if not profile else self._calendar.wipe(profile))
                return {"wiped": profile, **self._calendar.told()}
        raise MessageRejected("payload", "must have profile, a text, or null for all of them, no more")

    async def _refresh(self, _: Object) -> Object:
        return self._calendar.told()

    async def _status(self, _: Object) -> Object:
        return self._body()


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A twin patch applied: objects merge, null removes, anything else replaces (RFC 7396)."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result


def difference(before: Object, after: Object) -> dict[str, Json]:
    """The patch that makes `after` of `before`, null for what is gone."""
    patch: dict[str, Json] = {name: None for name in before if name not in after and before[name] is not None}
    for name, value in after.items():
        was = before.get(name)
        if isinstance(was, Mapping) and isinstance(value, Mapping):
            if inner := difference(was, value):
                patch[name] = inner
        elif was != value:
            patch[name] = value
    return patch


def _object(payload: str) -> Object:
    called_with = json.loads(payload) or {}
    if not isinstance(called_with, dict):
        raise MessageRejected("payload", "must be an object")
    return called_with


def _version(properties: Mapping[str, Any], otherwise: int) -> int:
    version = properties.get("$version", otherwise)
    return version if type(version) is int else otherwise


def _answer(judgement: Judgement) -> Object:
    refused = [{"loc": one.place, "msg": one.reason} for one in judgement.refused[:REPORTED_ERRORS]]
    return {"taken": judgement.taken, "old": judgement.old, "refused": len(judgement.refused), "errors": refused}

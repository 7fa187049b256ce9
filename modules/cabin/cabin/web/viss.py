"""What a VISS client may ask, and when its subscriptions are due. Pure; time is an argument.

Read, subscribe (`timebased`, `change`) and unsubscribe of COVESA's Vehicle Information Service Specification, over the
tapped signals by their VSS names; `set` is forbidden. Version 2 names a filter's kind `type` and an error's text
`message`, version 3 `variant` and `description` (spec/VISSv3.0_Transport.html): both are read, and both are answered.
Values are strings. A client is served on the vehicle, so there is no token; location needs consent, which the caller's
`is_open` knows.
"""

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cabin.records import Reading
from cabin.tapin.latest import Latest

SUBSCRIPTIONS = 64
"""of one connection"""
SHORTEST_MS = 100
"""the tap's own tick: what is asked for more often is told so often"""
LONGEST_MS = 3_600_000

Told = dict[str, object]

_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    name: getattr(operator, name.replace("gte", "ge").replace("lte", "le"))
    for name in ("eq", "ne", "gt", "gte", "lt", "lte")
}


class _RefusedError(Exception):
    def __init__(self, number: int, reason: str, words: str) -> None:
        self.number, self.reason, self.words = number, reason, words


@dataclass(slots=True)
class _TimeBased:
    path: str
    period_ms: int
    due_up_ms: int

    def is_due(self, _: Reading, up_ms: int) -> bool:
        if up_ms < self.due_up_ms:
            return False
        behind = (up_ms - self.due_up_ms) // self.period_ms  # a late look is told once, not made up for
        self.due_up_ms += (behind + 1) * self.period_ms
        return True


@dataclass(slots=True)
class _OnChange:
    path: str
    compare: Callable[[float, float], bool]
    diff: float
    last: float | None

    def is_due(self, reading: Reading, _: int) -> bool:
        before, self.last = self.last, reading.value
        return before is not None and reading.value != before and self.compare(reading.value - before, self.diff)


class VissSession:
    """One client's connection."""

    def __init__(self, latest: Latest, is_open: Callable[[str], bool]) -> None:
        """`is_open` says of a signal whether it may be told at all."""
        self._latest, self._is_open = latest, is_open
        self._subscriptions: dict[str, _TimeBased | _OnChange] = {}
        self._given = 0

    def hear(self, text: str, *, now_ms: int, up_ms: int) -> str:
        """Answer a message."""
        told: Told = {"action": "unknown"}
        try:
            asked = _object(text)
            for name in ("action", "requestId"):
                if isinstance(value := asked.get(name), str):
                    told[name] = value
            told |= self._answer(asked, now_ms=now_ms, up_ms=up_ms)
        except _RefusedError as refused:
            told["error"] = _error(refused)
        return json.dumps(told | {"ts": stamp(now_ms)}, ensure_ascii=False)

    def events(self, *, now_ms: int, up_ms: int) -> tuple[str, ...]:
        """What the subscriptions have to tell now; ask at each tick."""
        told = []
        for number, one in self._subscriptions.items():
            reading = self._latest.readings.get(one.path) if self._is_open(one.path) else None
            if reading is not None and one.is_due(reading, up_ms):
                data = self._data(one.path, now_ms=now_ms, up_ms=up_ms)
                event = {"action": "subscription", "subscriptionId": number, "data": data, "ts": stamp(now_ms)}
                told.append(json.dumps(event, ensure_ascii=False))
        return tuple(told)

    def get(self, path: str, *, now_ms: int, up_ms: int) -> tuple[int, str]:
        """HTTP status and body of a read; `path` has slashes or dots."""
        try:
            body: Told = {"data": self._data(path.strip("/").replace("/", "."), now_ms=now_ms, up_ms=up_ms)}
            status = 200
        except _RefusedError as refused:
            body, status = {"error": _error(refused)}, refused.number
        return status, json.dumps(body | {"ts": stamp(now_ms)}, ensure_ascii=False)

    def _answer(self, asked: Told, *, now_ms: int, up_ms: int) -> Told:
        match asked.get("action"):
            case "get":
                if "filter" in asked:
                    raise _RefusedError(400, "bad_request", "Incorrect filter")
                return {"data": self._data(_path(asked), now_ms=now_ms, up_ms=up_ms)}
            case "subscribe":
                return {"subscriptionId": self._subscribe(asked, up_ms)}
            case "unsubscribe":
                if self._subscriptions.pop(str(asked.get("subscriptionId")), None) is None:
                    raise _RefusedError(404, "unavailable_data", "Unknown subscription Id")
                return {}
            case "set":
                raise _RefusedError(403, "forbidden_request", "The vehicle is only read here")
        raise _RefusedError(400, "bad_request", "Missing or invalid action")

    def _subscribe(self, asked: Told, up_ms: int) -> str:
        path = _path(asked)
        self._known(path)
        if len(self._subscriptions) >= SUBSCRIPTIONS:
            raise _RefusedError(429, "too_many_requests", f"A connection may have {SUBSCRIPTIONS} subscriptions")
        self._given += 1
        self._subscriptions[str(self._given)] = self._filtered(path, asked.get("filter"), up_ms)
        return str(self._given)

    def _filtered(self, path: str, wanted: object, up_ms: int) -> _TimeBased | _OnChange:
        if not isinstance(wanted, dict):
            raise _RefusedError(400, "bad_request", "Missing or invalid filter")
        kind, parameter = wanted.get("variant", wanted.get("type")), wanted.get("parameter")
        if not isinstance(parameter, dict):
            raise _RefusedError(400, "bad_request", "Missing or invalid filter")
        if kind == "timebased":
            period_ms = round(min(max(_number(parameter.get("period")), SHORTEST_MS), LONGEST_MS))
            return _TimeBased(path, period_ms, up_ms)
        compare = _COMPARED.get(str(parameter.get("logic-op")))
        if kind != "change" or compare is None:
            raise _RefusedError(400, "bad_request", "Missing or invalid filter")
        reading = self._latest.readings.get(path)
        return _OnChange(path, compare, _number(parameter.get("diff")), reading.value if reading else None)

    def _known(self, path: str) -> None:
        if path in self._latest.signals and self._is_open(path):
            return
        if any(name.startswith(f"{path}.") for name in self._latest.signals):
            raise _RefusedError(400, "invalid_data", "Requested action on a branch is not supported")
        raise _RefusedError(404, "unavailable_data", "Data is unknown")

    def _data(self, path: str, *, now_ms: int, up_ms: int) -> Told:
        self._known(path)
        reading = self._latest.readings.get(path)
        if reading is None:
            raise _RefusedError(404, "unavailable_data", "Data temporarily unaccessible")
        sampled_ms = now_ms - reading.age_ms(up_ms)
        return {"path": path, "dp": {"value": self._text(path, reading.value), "ts": stamp(sampled_ms)}}

    def _text(self, path: str, value: float) -> str:
        labels = self._latest.signals[path].labels or {}
        whole = int(value) if value.is_integer() else None
        if whole is None:
            return repr(value)
        return labels.get(whole, str(whole))


def stamp(t_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, as VISS has its times."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{t_ms % 1000:03d}Z"


def _object(text: str) -> Told:
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise _RefusedError(400, "bad_request", "The request is malformed")
    return asked


def _path(asked: Told) -> str:
    path = asked.get("path")
    if not isinstance(path, str) or not path:
        raise _RefusedError(400, "bad_request", "Missing or invalid path")
    return path.replace("/", ".")


def _number(text: object) -> float:
    try:
        number = float(text) if isinstance(text, str | int | float) else float("nan")
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise _RefusedError(400, "bad_request", "Missing or invalid filter")
    return number


def _error(refused: _RefusedError) -> Told:
    return {
        "number": str(refused.number),
        "reason": refused.reason,
        "message": refused.words,
        "description": refused.words,
    }

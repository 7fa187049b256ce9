"""The last known state of the vehicle, for the twin: a few signals, said when they changed. Pure.

It is known before the first frame of a start: what was known last is handed over.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from edge_agent.tap.latest import LatestValue
from edge_agent.twin.fitting import NAME_CHARS, JsonObject, JsonValue
from edge_agent.twin.reported import Reported

SECTION = "vehicle_state"
"""`state` is the desired property's name, and its acknowledgement's, where a model is announced"""
BEGIN_NS = 3_000_000_000
"""From a configuration's first block to the first look: by then most signals have come once, and go in one message."""


@dataclass(frozen=True, slots=True)
class StateAsked:
    """Which signals are the state, by their public names, and how often it may be said."""

    signals: tuple[str, ...] = ()
    every_ns: int = 0


def twin_key(name: str) -> str:
    """A signal's name as a key of a twin, which may hold no dot: with slashes, as VISS writes VSS paths.

    Of a longer one than a key may be the end, which tells more than the beginning.
    """
    key = name.replace(".", "/")
    return key if len(key) <= NAME_CHARS else f"…{key[1 - NAME_CHARS :]}"


def judged_body(value: object) -> JsonObject:
    """A body that was kept, as far as it is one."""
    members = value.items() if isinstance(value, Mapping) else ()
    return {name: {"v": one["v"], "t_ms": one["t_ms"]} for name, one in members if _is_known(one)}


class VehicleState:
    """`body` is the state as it was said last: {key: {"v": number, "t_ms": milliseconds since the Unix epoch}}.

    `t_ms` is the time of the first sample that had this value when the state was said; while the value stays, so does
    it, and nothing is sent.
    """

    def __init__(self, reported: Reported, body: JsonObject) -> None:
        """`body` is what an earlier start knew last."""
        self._reported = reported
        self._asked = StateAsked()
        self._next_ns: int | None = None
        self.body = body
        if body:
            reported.say(SECTION, body)

    def follow(self, asked: StateAsked) -> None:
        """From now on this is asked; what is known of it goes on being known."""
        self._asked = asked
        self._next_ns = None
        keys = set(map(twin_key, asked.signals))
        self._say({key: value for key, value in self.body.items() if key in keys})

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """What is known of the signals whose keys these are."""
        self._say({key: value for key, value in self.body.items() if not is_gone(key)})

    def feed(self, values: Callable[[], Iterable[LatestValue]], uptime_ns: int) -> None:
        """Look, where it is time, at the last values there are."""
        if self._next_ns is None:
            self._next_ns = uptime_ns + BEGIN_NS
        if self._asked.signals and uptime_ns >= self._next_ns:
            self._next_ns = uptime_ns + self._asked.every_ns
            self.look(values())

    def look(self, values: Iterable[LatestValue]) -> None:
        """Say what changed, whatever the time: at the end it is how the vehicle was left."""
        wanted = set(self._asked.signals)
        known = {twin_key(one.name): one for one in values if one.name in wanted and math.isfinite(one.value)}
        changed = {key: _told(one) for key, one in known.items() if self._value(key) != one.value}
        self._say({**self.body, **changed})

    def _value(self, key: str) -> JsonValue:
        return cast("JsonObject", self.body.get(key, {})).get("v")

    def _say(self, body: JsonObject) -> None:
        if body != self.body:
            self.body = body
            self._reported.say(SECTION, body, soon=True)


def _told(value: LatestValue) -> JsonObject:
    return {"v": value.value, "t_ms": value.t_ns // 1_000_000}


def _is_known(value: object) -> bool:
    match value:
        case {"v": int() | float() as number, "t_ms": int()}:
            return math.isfinite(number)
    return False


def collisions(names: Sequence[str]) -> tuple[str, ...]:
    """Those names whose key an earlier one has."""
    keys: dict[str, str] = {}
    return tuple(name for name in names if keys.setdefault(twin_key(name), name) != name)

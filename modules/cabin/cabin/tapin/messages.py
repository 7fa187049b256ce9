"""The agent's messages, judged at the door: a message that is not what it must be is refused whole. Pure."""

import json
import sys
from collections.abc import Mapping

from cabin.errors import MessageRejected
from cabin.records import AgentStatus, SignalInfo, Tick

PREFIX = "tap/v1/"
TICK, SIGNALS, STATUS, TRIP_KEPT = (PREFIX + name for name in ("tick", "signals", "status", "trip_kept"))

JsonObject = Mapping[str, object]

_LARGEST = sys.float_info.max
_OLDEST_MS = 10**12
"""31 years: by then a sample's time still is a date"""


def tick_of(payload: bytes) -> Tick:
    """A `tap/v1/tick`. Raises MessageRejected."""
    body = _object(payload, TICK)
    values = {name: _value(pair, name) for name, pair in _mapping(body, "v", TICK).items()}
    return Tick(
        _int(body, "t", TICK), _int(body, "seq", TICK), _int(body, "boot", TICK), body.get("full") is True, values
    )


def status_of(payload: bytes) -> AgentStatus:
    """A `tap/v1/status`, the will included. Raises MessageRejected."""
    body = _object(payload, STATUS)
    if body.get("online") is not True:
        return AgentStatus(online=False)
    counts = [
        _int(body, name, STATUS)
        for name in ("t", "spooled_batches", "spooled_bytes", "delivered_batches", "lost_batches")
    ]
    t_ms, spooled_batches, spooled_bytes, delivered_batches, lost_batches = counts
    return AgentStatus(
        online=True,
        t_ms=t_ms,
        link_up=body.get("link_up") is True,
        metered=_truth(body.get("metered")),
        roaming=_truth(body.get("roaming")),
        spooled_batches=spooled_batches,
        spooled_bytes=spooled_bytes,
        delivered_batches=delivered_batches,
        lost_batches=lost_batches,
    )


def signals_of(payload: bytes) -> Mapping[str, SignalInfo]:
    """A `tap/v1/signals`: what the agent taps. Raises MessageRejected."""
    signals = _mapping(_object(payload, SIGNALS), "signals", SIGNALS)
    return {name: _info(about, name) for name, about in signals.items()}


def kept_of(payload: bytes) -> tuple[str, str | None]:
    """The id of a `tap/v1/trip_kept`, and why it was refused, if it was. Raises MessageRejected."""
    body = _object(payload, TRIP_KEPT)
    trip, refused = body.get("id"), body.get("refused")
    if not isinstance(trip, str):
        raise MessageRejected(f"{TRIP_KEPT} id", "must be a string")
    return trip, refused if isinstance(refused, str) else None


def _object(payload: bytes, topic: str) -> JsonObject:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MessageRejected(topic, f"is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise MessageRejected(topic, "must be a JSON object")
    return body


def _mapping(body: JsonObject, name: str, topic: str) -> JsonObject:
    value = body.get(name)
    if not isinstance(value, dict):
        raise MessageRejected(f"{topic} {name}", "must be an object")
    return value


def _int(body: JsonObject, name: str, topic: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MessageRejected(f"{topic} {name}", "must be a whole number from 0 on")
    return value


def _value(pair: object, name: str) -> tuple[float, int]:
    match pair:
        case [int() | float() as value, int() | float() as age_ms] if (
            abs(value) <= _LARGEST and 0 <= age_ms <= _OLDEST_MS
        ):
            return float(value), int(age_ms)
    raise MessageRejected(f"{TICK} v.{name}", "must be [number, age in ms]")


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return None
    return float(value)


def _info(about: object, name: str) -> SignalInfo:
    if not isinstance(about, dict):
        raise MessageRejected(f"{SIGNALS} {name}", "must be an object")
    labels = about.get("labels")
    unit = about.get("unit")
    return SignalInfo(
        unit=unit if isinstance(unit, str) else "",
        minimum=_number(about.get("min")),
        maximum=_number(about.get("max")),
        labels=_labels(labels, name) if isinstance(labels, dict) else None,
    )


def _labels(labels: Mapping[str, object], name: str) -> Mapping[int, str]:
    try:
        return {int(number): str(label) for number, label in labels.items()}
    except ValueError as error:
        raise MessageRejected(f"{SIGNALS} {name}.labels", "must have integers as keys") from error

"""Summaries of trips, from the cabin to the cloud: each a message of its own, answered once it is on disk.

The cabin publishes `cabin/v1/trip`, QoS 1: {"id": str, "schema": "trip/1", "trip": {flat: numbers, strings, booleans,
null}}, and sends it again after each of its reconnects until it has an answer on `tap/v1/trip_kept`: {"id": str}, or
{"id": str, "refused": sentence}. A trip that was kept is answered again and not sent twice, as long as it is among the
last `REMEMBERED`; over a start, and where the disk takes nothing for now, it may be: the cloud knows it by its id.
"""

import asyncio
import json
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from edge_agent import events
from edge_agent.errors import LocalBusDown, LocalBusRefused, MethodRefused, TripRefused
from edge_agent.events import Log
from edge_agent.head_unit.consent import words
from edge_agent.ports import Clock
from edge_agent.records import Batch, Lane, Purpose, RuleInfo, TimeUnit, Trip

TOPIC, ANSWERS = "cabin/v1/trip", "tap/v1/trip_kept"
SCHEMA = "trip/1"
NEEDS = Purpose.TRIPS | Purpose.CLOUD_TELEMETRY
RULE = RuleInfo("cabin.trips", "trip", 2, Lane.HOT, " ".join(words(NEEDS)), TimeUnit.MS, purposes=NEEDS)
REMEMBERED = 1024
WAITING_ANSWERS = 64
MOST_BYTES = 16 * 1024
MOST_FIELDS, MOST_CHARS = 128, 1024

Value = str | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TripWay:
    """Where a trip goes, and its answer."""

    allowed: Callable[[], Purpose]
    take_in: Callable[[Trip, RuleInfo, int], Batch]
    """`Sift.take_in`"""
    publish: Callable[[str, bytes], Awaitable[None]]
    """to a topic, QoS 1. Raises LocalBusDown or LocalBusRefused"""


class TripsHook:
    """Hears trips, and is told what became of their batches; answers while `run` runs."""

    def __init__(self, way: TripWay, *, clock: Clock, log: Log) -> None:
        self._way, self._clock, self._log = way, clock, log
        self._kept: dict[str, None] = {}  # the last `REMEMBERED`, for their order
        self._on_its_way: set[str] = set()  # bounded by what may wait for the disk
        self._answers: deque[bytes] = deque(maxlen=WAITING_ANSWERS)  # of more, the oldest will be asked for again
        self._asked = asyncio.Event()

    def hear(self, payload: bytes) -> None:
        """A `cabin/v1/trip`; on the event loop."""
        try:
            name = id_in(payload)
        except TripRefused as refusal:  # nobody to answer
            events.trip_refused(self._log, trip="", reason=refusal.reason)
            return
        if name in self._kept:
            self._answer(name)
        elif name not in self._on_its_way:
            self._take_in(name, payload)

    def answered(self, batch: Batch, is_on_disk: bool) -> None:
        """The spool has answered for a batch, of a trip or not."""
        if batch.trip is None:
            return
        name = batch.trip.id
        self._on_its_way.discard(name)
        if is_on_disk:
            self._kept[name] = None
            if len(self._kept) > REMEMBERED:
                del self._kept[next(iter(self._kept))]
            self._answer(name)
        elif lacks := NEEDS & ~self._way.allowed():
            self._refuse(name, _lacking(lacks))

    async def run(self) -> None:
        """Answer until cancelled; what cannot be answered now will be asked again."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._answers:
                try:
                    await self._way.publish(ANSWERS, self._answers.popleft())
                except (LocalBusDown, LocalBusRefused) as error:
                    events.trip_unanswered(self._log, reason=error.sentence())

    def _take_in(self, name: str, payload: bytes) -> None:
        if lacks := NEEDS & ~self._way.allowed():
            self._refuse(name, _lacking(lacks))
            return
        try:
            self._way.take_in(trip_in(payload), RULE, self._clock.now_ns())
        except (TripRefused, MethodRefused) as refusal:
            self._refuse(name, refusal.reason)
        else:
            self._on_its_way.add(name)

    def _refuse(self, name: str, reason: str) -> None:
        events.trip_refused(self._log, trip=name, reason=reason)
        self._answer(name, refused=reason)

    def _answer(self, name: str, **more: str) -> None:
        self._answers.append(json.dumps({"id": name, **more}).encode())
        self._asked.set()


def id_in(payload: bytes) -> str:
    """The id of a trip. Raises TripRefused where there is none to answer to."""
    match _parsed(payload):
        case {"id": str(name)} if 0 < len(name) <= MOST_CHARS and _is_whole(name):
            return name
    raise TripRefused(f"id: must be a text of 1 to {MOST_CHARS} characters")


def trip_in(payload: bytes) -> Trip:
    """A trip that can be sent. Raises TripRefused."""
    if len(payload) > MOST_BYTES:
        raise TripRefused(f"{len(payload)} bytes, a trip has {MOST_BYTES} at most")
    body = _parsed(payload)
    if body.get("schema") != SCHEMA:
        raise TripRefused(f"schema: must be {SCHEMA!r}")
    fields = body.get("trip")
    if not isinstance(fields, dict) or not 0 < len(fields) <= MOST_FIELDS:
        raise TripRefused(f"trip: must be an object of 1 to {MOST_FIELDS} values")
    return Trip(id_in(payload), tuple((name, _judged(name, value)) for name, value in fields.items()))


def _judged(name: str, value: object) -> Value:
    if not _is_whole(name):
        raise TripRefused("trip: a name has half a character")
    if isinstance(value, str) and not _is_whole(value):
        raise TripRefused(f"trip.{name[:64]}: has half a character")
    if len(name) > MOST_CHARS or (isinstance(value, str) and len(value) > MOST_CHARS):
        raise TripRefused(f"trip.{name[:64]}: longer than {MOST_CHARS} characters")
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise TripRefused(f"trip.{name}: must be a finite number, a text, true, false or null")


def _is_whole(text: str) -> bool:
    """JSON may escape one of the two surrogates that UTF-16 makes of a character; no UTF-8 payload can have it."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _parsed(payload: bytes) -> Mapping[str, object]:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise TripRefused(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise TripRefused("must be an object")
    return body


def _lacking(lacks: Purpose) -> str:
    return f"the driver has not consented to {' and '.join(words(lacks))}"

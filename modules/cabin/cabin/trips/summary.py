"""A summary as a JSON object, on the car's disk, and as the message that the agent takes. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import cast

from cabin.ports import Json
from cabin.records import TripSummary

SCHEMA = "trip/1"
_NAMES = tuple(one.name for one in fields(TripSummary))
_PLACES = ("start_place", "end_place")
_TEXTS = ("id", "profile", "end", "distance_source", "energy_source", "harsh_source")


def record_of(trip: TripSummary) -> Mapping[str, Json]:
    """By its fields' names; a place is a pair."""
    return cast("Mapping[str, Json]", asdict(trip))


def trip_in(record: Json) -> TripSummary:
    """What `record_of` made, also read back from JSON. Raises TypeError where it is something else."""
    if not isinstance(record, Mapping):
        raise TypeError("a trip is an object")
    given = {name: _value(name, record[name]) for name in _NAMES if name in record}
    return TripSummary(**given)  # type: ignore[arg-type]  # judged by _value; a missing one is the TypeError told above


def flat_of(trip: TripSummary) -> Mapping[str, Json]:
    """As `record_of`, with each place as two numbers."""
    flat: dict[str, Json] = {name: value for name, value in record_of(trip).items() if name not in _PLACES}
    for name in _PLACES:
        latitude, longitude = getattr(trip, name) or (None, None)
        flat |= {f"{name}_latitude_deg": latitude, f"{name}_longitude_deg": longitude}
    return flat


def message_of(trip: TripSummary) -> bytes:
    """A `cabin/v1/trip`: without the profile, which is nobody's business outside the car."""
    told = {name: value for name, value in flat_of(trip).items() if name != "profile"}
    return json.dumps({"id": trip.id, "schema": SCHEMA, "trip": told}, allow_nan=False).encode()


def _value(name: str, value: Json) -> object:
    if name in _PLACES:
        if value is None:
            return None
        if isinstance(value, Sequence) and not isinstance(value, str) and [type(one) for one in value] == [float] * 2:
            return tuple(value)
    elif (name in _TEXTS) == isinstance(value, str) and (value is None or isinstance(value, str | int | float)):
        return value
    raise TypeError(f"{name}: not of a trip")

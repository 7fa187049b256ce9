"""What can be made to go wrong on purpose; each knob may be turned while the hub runs."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.twins import Json, JsonObject


class DropHow(Enum):
    """At which moment of a telemetry message a connection is dropped."""

    ABORT = "abort"
    """before the hub takes the message"""
    BEFORE_ACK = "before_ack"
    """the hub has the message, the client gets no acknowledgement"""
    HALF_ACK = "half_ack"
    """the hub has the message, the client gets the first two of the acknowledgement's four bytes"""
    AFTER_ACK = "after_ack"
    """the hub has the message, the client its acknowledgement"""


class Faults:
    """The knobs; as made, nothing goes wrong. They are read at the moment they matter."""

    mute_accept: bool = False
    """accept connections and say nothing, not even TLS's first word"""
    refuse_code: Annotated[int, Field(ge=1, le=255)] | None = None
    """answer every CONNECT with this code, and close"""
    no_connack: bool = False
    """never answer a CONNECT"""
    forget_sessions: bool = False
    """a connecting client finds its subscriptions gone"""
    no_suback: bool = False
    """never answer a SUBSCRIBE (it takes effect all the same)"""
    no_twin_reply: bool = False
    """neither answer a twin GET nor a reported PATCH (which takes effect all the same)"""
    never_ack: bool = False
    """take telemetry but never acknowledge it"""
    ack_delay_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0.0
    """acknowledge telemetry only after this time"""
    bytes_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """read no faster from each client, as a slow link would let it through"""
    longest_packet_bytes: Annotated[int, Field(ge=128, le=256 * 1024)] = 256 * 1024
    """close on a longer packet; as made edgeHub's MaxInboundMessageSize (Azure/iotedge, appsettings_hub.json)"""
    mute_workload: bool = False
    """take requests of the workload API and answer none while it is so"""
    workload_status: Annotated[int, Field(ge=400, le=599)] | None = None
    """answer every request of the workload API with this status of HTTP"""
    drop_after: Annotated[int, Field(ge=1)] | None = None
    """drop every connection at its telemetry message of this number, counted from 1"""
    drop_how: DropHow = DropHow.ABORT


def faults_told(faults: Faults) -> JsonObject:
    """Every knob as it stands."""
    values = {name: getattr(faults, name) for name in _KNOBS}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


def turn(faults: Faults, wanted: Mapping[str, Json]) -> None:
    """Set the knobs that are named; null as made. Raises LocalHubRefused (400); then none was turned."""
    values = {name: _value(name, value) for name, value in wanted.items()}
    for name, value in values.items():
        setattr(faults, name, value)


_KNOBS = {name: TypeAdapter[object](hint) for name, hint in get_type_hints(Faults, include_extras=True).items()}


def _value(name: str, value: Json) -> object:
    if name not in _KNOBS:
        raise LocalHubRefused(400, f"{name!r} is none of the faults: {', '.join(_KNOBS)}")
    if value is None:
        return getattr(Faults, name)
    try:
        return _KNOBS[name].validate_python(value)
    except ValidationError as error:
        raise LocalHubRefused(400, f"{name}: {error.errors()[0]['msg'].lower()}") from error

"""Desired properties to one immutable `Config`, and back to reported ones. Pure.

A document is judged as a whole: it runs, or it is refused with addressable errors and the one before goes on.
Order and versions follow Microsoft's reconnection flow (azure-docs, iot-hub-devguide-device-twins.md): the whole
document after each connect, then patches; a patch whose `$version` is not newer is ignored.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.errors import DocumentRefused, Fault
from edge_agent.mistakes import Place, mistakes, path
from edge_agent.policy.rules import Aggregate, BatchLimits, Bounded, OnChange, Periodic, Rule
from edge_agent.records import I64, Lane, RuleInfo, TimeUnit

REPORTED_FAULTS = 20
"""Errors reported at most: a twin's reported properties hold 32 KB in all (IoT Hub quotas), and others report too."""
REPORTED_CHARS = 512
REPORTED_BYTES = 8_000
"""of errors, and as many of missing signals"""
MAX_RULES = 256
MAX_RULE_SIGNALS = 10_000
"""Signals over all rules, one that several rules name counted for each. At worst, 960 signals in each of 10 `on_change`
rules and 4,800 samples a block that are all kept, a block takes 25 ms with a dead-band and 150 with `max_error` (two
x86 cores shared, Python 3.11)."""
HOT_MAX_BYTES = 200_000
"""A hot batch is not compressed, and with its header and properties must stay below IoT Hub's 256 KB."""

TOO_DEEP = Fault("", "nested too deeply")


def _rule_name(name: str) -> str:
    if not re.fullmatch(r"[^.$#\s\x00-\x1f]{1,64}", name):
        raise ValueError("a rule's name has 1 to 64 characters, and no dot, dollar, hash or space among them")
    return name


RuleName = Annotated[str, AfterValidator(_rule_name)]
"""A key of a twin may hold no dot, dollar, hash, space or control character (edgeHub ReportedPropertiesValidator)."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BatchSpec(_Model):
    """When a batch is sealed."""

    max_age_s: float = Field(default=10.0, ge=0.1, le=3600)
    max_bytes: int = Field(default=256_000, ge=4_096, le=500_000)


class RuleSpec(_Model):
    """What every kind of rule has."""

    signals: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(min_length=1)]
    priority: int = Field(default=5, ge=0, le=9)
    lane: Literal["hot", "warm"] = "warm"
    purpose: str = Field(default="", max_length=64)
    time_unit: Literal["ms", "us", "ns"] = "ms"
    batch: BatchSpec = BatchSpec()


AggregateName = Literal["last", "first", "min", "max", "mean", "count"]


def _each_once(names: tuple[AggregateName, ...]) -> tuple[AggregateName, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{' and '.join(map(repr, twice))} must not be named twice")
    return names


class PeriodicSpec(RuleSpec):
    """Each signal's last sample, or aggregates, of every window."""

    kind: Literal["periodic"]
    every_ms: int = Field(ge=10, le=86_400_000)
    keep: Annotated[tuple[AggregateName, ...], Field(min_length=1), AfterValidator(_each_once)] = ("last",)


class RelativeDeadband(_Model):
    """A dead-band that grows with the value."""

    relative: float = Field(gt=0, le=1)
    """of the last kept value's magnitude"""


def _deadband_kind(value: object) -> str:
    return "relative" if isinstance(value, dict | RelativeDeadband) else "absolute"


class OnChangeSpec(RuleSpec):
    """A sample when it leaves the dead-band, or what straight lines need to stay within `max_error`."""

    kind: Literal["on_change"]
    deadband: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False), Tag("absolute")]
        | Annotated[RelativeDeadband, Tag("relative")],
        Discriminator(_deadband_kind),
    ] = 0.0
    min_interval_ms: int = Field(default=0, ge=0, le=86_400_000)
    heartbeat_ms: int | None = Field(default=None, ge=10, le=86_400_000)
    max_error: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("max_error")
    @classmethod
    def _decides_alone(cls, max_error: float | None, others: ValidationInfo) -> float | None:
        if max_error is None:
            return None
        against = [name for name in ("deadband", "min_interval_ms") if others.data.get(name)]
        if against:
            raise ValueError(f"goes with no {' and no '.join(against)}: its bound alone decides")
        if others.data.get("lane") == "hot":
            raise ValueError("is for lane 'warm': samples are held until later ones have come")
        return max_error


class Document(_Model):
    """The desired properties, without `$version`."""

    schema_version: Literal[1]
    rules: Annotated[
        dict[RuleName, Annotated[PeriodicSpec | OnChangeSpec, Field(discriminator="kind")]], Field(max_length=MAX_RULES)
    ] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """What runs: swapped whole between two blocks."""

    version: int
    plan: DecodePlan
    rules: tuple[Rule, ...]
    missing: tuple[Fault, ...] = ()
    """signals that were left out, because they are unknown while not every database could be loaded"""


@dataclass(frozen=True, slots=True)
class Applied:
    """A document that runs from now on; `document` is to be kept for a start without network."""

    config: Config
    document: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that was refused; the configuration before it goes on."""

    version: int
    faults: tuple[Fault, ...]


class Unchanged:
    """Nothing new was said."""


Outcome = Applied | Kept | Unchanged


class Twin:
    """The desired properties as they stand in the cloud, and the configuration that runs.

    What it holds is replaced, never written to: a shallow copy is a Twin of its own.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._desired: dict[str, Any] | None = None
        self._seen_version = 0
        self._faults: tuple[Fault, ...] = ()
        self.config: Config | None = None

    def restore(self, document: str) -> Outcome:
        """Run a document kept from an earlier start; the hub's own replaces it as soon as there is a connection.

        `document` is one that was `Applied`: a JSON object.
        """
        return self._replace(json.loads(document))

    def document(self, text: str) -> Outcome:
        """Judge the whole twin `{"desired": {...}, "reported": {...}}`; after a reconnect it is often the same."""
        desired = json.loads(text)["desired"]
        if desired == self._desired:
            return Unchanged()
        return self._replace(desired)

    def patch(self, text: str) -> Outcome:
        """Judge the desired properties after a patch; null removes a key."""
        patch = json.loads(text)
        if patch.get("$version", self._seen_version + 1) <= self._seen_version:
            return Unchanged()
        return self._replace(merged(self._desired or {}, patch))

    def reported(self) -> str:
        """The `config` part of the reported properties, as a patch."""
        running, missing = (self.config.version, self.config.missing) if self.config else (0, ())
        return json.dumps(
            {
                "config": {
                    "version": self._seen_version,
                    "running_version": running,
                    "status": "refused" if self._faults else "applied",
                    "errors": _reported(self._faults),
                    "error_count": len(self._faults),
                    "missing": _reported(missing),
                    "missing_count": len(missing),
                }
            }
        )

    def _replace(self, desired: dict[str, Any]) -> Outcome:
        # What the cloud holds is remembered even when it is refused: the patch that mends it builds on it.
        self._desired = desired
        self._seen_version = int(desired.get("$version", self._seen_version))
        try:
            self.config = compile_document(judge(desired), self._catalog, self._seen_version)
        except DocumentRefused as refusal:
            self._faults = refusal.faults
            return Kept(self._seen_version, refusal.faults)
        self._faults = ()
        return Applied(self.config, json.dumps(desired))


def _reported(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """The first faults, as many as the reported properties have room for."""
    errors = [
        {"loc": fault.loc[:REPORTED_CHARS], "msg": fault.message[:REPORTED_CHARS]} for fault in faults[:REPORTED_FAULTS]
    ]
    sizes = accumulate(len(json.dumps(error)) for error in errors)
    return [error for error, size in zip(errors, sizes, strict=True) if size <= REPORTED_BYTES]


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A twin patch applied: objects merge, null removes, anything else replaces (RFC 7396)."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def judge(desired: Mapping[str, Any]) -> Document:
    """The document, if its shape is right; a new module's empty twin asks for nothing. Raises DocumentRefused."""
    body = {key: value for key, value in desired.items() if not key.startswith("$")}
    if not body:
        return Document(schema_version=1)
    try:
        # As JSON text: in Python mode strict types would refuse the lists the SDK hands over for our tuples.
        return Document.model_validate_json(json.dumps(body))
    except ValidationError as error:
        raise DocumentRefused([_fault(place, message) for place, message in mistakes(error)]) from error
    except RecursionError as error:
        raise DocumentRefused([TOO_DEEP]) from error


def _fault(place: Place, message: str) -> Fault:
    if place[:1] == ("rules",):
        # Within a rule pydantic names the union's tag after the rule's name; the document has no such level.
        place = (*place[:2], *place[3:])
        if place[2:3] == ("deadband",):  # and after the dead-band which of its two forms it took it for
            place = (*place[:3], *place[4:])
    return Fault(path(place), message)


def compile_document(document: Document, catalog: Catalog, version: int) -> Config:
    """Tables and rules for a well-formed document.

    Raises DocumentRefused where it asks for too many signals, or where one is unknown in a complete catalogue.
    """
    names: dict[str, list[str]] = {}
    unknown: list[Fault] = []
    room = MAX_RULE_SIGNALS
    for rule, spec in document.rules.items():
        loc = f"rules.{rule}.signals"
        names[rule] = _resolve(spec.signals, catalog, loc, unknown)
        room -= len(names[rule])
        if room < 0:
            message = f"with these the rules have more than {MAX_RULE_SIGNALS} signals, each counted in every rule"
            raise DocumentRefused([*unknown, Fault(loc, message)])
    if unknown and catalog.complete:
        raise DocumentRefused(unknown)
    wanted = list(dict.fromkeys(name for resolved in names.values() for name in resolved))
    index = {name: i for i, name in enumerate(wanted)}
    rules = tuple(
        _rule(name, spec, np.array([index[signal] for signal in names[name]], np.int64))
        for name, spec in document.rules.items()
    )
    return Config(version, compile_plan(catalog, wanted), rules, tuple(unknown))


def _resolve(patterns: Sequence[str], catalog: Catalog, loc: str, unknown: list[Fault]) -> list[str]:
    found: dict[str, None] = {}
    for i, pattern in enumerate(patterns):
        matches = catalog.match(pattern)
        if not matches:
            # To look for what was meant costs far more than to find a name: only for those that will be read.
            nearest = catalog.nearest(pattern) if len(unknown) < REPORTED_FAULTS else ()
            unknown.append(Fault(f"{loc}[{i}]", _unknown(pattern, catalog, nearest)))
        found |= dict.fromkeys(matches)
    return list(found)


def _unknown(pattern: str, catalog: Catalog, nearest: Sequence[str]) -> str:
    if not len(catalog):
        return f"no signal {pattern!r}: no database could be loaded"
    where = "the databases" if catalog.complete else "the databases that could be loaded"
    return f"no signal {pattern!r} in {where}" + (f"; nearest: {', '.join(nearest)}" if nearest else "")


def _rule(name: str, spec: PeriodicSpec | OnChangeSpec, signals: I64) -> Rule:
    info = RuleInfo(name, spec.kind, spec.priority, Lane(spec.lane), spec.purpose, TimeUnit[spec.time_unit.upper()])
    max_bytes = min(spec.batch.max_bytes, HOT_MAX_BYTES) if info.lane is Lane.HOT else spec.batch.max_bytes
    limits = BatchLimits(round(spec.batch.max_age_s * 1e9), max_bytes)
    if isinstance(spec, PeriodicSpec):
        keep = tuple(Aggregate(aggregate) for aggregate in spec.keep)
        return Periodic(info, signals, limits, spec.every_ms * 1_000_000, keep)
    heartbeat_ns = None if spec.heartbeat_ms is None else spec.heartbeat_ms * 1_000_000
    if spec.max_error is not None:
        return Bounded(info, signals, limits, spec.max_error, min(heartbeat_ns or limits.max_age_ns, limits.max_age_ns))
    return OnChange(
        info,
        signals,
        limits,
        deadband=0.0 if isinstance(spec.deadband, RelativeDeadband) else spec.deadband,
        min_interval_ns=spec.min_interval_ms * 1_000_000,
        heartbeat_ns=heartbeat_ns,
        relative_deadband=spec.deadband.relative if isinstance(spec.deadband, RelativeDeadband) else 0.0,
    )


def faults_of_text(text: str, catalog: Catalog) -> tuple[Fault, ...]:
    """Every mistake in a desired document as somebody wrote it; () if it would run."""
    try:
        desired = json.loads(text)
    except json.JSONDecodeError as error:
        return (Fault(f"line {error.lineno} column {error.colno}", error.msg),)
    except RecursionError:
        return (TOO_DEEP,)
    if not isinstance(desired, dict):
        return (Fault("", "the desired properties must be a JSON object"),)
    try:
        compile_document(judge(cast("dict[str, Any]", desired)), catalog, version=0)
    except DocumentRefused as refusal:
        return refusal.faults
    return ()

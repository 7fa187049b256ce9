"""The desired properties as somebody writes them: their shape, and what is wrong with one that has another. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from edge_agent.errors import DocumentRefused, Fault
from edge_agent.mistakes import Place, mistakes, path, placed

MAX_RULES = 256
MAX_STATE_SIGNALS = 32
"""The reported properties have room for about so many."""
TOO_DEEP = Fault("", "nested too deeply")
NO_OBJECT = Fault("", "the desired properties must be a JSON object")


RULE_NAME = r"[^.$#\s\x00-\x1f]{1,64}"


def _rule_name(name: str) -> str:
    if not re.fullmatch(RULE_NAME, name):
        raise ValueError("a rule's name has 1 to 64 characters, and no dot, dollar, hash or space among them")
    return name


RuleName = Annotated[str, AfterValidator(_rule_name)]
"""A key of a twin may hold no dot, dollar, hash, space or control character (edgeHub ReportedPropertiesValidator)."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BatchSpec(_Model):
    """When a batch is sealed."""

    max_age_s: float = Field(default=10.0, ge=0.1, le=3600)
    """seconds from its first sample"""
    max_bytes: int = Field(default=256_000, ge=4_096, le=500_000)
    """of JSON before compression, without the header"""


def _utc_ns(text: object) -> int:
    """Nanoseconds since the Unix epoch."""
    if not isinstance(text, str) or not _UTC.fullmatch(text):
        raise ValueError("must be a time in UTC between 1970 and 2199, such as 2027-03-01T06:00:00Z")
    try:
        return int(np.datetime64(text[:-1], "ns").astype(np.int64))
    except ValueError as error:
        raise ValueError(f"is no time: {error}") from error


_UTC = re.compile(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z")

Utc = Annotated[
    int, BeforeValidator(_utc_ns, json_schema_input_type=Annotated[str, Field(pattern=f"^{_UTC.pattern}$")])
]
ConditionText = Annotated[str, Field(min_length=1)]
Duration = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


class ActiveSpec(_Model):
    """When a rule is valid."""

    from_: Utc | None = Field(default=None, alias="from")
    """first time, UTC, that is inside"""
    until: Utc | None = None
    """first time, UTC, that is outside again"""

    @field_validator("until")
    @classmethod
    def _comes_after(cls, until: int | None, others: ValidationInfo) -> int | None:
        begin = others.data.get("from_")
        if until is not None and begin is not None and until <= begin:
            raise ValueError("must be later than `from`")
        return until


class ExpireSpec(_Model):
    """When a batch that could not be delivered is given up."""

    powered_s: int = Field(default=0, ge=0, le=315_360_000)
    """seconds of powered-on time after it was kept: a garage does not count; 0 is never"""
    wall_s: int = Field(default=0, ge=0, le=315_360_000)
    """seconds of wall time after its last sample; 0 is never"""


class RuleSpec(_Model):
    """What every kind of rule has."""

    signals: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(min_length=1)]
    """names and globs; after a `!` those of the others that are not meant"""
    active: ActiveSpec = ActiveSpec()
    """when the rule is valid; always without"""
    while_: ConditionText | None = Field(default=None, alias="while")
    """a condition over signals; the rule hears only samples of times at which it is true"""
    upload: Literal["any", "unmetered"] = "any"
    """over which links; `unmetered` waits on disk for one that is known to cost nothing a byte"""
    expire: ExpireSpec = ExpireSpec()
    """when a batch that could not be delivered is given up; never without"""
    thin: int = Field(default=1, ge=1, le=1000)
    """on a full disk every n-th batch stays before all are deleted; 1 thins nothing"""
    priority: int = Field(default=5, ge=0, le=9)
    """0 is delivered first and given up last"""
    lane: Literal["hot", "warm"] = "warm"
    """`hot`: small plain JSON at once; `warm`: compressed columns in batches"""
    purpose: str = Field(default="", max_length=64)
    """what the data are for; told with every batch"""
    time_unit: Literal["ms", "us", "ns"] = "ms"
    """of the times in batches"""
    batch: BatchSpec = BatchSpec()
    """when a batch is sealed"""

    @field_validator("signals")
    @classmethod
    def _names_some(cls, signals: tuple[str, ...]) -> tuple[str, ...]:
        if all(signal.startswith("!") for signal in signals):
            raise ValueError("name only what is not meant: begin with what is, such as '*'")
        return signals


AggregateName = Literal["last", "first", "min", "max", "mean", "count"]


def _each_once(names: tuple[AggregateName, ...]) -> tuple[AggregateName, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{' and '.join(map(repr, twice))} must not be named twice")
    return names


class PeriodicSpec(RuleSpec):
    """Each signal's last sample, or aggregates, of every window."""

    kind: Literal["periodic"]
    """which kind of rule it is"""
    every_ms: int = Field(ge=10, le=86_400_000)
    """length of a window; windows begin at whole multiples since the Unix epoch"""
    keep: Annotated[tuple[AggregateName, ...], Field(min_length=1), AfterValidator(_each_once)] = ("last",)
    """what is kept of each window"""


class RelativeDeadband(_Model):
    """A dead-band that grows with the value."""

    relative: float = Field(gt=0, le=1)
    """of the last kept value's magnitude"""


def _deadband_kind(value: object) -> str:
    return "relative" if isinstance(value, dict | RelativeDeadband) else "absolute"


class OnChangeSpec(RuleSpec):
    """A sample when it leaves the dead-band, or what straight lines need to stay within `max_error`."""

    kind: Literal["on_change"]
    """which kind of rule it is"""
    deadband: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False), Tag("absolute")]
        | Annotated[RelativeDeadband, Tag("relative")],
        Discriminator(_deadband_kind),
    ] = 0.0
    """a sample is kept when it differs by more from the last kept one, in the signal's unit; 0 keeps every change"""
    min_interval_ms: int = Field(default=0, ge=0, le=86_400_000)
    """at most one sample of a signal in this time"""
    heartbeat_ms: int | None = Field(default=None, ge=10, le=86_400_000)
    """a sample this long after the last kept one is kept though nothing changed"""
    max_error: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """keep what straight lines between kept samples need to stay this near to every sample, in the signal's unit"""

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


class EverySpec(_Model):
    """One sample of each signal in every so long, the last."""

    every_ms: int = Field(ge=10, le=86_400_000)
    """length of a window, as of `periodic`"""


class DeadbandSpec(_Model):
    """Samples that leave the dead-band around the last kept one."""

    deadband: float = Field(ge=0, allow_inf_nan=False)
    """in the signal's unit, as of `on_change`"""


def _collect_kind(value: object) -> str:
    if isinstance(value, str):
        return "all"
    given = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, BaseModel) else {}
    return "deadband" if "deadband" in given else "every_ms"


class EventSpec(RuleSpec):
    """Samples around the instants at which a condition is met."""

    kind: Literal["event"]
    """which kind of rule it is"""
    when: ConditionText
    """a condition over signals"""
    before_s: Duration = 0.0
    """of the window, before the instant"""
    after_s: Duration = 0.0
    """of the window, after the instant"""
    cooldown_s: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False)
    """from one event to the next at least"""
    trigger: Literal["rising", "while"] = "rising"
    """`rising`: the instant at which the condition had become true; `while`: all the time it is"""
    after_true_ms: int = Field(default=0, ge=0, le=3_600_000)
    """for how long the condition must have been true"""
    collect: Annotated[
        Annotated[Literal["all"], Tag("all")]
        | Annotated[EverySpec, Tag("every_ms")]
        | Annotated[DeadbandSpec, Tag("deadband")],
        Discriminator(_collect_kind),
    ] = "all"
    """which samples of the window"""
    raw_frames: bool = False
    """the frames of all buses in the window leave too, as a candump log"""

    @field_validator("raw_frames")
    @classmethod
    def _goes_in_bulk(cls, raw_frames: bool, others: ValidationInfo) -> bool:
        if raw_frames and others.data.get("lane") == "hot":
            raise ValueError("is for lane 'warm': a log of frames is no row of values")
        return raw_frames


class SnapshotSpec(RuleSpec):
    """The last known values, when asked."""

    kind: Literal["snapshot"]
    """which kind of rule it is"""
    at: ConditionText | None = None
    """a condition; a snapshot is taken when it becomes true, besides those that are asked for"""
    edge: Literal["rising", "both"] = "rising"
    """`both`: also when it becomes false"""
    every_min: int | None = Field(default=None, ge=1, le=10_080)
    """a snapshot so often besides, in minutes"""

    @field_validator("edge")
    @classmethod
    def _has_a_condition(cls, edge: str, others: ValidationInfo) -> str:
        if edge == "both" and "at" in others.data and others.data["at"] is None:
            raise ValueError("'both' goes with a condition `at` only")
        return edge


class StateSpec(_Model):
    """Signals whose last known values stand in the reported properties."""

    signals: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=256)], ...],
        Field(min_length=1, max_length=MAX_STATE_SIGNALS),
    ]
    """names and globs of what changes seldom: an odometer, a charge, doors"""
    every_s: float = Field(default=60.0, ge=5, le=86_400)
    """what changed is sent at most this often; each time is a message that is paid for"""


class LinkSpec(_Model):
    """Which kind of link carries what is sent, where no file in the vehicle says it."""

    metered: bool | None = None
    """whether bytes cost money; where nobody says they do"""
    roaming: bool | None = None
    """in a network abroad"""


Limit = Annotated[int, Field(ge=0, le=1 << 52)]


class BudgetSpec(_Model):
    """What may be spent; at 80 % of a limit priorities 5 to 9 wait, at 100 % all but priority 0."""

    bytes_per_day: Limit | None = None
    """of messages over metered links, in a day of UTC"""
    bytes_per_month: Limit | None = None
    """likewise in a calendar month"""
    roaming_bytes_per_month: Limit | None = None
    """of these over links that are roaming; binds while they are"""
    blocks_per_day: Limit | None = None
    """of 4 KB, as an IoT hub meters messages, over every link"""


class QuietSpec(_Model):
    """When the agent sends what is urgent and then uses no network: the ignition is off."""

    when: ConditionText | None = None
    """a condition over signals; without one only a signal (SIGUSR1) asks for it"""
    after_s: Duration = 5.0
    """for which it must be true without a break"""
    send_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 20.0
    """the most that sending what is urgent may take"""
    last_priority: int = Field(default=2, ge=0, le=9)
    """batches of a priority with a greater number stay on disk"""


class TapSpec(_Model):
    """What the vehicle's local MQTT bus is told."""

    signals: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()
    """names and globs of those in the ticks"""
    every_ms: int = Field(default=100, ge=20, le=1000)
    """from tick to tick; a block of frames ends one, so TICK_MS is the finest"""
    topics: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()
    """names and globs of those that have a retained topic of their own besides: a message for each change"""


def _no_truth(version: object) -> object:
    if isinstance(version, bool):  # true == 1 in Python, and in no JSON Schema
        raise ValueError("must be 1")  # noqa: TRY004  pydantic hears ValueError
    return version


class Document(_Model):
    """The desired properties, without `$version`."""

    schema_version: Annotated[Literal[1], BeforeValidator(_no_truth)]
    """of this document's form"""
    rules: Annotated[
        dict[
            RuleName,
            Annotated[PeriodicSpec | OnChangeSpec | EventSpec | SnapshotSpec, Field(discriminator="kind")],
        ],
        Field(max_length=MAX_RULES),
    ] = {}
    """what leaves the vehicle, by name; a name keeps its kind, and null in a patch removes the rule"""
    state: StateSpec | None = None
    """signals whose last known values are reported, over restarts too"""
    link: LinkSpec = LinkSpec()
    """which kind of link there is; a file in the vehicle goes before it"""
    budget: BudgetSpec = BudgetSpec()
    """what may be spent on the link; without limits everything goes"""
    log_level: Literal["fatal", "error", "warning", "info", "debug", "verbose"] | None = None
    """from which level on events are told; as RuntimeLogLevel has it where nothing is said"""
    quiet: QuietSpec = QuietSpec()
    """when no network is used"""
    tap: TapSpec = TapSpec()
    """what the local bus is told, where the vehicle has one (TAP_BROKER)"""


def judge(desired: Mapping[str, Any]) -> Document:
    """The document, if its shape is right; a new module's empty twin asks for nothing. Raises DocumentRefused."""
    body = {key: value for key, value in desired.items() if not key.startswith("$")}
    if not body:
        return Document(schema_version=1)
    try:
        # As JSON text: in Python mode strict types would refuse the lists the SDK hands over for our tuples.
        return Document.model_validate_json(json.dumps(body))
    except ValidationError as error:
        raise DocumentRefused([_fault(place, message, body) for place, message in mistakes(error)]) from error
    except RecursionError as error:
        raise DocumentRefused([TOO_DEEP]) from error


def _fault(place: Place, message: str, body: Mapping[str, Any]) -> Fault:
    if place[:1] == ("rules",):
        # Within a rule pydantic names the union's tag after the rule's name; the document has no such level.
        place = (*place[:2], *place[3:])
        if place[2:3] in {("deadband",), ("collect",)}:  # and after these which of their forms it took them for
            place = (*place[:3], *place[4:])
    place, message = placed(place, message, body)
    return Fault(path(place), message)

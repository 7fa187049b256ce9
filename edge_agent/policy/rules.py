"""Compiled rules: what the twin's document means, with signals as indices of the running plan. Pure.

The exact meaning of each kind, with pictures, is in docs/rules.md.
"""

from dataclasses import dataclass
from enum import Enum

from edge_agent.records import I64, RuleInfo, SignalInfo

FIRST_NS, LAST_NS = -(1 << 63), (1 << 63) - 1


class Aggregate(Enum):
    """What a kept number is of its window; the values are those of a payload's `agg`."""

    LAST = "last"
    FIRST = "first"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    COUNT = "count"


class Trigger(Enum):
    """What of a condition an event collects."""

    RISING = "rising"
    """a window around the instant at which it had become true"""
    WHILE = "while"
    """all the time it is true, and a window around it"""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When an open batch is sealed."""

    max_age_ns: int
    """a sample this much later than the first, or more than this much earlier, opens the next batch"""
    max_bytes: int
    """bound on the payload's JSON before compression, without its header"""


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """What a reader must know of the numbers that a rule keeps of one signal."""

    signal: SignalInfo
    aggregate: Aggregate = Aggregate.LAST
    max_error: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """When a rule judges samples; those of other times never were, for it."""

    from_ns: int = FIRST_NS
    until_ns: int = LAST_NS
    """the first time at which it no longer does"""
    condition: int | None = None
    """which must be true; counts the configuration's conditions"""


OPEN = Gate()


@dataclass(frozen=True, slots=True, eq=False)
class Periodic:
    """Keeps aggregates of each signal's samples of every window [k * every, (k + 1) * every) since the Unix epoch."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    every_ns: int
    keep: tuple[Aggregate, ...] = (Aggregate.LAST,)
    gate: Gate = OPEN


@dataclass(frozen=True, slots=True, eq=False)
class OnChange:
    """Keeps a sample that left the dead-band around the last kept one."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    deadband: float
    """in the signal's unit; a sample is kept when it differs by more; 0 keeps every change of the raw value"""
    min_interval_ns: int
    """at most one sample of a signal is kept in this time, heartbeats aside; the last one that it held up follows"""
    heartbeat_ns: int | None
    """a sample this long after the last kept one, or before it, is kept even when nothing changed"""
    relative_deadband: float = 0.0
    """of the last kept value's magnitude, 0 to 1; added to `deadband`"""
    gate: Gate = OPEN


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """Keeps what straight lines between kept samples need to stay within `max_error` of every sample."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    max_error: float
    """in the signal's unit, above 0"""
    max_hold_ns: int
    """a sample that comes this long after the last kept one, or none by then, makes the held one kept"""
    gate: Gate = OPEN


@dataclass(frozen=True, slots=True)
class Reduction:
    """What of the samples in an event's windows is kept: all, unless one of these is given."""

    every_ns: int | None = None
    """as a `Periodic` rule that keeps the last"""
    deadband: float | None = None
    """as an `OnChange` rule"""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Keeps the samples around the instants at which its condition is met."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    when: int
    """counts the configuration's conditions"""
    before_ns: int
    after_ns: int
    cooldown_ns: int
    trigger: Trigger
    after_true_ns: int
    """how long the condition must have been true, without a break"""
    reduction: Reduction = Reduction()
    raw_frames: bool = False
    """whether the frames of all buses in the windows are captured besides"""
    gate: Gate = OPEN


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Tells the last known value of each signal when asked, at a condition, or every so often."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    at: int | None
    """counts the configuration's conditions; None where no condition asks"""
    both_edges: bool
    """whether the condition's end asks too"""
    every_ns: int | None
    gate: Gate = OPEN


Rule = Periodic | OnChange | Bounded | Event | Snapshot

"""Compiled rules: what the twin's document means, with signals as indices of the running plan. Pure.

The exact meaning of each kind, with pictures, is in docs/rules.md.
"""

from dataclasses import dataclass
from enum import Enum

from edge_agent.records import I64, RuleInfo, SignalInfo


class Aggregate(Enum):
    """What a kept number is of its window; the values are those of a payload's `agg`."""

    LAST = "last"
    FIRST = "first"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    COUNT = "count"


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


@dataclass(frozen=True, slots=True, eq=False)
class Periodic:
    """Keeps aggregates of each signal's samples of every window [k * every, (k + 1) * every) since the Unix epoch."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    every_ns: int
    keep: tuple[Aggregate, ...] = (Aggregate.LAST,)


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


Rule = Periodic | OnChange | Bounded

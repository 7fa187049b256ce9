"""Compiled rules: what the twin's document means, with signals as indices of the running plan. Pure."""

from dataclasses import dataclass

from edge_agent.records import I64, RuleInfo


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When an open batch is sealed."""

    max_age_ns: int
    """a sample this much later than the first, or more than this much earlier, opens the next batch"""
    max_bytes: int
    """bound on the payload's JSON before compression, without its header"""


@dataclass(frozen=True, slots=True, eq=False)
class Periodic:
    """Keeps each signal's last sample of every window [k * every, (k + 1) * every) since the Unix epoch."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    every_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class OnChange:
    """Keeps a sample that left the dead-band around the last kept one."""

    info: RuleInfo
    signals: I64
    limits: BatchLimits
    deadband: float
    """in the signal's unit; a sample is kept when it differs by more; 0 keeps every change of the raw value"""
    min_interval_ns: int
    """time that must lie between two kept samples of a signal, heartbeats aside"""
    heartbeat_ns: int | None
    """a sample this long after the last kept one, or before it, is kept even when nothing changed"""


Rule = Periodic | OnChange

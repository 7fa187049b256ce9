"""What every rule has kept, and whether it runs, for the twin. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from edge_agent.records import Batch
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.reported import Reported

SECTION = "rule_status"
"""`rules` is the acknowledgement of the desired property of that name, where a model is announced"""
LOOK_NS = 5_000_000_000


class RuleStatus(Enum):
    """What a rule does."""

    RUNNING = "running"
    SILENT = "silent"
    """it has sealed nothing yet since the agent's start"""
    GATED = "gated"
    """its `active` or `while` says that it hears nothing now"""
    WAITS_FOR_CONSENT = "waits_for_consent"
    """it does not run, since the driver has not consented to one of its purposes"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one rule has sealed since the agent's start."""

    kept: int = 0
    """samples, or of a capture frames"""
    batches: int = 0
    last_ns: int | None = None
    """time of the last sample of the last batch"""

    def plus(self, batch: Batch) -> "Sealed":
        """With one more batch."""
        frames = 0 if batch.frames is None else len(batch.frames)
        return Sealed(self.kept + batch.kept + frames, self.batches + 1, batch.closed_ns)


@dataclass(frozen=True, slots=True)
class RuleActivity:
    """One running rule."""

    status: RuleStatus
    sealed: Sealed
    lacks: tuple[str, ...] = ()
    """the purposes whose consent it waits for"""

    def body(self) -> JsonObject:
        """As the twin has it; without `last_ms` before there was a batch."""
        last = {} if self.sealed.last_ns is None else {"last_ms": self.sealed.last_ns // 1_000_000}
        lacks: JsonObject = {"lacks": list(self.lacks)} if self.lacks else {}
        return {"status": self.status.value, "kept": self.sealed.kept, "batches": self.sealed.batches, **last, **lacks}


class RuleReports:
    """Says the section, so seldom that counters cost no message of their own.

    Counters go with the patch of each minute. What a person waits for goes at once: rules that come, go, begin to
    keep something, or wait for another consent. A gate may open and close at every traffic light, so that waits for the
    minute too.
    """

    def __init__(self, reported: Reported) -> None:
        self._reported = reported
        self._next_ns = 0
        self._told: Mapping[str, tuple[bool, tuple[str, ...]]] = {}

    def due(self, uptime_ns: int) -> bool:
        """Whether `say` wants to know."""
        return uptime_ns >= self._next_ns

    def say(self, rules: Mapping[str, RuleActivity], uptime_ns: int) -> None:
        """This is what the running rules do now."""
        self._next_ns = uptime_ns + LOOK_NS
        told = {name: (rule.sealed.batches == 0, rule.lacks) for name, rule in rules.items()}
        soon, self._told = told != self._told, told
        if rules or soon:
            self._reported.say(SECTION, {name: rule.body() for name, rule in rules.items()}, soon=soon)

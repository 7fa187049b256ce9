"""What went into each rule of a dry run and what came out of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.acquire.pace import jumps
from edge_agent.policy.rules import Rule
from edge_agent.records import Batch, CloseReason, Envelope, FrameBlock, RuleInfo, SampleBlock, SignalInfo
from edge_agent.spool.framing import record_length
from edge_agent.uplink.metering import blocks


@dataclass(slots=True)
class Sealed:
    """The batches of one rule."""

    messages: int = 0
    samples: int = 0
    payload_bytes: int = 0
    blocks: int = 0
    """of 4 KB, as IoT Hub meters them"""
    record_bytes: int = 0
    """in the spool"""
    filled: int = 0
    """messages sealed before the log ended"""

    def take(self, batch: Batch, envelope: Envelope) -> None:
        """Count one more."""
        self.messages += 1
        self.samples += batch.kept
        self.payload_bytes += len(envelope.payload)
        self.blocks += blocks(envelope)
        self.record_bytes += record_length(envelope)
        self.filled += batch.why is not CloseReason.STOPPED

    def __add__(self, other: "Sealed") -> "Sealed":
        return Sealed(
            self.messages + other.messages,
            self.samples + other.samples,
            self.payload_bytes + other.payload_bytes,
            self.blocks + other.blocks,
            self.record_bytes + other.record_bytes,
            self.filled + other.filled,
        )


@dataclass(frozen=True, slots=True)
class RuleTally:
    """One rule over the whole log."""

    info: RuleInfo
    signals: int
    samples_in: int
    """samples of its signals, whatever became of them"""
    silent: tuple[str, ...]
    """those of its signals that the log has no sample of"""
    sealed: Sealed


class Tally:
    """Counts while the engine runs."""

    def __init__(self, signals: Sequence[SignalInfo], rules: Sequence[Rule]) -> None:
        """`signals` are the plan's, which the rules and the samples mean by their index."""
        self._signals, self._rules = tuple(signals), tuple(rules)
        self._heard = np.zeros(len(signals), np.int64)
        self._sealed = {rule.info.name: Sealed() for rule in rules}

    @property
    def samples(self) -> int:
        """Samples of all signals that some rule wants."""
        return int(self._heard.sum())

    def hear(self, samples: SampleBlock) -> None:
        """Samples that the rules are about to judge."""
        self._heard += np.bincount(samples.signal, minlength=len(self._heard))

    def take(self, batch: Batch, envelope: Envelope) -> None:
        """A batch, and what it is on disk."""
        self._sealed[batch.rule.name].take(batch, envelope)

    def rules(self) -> tuple[RuleTally, ...]:
        """In the order of the twin document."""
        return tuple(self._of(rule) for rule in self._rules)

    def silent_in_conditions(self) -> tuple[str, ...]:
        """Signals that conditions alone name, and that never came."""
        kept = {index for rule in self._rules for index in rule.signals.tolist()}
        silent = np.flatnonzero(self._heard == 0).tolist()
        return tuple(self._signals[index].name for index in silent if index not in kept)

    def _of(self, rule: Rule) -> RuleTally:
        heard = self._heard[rule.signals]
        silent = tuple(self._signals[index].name for index in rule.signals[heard == 0].tolist())
        return RuleTally(rule.info, len(heard), int(heard.sum()), silent, self._sealed[rule.info.name])


@dataclass(slots=True)
class DriveTime:
    """How long a log's frames have gone on by their own times; a clock that was set takes no time."""

    elapsed_ns: int = 0
    _newest_ns: int | None = field(default=None, repr=False)

    def follow(self, block: FrameBlock) -> int:
        """Nanoseconds from the log's first frame to the newest one of this block."""
        if len(block):
            first_ns, last_ns = int(block.t_ns[0]), int(block.t_ns[-1])
            if self._newest_ns is None or jumps(self._newest_ns, first_ns):
                self._newest_ns = first_ns
            self.elapsed_ns += max(0, last_ns - self._newest_ns)
            self._newest_ns = max(self._newest_ns, last_ns)
        return self.elapsed_ns

"""The rules as somebody would follow them with pencil and paper, sample after sample: the oracle of the keepers."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from edge_agent.policy.rules import Aggregate, OnChange, Periodic, Rule
from edge_agent.records import RawKind
from tests.policy.streams import SIGNALS, Sample, Told, raw_of

Number = tuple[int, str, int, float]
"""signal, aggregate, time, number: the raw one, or the mean in the signal's unit"""


def followed(rule: Rule, stream: Sequence[Sample]) -> list[Told]:
    """(column, time, raw) of what a rule over all `SIGNALS` keeps, sorted; for `Bounded` see its own test."""
    assert isinstance(rule, Periodic | OnChange)
    if isinstance(rule, OnChange):
        return sorted((one.signal, one.t_ns, one.raw) for one in kept_by_on_change(stream, rule))
    return sorted(
        (one * len(rule.keep) + nth, *number)
        for one, window in windows(stream, rule.every_ns)
        for nth, aggregate in enumerate(rule.keep)
        for number in [of_window(window, aggregate, rule.every_ns)]
    )


# --- periodic ------------------------------------------------------------------------------------


def windows(stream: Sequence[Sample], every_ns: int) -> list[tuple[int, list[Sample]]]:
    """Each signal's samples, window by window.

    A window ends when time reaches its end or its signal goes on to another one; a clock that steps back may open it
    again.
    """
    found: list[tuple[int, list[Sample]]] = []
    open_: dict[int, list[Sample]] = {}
    for now in stream:
        for signal, samples in list(open_.items()):
            window = samples[0].t_ns // every_ns
            if (window + 1) * every_ns <= now.t_ns or (signal == now.signal and window != now.t_ns // every_ns):
                found.append((signal, open_.pop(signal)))
        open_.setdefault(now.signal, []).append(now)
    return found + list(open_.items())


def of_window(samples: Sequence[Sample], aggregate: Aggregate, every_ns: int) -> tuple[int, int]:
    """Time and raw number."""
    if aggregate is Aggregate.LAST:
        return samples[-1].t_ns, samples[-1].raw
    if aggregate is Aggregate.FIRST:
        return samples[0].t_ns, samples[0].raw
    begins_ns = samples[0].t_ns // every_ns * every_ns
    if aggregate is Aggregate.COUNT:
        return begins_ns, len(samples)
    signal = SIGNALS[samples[0].signal]
    numbers = [(number_of(one), one.raw) for one in samples if not math.isnan(number_of(one))]
    if aggregate is Aggregate.MEAN:
        return begins_ns, raw_of(SIGNALS[2], mean([number for number, _ in numbers]) * signal.factor + signal.offset)
    if not numbers:
        return begins_ns, NAN_OF[aggregate]
    smallest_first = sorted(numbers, key=lambda one: (one[0] * signal.factor, math.copysign(1.0, one[0])))
    return begins_ns, smallest_first[0 if aggregate is Aggregate.MIN else -1][1]


NAN_OF = {Aggregate.MIN: (1 << 63) - 1, Aggregate.MAX: -1}
"""Any NaN would do."""


def number_of(one: Sample) -> float:
    if SIGNALS[one.signal].kind is not RawKind.FLOAT:
        return one.raw
    found: float = struct.unpack("<d", struct.pack("<q", one.raw))[0]
    return found


def mean(numbers: Sequence[float]) -> float:
    if not numbers:
        return math.nan
    if not all(map(math.isfinite, numbers)):
        return sum(number for number in numbers if math.isinf(number))
    return float(sum(map(Fraction, numbers)) / len(numbers))


# --- on_change -----------------------------------------------------------------------------------


@dataclass
class _Signal:
    rule: OnChange
    last: Sample | None = None
    begun_ns: int = 0
    waits: Sample | None = None
    kept: list[Sample] = field(default_factory=list)

    def keep(self, one: Sample, begun_ns: int) -> None:
        self.last, self.begun_ns, self.waits = one, begun_ns, None
        self.kept.append(one)

    def end_interval(self) -> None:
        """The last sample that came within it is judged as if it came now."""
        waited, self.waits = self.waits, None
        if waited and self.last and left_band(waited, self.last, self.rule):
            self.keep(waited, self.begun_ns + self.rule.min_interval_ns)

    def reach(self, now_ns: int) -> None:
        if self.waits and now_ns >= self.begun_ns + self.rule.min_interval_ns:
            self.end_interval()

    def judge(self, one: Sample) -> None:
        if self.waits and one.t_ns < self.waits.t_ns:
            self.end_interval()
        if self.last is None or self.beats(one, self.last):
            self.keep(one, one.t_ns)
        elif self.begun_ns <= one.t_ns < self.begun_ns + self.rule.min_interval_ns:
            self.waits = one
        elif left_band(one, self.last, self.rule):
            self.keep(one, one.t_ns)

    def beats(self, one: Sample, last: Sample) -> bool:
        since_ns = one.t_ns - last.t_ns
        return self.rule.heartbeat_ns is not None and (since_ns >= self.rule.heartbeat_ns or since_ns < 0)


def left_band(one: Sample, last: Sample, rule: OnChange) -> bool:
    if one.raw == last.raw:
        return False
    if not (rule.deadband or rule.relative_deadband):
        return True
    if not (math.isfinite(one.value) and math.isfinite(last.value)):
        return one.value != last.value
    return abs(one.value - last.value) > rule.deadband + rule.relative_deadband * abs(last.value)


def kept_by_on_change(stream: Sequence[Sample], rule: OnChange) -> list[Sample]:
    signals = [_Signal(rule) for _ in SIGNALS]
    for one in stream:
        for each in signals:
            each.reach(one.t_ns)
        signals[one.signal].judge(one)
    for each in signals:
        each.end_interval()
    return [one for each in signals for one in each.kept]

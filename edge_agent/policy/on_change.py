"""The `on_change` rules with a dead-band: a sample that left the band around the last kept one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.kept import NOTHING, Kept, Samples, by_slot, joined
from edge_agent.policy.rules import OnChange
from edge_agent.records import F64, I64, Bool

NEVER_NS = (1 << 63) - 1


@dataclass(slots=True, eq=False)
class _Memory:
    """One sample of every slot."""

    there: Bool
    t_ns: I64
    raw: I64
    value: F64

    @classmethod
    def empty(cls, slots: int) -> "_Memory":
        return cls(np.zeros(slots, np.bool_), np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(slots))

    def put(self, slot: I64, t_ns: I64, raw: I64, value: F64) -> None:
        self.there[slot] = True
        self.t_ns[slot], self.raw[slot], self.value[slot] = t_ns, raw, value


class OnChangeKeeper:
    """Remembers the last kept sample of each slot, which is one signal of one rule; a slot is a column.

    Without interval and heartbeat a sample that repeats the one before it is never kept; those go first, at once,
    and without a dead-band the rest is kept as it is. Else whether a sample is kept depends on the one kept before it,
    so samples of one slot are judged one after the other, all slots at once: one round for every slot's first sample of
    the block, one for the second, ...

    A sample that the interval holds up waits until the interval is over; the last one that came is judged then.
    """

    def __init__(self, rules: Sequence[OnChange]) -> None:
        sizes = [len(rule.signals) for rule in rules]
        self._deadband = np.repeat(np.array([rule.deadband for rule in rules], np.float64), sizes)
        self._relative = np.repeat(np.array([rule.relative_deadband for rule in rules], np.float64), sizes)
        self._min_interval_ns = np.repeat(np.array([rule.min_interval_ns for rule in rules], np.int64), sizes)
        beats = [NEVER_NS if rule.heartbeat_ns is None else rule.heartbeat_ns for rule in rules]
        self._heartbeat_ns = np.repeat(np.array(beats, np.int64), sizes)
        self._beats = self._heartbeat_ns != NEVER_NS
        self._any_interval = bool((self._min_interval_ns > 0).any())
        self._any_relative = bool((self._relative > 0).any())
        self._is_timed = self._beats | (self._min_interval_ns > 0)
        self._is_banded = (self._deadband > 0) | (self._relative > 0)
        self._last = _Memory.empty(sum(sizes))
        self._waits = _Memory.empty(sum(sizes))
        self._begun_ns = np.zeros(sum(sizes), np.int64)
        """[slots] when the interval began: at the last kept sample, or when the one before was over"""
        self._seen = np.zeros(sum(sizes), np.bool_)
        self._seen_raw = np.zeros(sum(sizes), np.int64)

    def keep(self, samples: Samples) -> Kept:
        """The samples that left the dead-band, or whose heartbeat was due, and each slot's first."""
        if not len(samples):
            return NOTHING
        timed = self._is_timed.take(samples.slot)
        news = self._changed(samples) | timed
        judged = news & (timed | self._is_banded.take(samples.slot))
        at_once = samples.take(np.flatnonzero(news & ~judged))
        later = samples.take(np.flatnonzero(judged))
        parts = [Kept(at_once.t_ns, at_once.slot, at_once.raw)]
        if len(later):
            for at in _rounds(later.slot):
                parts += self._judge(later.take(at))
        return joined(parts)

    def due(self, until_ns: int) -> Kept:
        """Samples that waited for the end of an interval that is over."""
        waits = np.flatnonzero(self._waits.there)
        over = self._begun_ns.take(waits) + self._min_interval_ns.take(waits) <= until_ns
        return self._release(waits[over])

    def rest(self) -> Kept:
        """Samples that wait for the end of an interval."""
        return self._release(np.flatnonzero(self._waits.there))

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time."""
        self._last.t_ns += delta_ns
        self._waits.t_ns += delta_ns
        self._begun_ns += delta_ns

    def _changed(self, samples: Samples) -> Bool:
        """Which samples' raw value is not that of their slot's sample before."""
        order = by_slot(samples.slot)
        slot, raw = samples.slot.take(order), samples.raw.take(order)
        changed = np.empty(len(order), np.bool_)
        np.not_equal(raw[1:], raw[:-1], out=changed[1:])
        first = np.flatnonzero(np.append(True, slot[1:] != slot[:-1]))
        of = slot.take(first)
        changed[first] = (raw.take(first) != self._seen_raw.take(of)) | ~self._seen.take(of)
        self._seen[of] = True
        self._seen_raw[of] = raw.take(np.append(first[1:], len(order)) - 1)
        found = np.empty(len(order), np.bool_)
        found[order] = changed
        return found

    def _judge(self, one: Samples) -> tuple[Kept, Kept]:
        """What had waited, and which of these samples (one a slot) are kept; they become the last kept ones."""
        slot, t_ns = one.slot, one.t_ns
        released = self._release(slot[self._ends_wait(slot, t_ns)]) if self._any_interval else NOTHING
        kept = self._left(slot, one.raw, one.value) | ~self._last.there.take(slot)
        beat = self._is_beat(slot, t_ns)
        if self._any_interval:
            begun = self._begun_ns.take(slot)
            # A clock that stepped back must not silence a slot until it has caught up.
            blocked = (t_ns >= begun) & (t_ns - begun < self._min_interval_ns.take(slot)) & self._last.there.take(slot)
            waits = blocked & ~beat
            kept &= ~blocked
            self._waits.there[slot] = False
            self._waits.put(slot[waits], t_ns[waits], one.raw[waits], one.value[waits])
        kept |= beat
        found = slot[kept]
        self._last.put(found, t_ns[kept], one.raw[kept], one.value[kept])
        self._begun_ns[found] = t_ns[kept]
        return released, Kept(t_ns[kept], found, one.raw[kept])

    def _is_beat(self, slot: I64, t_ns: I64) -> Bool:
        """Which slots' heartbeat is due."""
        since = t_ns - self._last.t_ns.take(slot)
        beat: Bool = self._beats.take(slot) & ((since >= self._heartbeat_ns.take(slot)) | (since < 0))
        return beat

    def _ends_wait(self, slot: I64, t_ns: I64) -> Bool:
        """Whether a sample then tells that the wait of its slot is over, or that the clock stepped back."""
        over = t_ns - self._begun_ns.take(slot) >= self._min_interval_ns.take(slot)
        return self._waits.there.take(slot) & (over | (t_ns < self._waits.t_ns.take(slot)))

    def _release(self, slot: I64) -> Kept:
        """What waited in these slots, if it has left the band; another interval begins where this one ends."""
        if not len(slot):
            return NOTHING
        self._waits.there[slot] = False
        moved = self._left(slot, self._waits.raw.take(slot), self._waits.value.take(slot))
        slot = slot[moved]
        t_ns, raw, value = self._waits.t_ns[slot], self._waits.raw[slot], self._waits.value[slot]
        self._last.put(slot, t_ns, raw, value)
        self._begun_ns[slot] += self._min_interval_ns[slot]
        return Kept(t_ns, slot, raw)

    # An infinity less an infinity is NaN, which is judged below; numpy need not warn of it.
    @np.errstate(invalid="ignore", over="ignore")
    def _left(self, slot: I64, raw: I64, value: F64) -> Bool:
        """Which of these numbers lie outside the band around the last kept ones of their slots."""
        last = self._last.value.take(slot)
        band = self._deadband.take(slot)
        if self._any_relative:
            # Around an infinity the band has no width: what is finite has left it.
            band += np.where(np.isfinite(last), np.abs(last), 0.0) * self._relative.take(slot)
        # Not `> band`: a float signal that turned NaN has left the band, and NaN compares false. Without a band every
        # other raw number counts, -0.0 and another NaN too.
        inside = self._is_banded.take(slot) & (np.abs(value - last) <= band)
        left: Bool = (raw != self._last.raw.take(slot)) & ~inside
        return left


def _rounds(slot: I64) -> list[I64]:
    """Positions of each slot's first sample, of each slot's second, and so on."""
    order = by_slot(slot)
    ordered = slot[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(np.append(starts, len(slot)))
    nth = np.arange(len(slot)) - starts.repeat(counts)
    by_round = nth.argsort(kind="stable")
    ends = np.bincount(nth).cumsum()
    return np.split(order[by_round], ends[:-1])

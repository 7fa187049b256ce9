"""Which conditions have an instant when, and what each of their signals is then. Pure."""

from dataclasses import dataclass

import numpy as np

from edge_agent.policy.condition_program import UNKNOWN, Program, spread
from edge_agent.records import F64, I64, Bool

_RADIX = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """m samples of signals that conditions name; `signal` counts these."""

    t_ns: I64
    signal: I64
    raw: I64
    value: F64

    def __len__(self) -> int:
        return len(self.t_ns)

    def take(self, at: I64) -> "Readings":
        """Those at these positions, in this order."""
        return Readings(self.t_ns.take(at), self.signal.take(at), self.raw.take(at), self.value.take(at))

    def part(self, begin: int, end: int) -> "Readings":
        """Those from `begin` to before `end`; views."""
        return Readings(self.t_ns[begin:end], self.signal[begin:end], self.raw[begin:end], self.value[begin:end])

    def then(self, later: "Readings") -> "Readings":
        """Both by time; those of one time in the order of the stream."""
        t_ns = np.concatenate([self.t_ns, later.t_ns])
        both = Readings(
            t_ns,
            np.concatenate([self.signal, later.signal]),
            np.concatenate([self.raw, later.raw]),
            np.concatenate([self.value, later.value]),
        )
        return both.take(t_ns.argsort(kind="stable"))


NOTHING = Readings(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


class Memory:
    """The last sample of each signal; an unknown one's value is NaN."""

    def __init__(self, signals: int) -> None:
        self.known = np.zeros(signals, np.bool_)
        self.t_ns = np.zeros(signals, np.int64)
        self.raw = np.zeros(signals, np.int64)
        self.value = np.full(signals, np.nan)

    def __len__(self) -> int:
        return len(self.known)

    def remember(self, samples: Readings) -> None:
        """At most one sample of each signal."""
        at = samples.signal
        self.known[at] = True
        self.t_ns[at], self.raw[at], self.value[at] = samples.t_ns, samples.raw, samples.value


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The last samples before a stretch of time, by signal, and then those of the stretch, by signal and time.

    Of several samples of a signal at one time the last is in it.
    """

    known: Bool
    t_ns: I64
    raw: I64
    value: F64
    changed: F64
    """whether it differs from the one before it, where it is new"""
    samples: Readings
    """those of the stretch alone"""
    ends: I64
    """[signals + 1] where in `samples` each signal begins; the last is their number"""


def table_of(samples: Readings, memory: Memory) -> Table:
    """Of samples in the order of time."""
    samples = _last_of_each_instant(samples, len(memory))
    ends = np.searchsorted(samples.signal, np.arange(len(memory) + 1))
    known = np.append(memory.known, np.ones(len(samples), np.bool_))
    raw = np.append(memory.raw, samples.raw)
    position = np.arange(len(memory), len(raw))
    before = np.where(ends.take(samples.signal) + len(memory) == position, samples.signal, position - 1)
    changed = np.where(known.take(before), samples.raw != raw.take(before), UNKNOWN)
    return Table(
        known=known,
        t_ns=np.append(memory.t_ns, samples.t_ns),
        raw=raw,
        value=np.append(memory.value, samples.value),
        changed=np.append(np.zeros(len(memory)), changed),
        samples=samples,
        ends=ends,
    )


def _last_of_each_instant(samples: Readings, signals: int) -> Readings:
    # numpy sorts 16 bits by radix, five times as fast as 64.
    signal = samples.signal.astype(np.uint16) if signals <= _RADIX else samples.signal
    samples = samples.take(signal.argsort(kind="stable"))
    again = (samples.signal[1:] == samples.signal[:-1]) & (samples.t_ns[1:] == samples.t_ns[:-1])
    return samples.take(np.flatnonzero(np.append(~again, True)))


@dataclass(frozen=True, slots=True, eq=False)
class Instants:
    """All instants of all conditions in a stretch of time, by condition and time; and their inputs at each."""

    t_ns: I64
    counts: I64
    """[conditions]"""
    starts: I64
    """[conditions] in `t_ns`"""
    last: I64
    """for each input, for each instant of its condition: the signal's last sample, in the table"""
    new: Bool
    """whether that sample is of this very instant"""
    input_starts: I64
    """[inputs] in `last`"""


def instants_of(table: Table, program: Program) -> Instants:
    """Of all conditions of a program."""
    times, slot = np.unique(table.samples.t_ns, return_inverse=True)
    first = np.searchsorted(program.input_signal, np.arange(len(table.ends)))
    users = np.diff(first).take(table.samples.signal)
    sample = np.repeat(np.arange(len(slot)), users)
    at_input = spread(first.take(table.samples.signal), users)
    condition = program.input_condition.take(at_input)
    cell = condition * len(times) + slot.take(sample)
    marked = np.zeros(len(program.root) * len(times), np.bool_)
    marked[cell] = True
    cells = np.flatnonzero(marked)
    counts = np.bincount(cells // len(times), minlength=len(program.root))
    starts = counts.cumsum() - counts
    rank = np.empty(len(marked), np.int64)
    rank[cells] = np.arange(len(cells))
    nth = rank.take(cell) - starts.take(condition)
    input_counts = counts.take(program.input_condition)
    input_starts = input_counts.cumsum() - input_counts
    known_at = input_starts.take(at_input) + nth
    last, new = _filled(program, input_counts, input_starts, known_at, sample + len(table.ends) - 1)
    return Instants(times.take(cells % len(times)), counts, starts, last, new, input_starts)


def _filled(program: Program, counts: I64, starts: I64, known_at: I64, sample: I64) -> tuple[I64, Bool]:
    """Each input's last sample, carried on from where it is known."""
    total = int(counts.sum())
    some = np.flatnonzero(counts)
    begin = starts.take(some)
    source = np.zeros(total, np.int64)
    source[begin] = begin
    source[known_at] = known_at
    np.maximum.accumulate(source, out=source)
    held = np.empty(total, np.int64)
    held[begin] = program.input_signal.take(some)  # the table begins with what was remembered of each signal
    held[known_at] = sample
    new = np.zeros(total, np.bool_)
    new[known_at] = True
    return held.take(source), new

"""A program of conditions at work: what it remembers between two stretches of time, and every row's result. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.policy.condition_extremes import Extremes
from edge_agent.policy.condition_instants import Instants, Memory, Readings, Table, instants_of, table_of
from edge_agent.policy.condition_program import OF_ONE, OF_TWO, UNKNOWN, Program, spread
from edge_agent.policy.condition_tree import Op
from edge_agent.policy.condition_windows import Averages, is_short
from edge_agent.records import F64, I64, SignalInfo

_SAMPLED = {Op.VALUE, Op.AGE, Op.ISNULL, Op.IS_LABEL, Op.CHANGED}
_WINDOWS = {Op.AVERAGE, Op.LOWEST, Op.HIGHEST}
_EDGES = {Op.RISING, Op.FALLING}


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """What the rows of one stretch of time are computed from."""

    table: Table
    instants: Instants
    counts: I64
    """[rows]"""
    starts: I64
    """[rows] in `values`"""
    values: F64
    """every row's results, one an instant of its condition"""


class Run:
    """Remembers each signal's last sample, what windows hold, and what the operands of edges last were."""

    def __init__(self, program: Program, signals: Sequence[SignalInfo]) -> None:
        self._program = program
        self._memory = Memory(len(signals))
        self._before = np.full(len(program.rows), UNKNOWN)
        """[rows] of RISING and FALLING: the operand when it was last known"""
        self._values = np.empty(0)
        """kept for its memory alone: to ask for 4 MB anew for each block took 4 ms a block"""
        self._averages = _averages(program, signals)
        self._extremes: dict[Op, Extremes] = {
            op: Extremes(rows.stop - rows.start) for op, rows in program.groups if op in {Op.LOWEST, Op.HIGHEST}
        }

    def shift(self, delta_ns: int) -> None:
        """Move all times that are remembered."""
        self._memory.t_ns += delta_ns
        for _, averages in self._averages:
            averages.shift(delta_ns)
        for extreme in self._extremes.values():
            extreme.shift(delta_ns)

    # Infinities and what comes of them are values as any other here; numpy need not warn of them.
    @np.errstate(all="ignore")
    def judge(self, samples: Readings) -> tuple[Instants, F64]:
        """Every condition's truth at each of its instants; samples, at least one, in the order of time."""
        table = table_of(samples, self._memory)
        instants = instants_of(table, self._program)
        self._remember(table)
        counts = instants.counts.take(self._program.condition)
        ends = counts.cumsum()
        if len(self._values) < ends[-1]:
            self._values = np.empty(int(ends[-1]))
        stretch = _Stretch(table, instants, counts, ends - counts, self._values)
        for op, rows in self._program.groups:
            begin, end = int(stretch.starts[rows.start]), int(ends[rows.stop - 1])
            if begin < end:
                stretch.values[begin:end] = self._computed(op, rows, stretch)
        truth = stretch.values.take(spread(stretch.starts.take(self._program.root), instants.counts))
        return instants, truth

    def _remember(self, table: Table) -> None:
        ends = table.ends
        new = np.flatnonzero(np.diff(ends))
        self._memory.remember(table.samples.take(ends[new + 1] - 1))
        for signals, averages in self._averages:
            begin, counts = ends.take(signals), ends.take(signals + 1) - ends.take(signals)
            mine = table.samples.take(spread(begin, counts))
            averages.add(counts, mine.t_ns, mine.raw, mine.value)

    def _computed(self, op: Op, rows: slice, stretch: _Stretch) -> F64:
        program, counts = self._program, stretch.counts[rows]
        if op is Op.CONSTANT:
            return program.number[rows].repeat(counts)
        if op in _SAMPLED:
            return self._sampled(op, rows, stretch)
        if op in _WINDOWS:
            return self._windows(op, rows, stretch)
        left = stretch.values.take(spread(stretch.starts.take(program.left[rows]), counts))
        if op in _EDGES:
            return self._edges(op, rows, left, counts)
        if op in OF_ONE:
            return OF_ONE[op](left)
        return OF_TWO[op](left, stretch.values.take(spread(stretch.starts.take(program.right[rows]), counts)))

    def _sampled(self, op: Op, rows: slice, stretch: _Stretch) -> F64:
        program, table, instants, counts = self._program, stretch.table, stretch.instants, stretch.counts[rows]
        at = spread(instants.input_starts.take(program.input[rows]), counts)
        last = instants.last.take(at)
        if op is Op.VALUE:
            return table.value.take(last)
        known = table.known.take(last)
        if op is Op.ISNULL:
            return (~known).astype(np.float64)
        if op is Op.AGE:
            now = instants.t_ns.take(spread(instants.starts.take(program.condition[rows]), counts))
            return np.where(known, (now - table.t_ns.take(last)) / 1e9, np.nan)
        if op is Op.IS_LABEL:
            return np.where(known, table.raw.take(last) == program.raw[rows].repeat(counts), UNKNOWN)
        return np.where(instants.new.take(at), table.changed.take(last), np.where(known, 0.0, UNKNOWN))

    def _windows(self, op: Op, rows: slice, stretch: _Stretch) -> F64:
        program, table, instants, counts = self._program, stretch.table, stretch.instants, stretch.counts[rows]
        signal = program.input_signal.take(program.input[rows])
        begin, new = table.ends.take(signal), np.diff(table.ends).take(signal)
        now = instants.t_ns.take(spread(instants.starts.take(program.condition[rows]), counts))
        since = now - program.span_ns[rows].repeat(counts)
        last = instants.last.take(spread(instants.input_starts.take(program.input[rows]), counts))
        come = np.maximum(last - (begin + len(self._memory) - 1).repeat(counts), 0)
        if op is not Op.AVERAGE:
            sign = 1.0 if op is Op.HIGHEST else -1.0
            mine = table.samples.take(spread(begin, new))
            extremes = self._extremes[op]
            return sign * extremes.over(counts, since, come, new=new, t_ns=mine.t_ns, value=sign * mine.value)
        found = np.empty(len(now))
        of_cell, ahead = signal.repeat(counts), new.repeat(counts) - come
        for signals, averages in self._averages:
            place = signals.searchsorted(of_cell)
            at = np.flatnonzero(signals.take(place, mode="clip") == of_cell)
            found[at] = averages.over(place.take(at), since.take(at), ahead.take(at))
        return found

    def _edges(self, op: Op, rows: slice, truth: F64, counts: I64) -> F64:
        """The truth now against the truth when it was last known."""
        some = np.flatnonzero(counts)
        ends = counts.take(some).cumsum()
        begins = np.append(0, ends[:-1])
        # Before each row's first instant stands what was remembered of it.
        starts = begins + np.arange(len(some))
        before = np.insert(truth, begins, self._before[rows].take(some))
        source = np.where(before == UNKNOWN, 0, np.arange(len(before)))
        source[starts] = starts
        before = before.take(np.maximum.accumulate(source))
        self._before[rows.start + some] = before.take(ends + np.arange(len(some)))
        was = np.delete(before, ends + np.arange(len(some)))
        edge = was < truth if op is Op.RISING else was > truth
        # Known on both sides, or nothing is said; yet what is false now has not risen, whatever it was.
        still = truth == (0.0 if op is Op.RISING else 1.0)
        return np.where((was != UNKNOWN) & (truth != UNKNOWN), edge, np.where(still, 0.0, UNKNOWN))


def _averages(program: Program, signals: Sequence[SignalInfo]) -> tuple[tuple[I64, Averages], ...]:
    """Which signals are averaged, ascending, and what of them, as long as their longest windows."""
    spans: dict[int, int] = {}
    for at in np.flatnonzero([row.op is Op.AVERAGE for row in program.rows]).tolist():
        signal = int(program.input_signal[program.input[at]])
        spans[signal] = max(spans.get(signal, 0), int(program.span_ns[at]))
    found = []
    for short in (True, False):
        mine = sorted(signal for signal in spans if is_short(signals[signal]) is short)
        if mine:
            averages = Averages([signals[at] for at in mine], [spans[at] for at in mine], short=short)
            found.append((np.array(mine, np.int64), averages))
    return tuple(found)

"""Conditions over signals, evaluated exactly, for all rules at once. Pure: time comes with the samples.

What a condition means:

- Its instants are the distinct times at which at least one of its signals has a sample. It is judged at these and at
  no other time, in time order: `age()` and windows move on with time, but are looked at only then. Samples of one
  time are taken together; of several of one signal the last in the stream counts, and the others never were.
- A signal's value is that of its last sample; before its first it is unknown. NaN and a division by zero are
  unknown; arithmetic and comparisons with unknown are unknown; infinite numbers are numbers.
- `and`, `or` and `not` are Kleene's: `unknown and false` is false, `unknown or true` is true, else unknown stays so.
- A label is compared with the raw number of the signal. It is equal to each of several numbers that bear it.
- `isnull(s)`: whether there has been no sample yet. It is always known.
- `age(s)`: seconds since the last sample, 0 at an instant that has one; unknown before the first.
- `changed(s)`: true at an instant that has a sample whose raw number is not that of the sample before; false at one
  without, or with the same; unknown at the first sample, and before it.
- `rising(c)`: true where c is true and was false when it was last known at an instant before; false where c is false,
  or true as before; unknown where c is unknown, or true for the first time with nothing known before. `falling(c)`
  is the same of `not c`. Unknown between false and true takes no edge away.
- `avg`, `min` and `max(s, 5s)`: over the samples of s in (t - 5 s, t]; unknown where there are none, or a NaN among
  them (for `avg` also an infinite one). The mean is the plain one, each sample counting once however long it held.
  A window holds the newest 10 000 samples at most.
- Conditions remember from when they began: a new configuration begins with nothing known.

When it is judged: over settled samples (`settling.py`), after which no earlier one, nor one of the same time, comes.
So the result does not depend on how the stream was cut into blocks.

A clock that steps back: an instant that is earlier than one judged before moves all that is remembered back with it, as
if no time had passed between: no age is negative and no window waits for the old time to come again. A clock set
forward is time that passed. Judged times go back only there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.policy.condition_instants import Instants, Readings
from edge_agent.policy.condition_program import compile_program
from edge_agent.policy.condition_run import Run
from edge_agent.policy.condition_tree import Tree, signals_of
from edge_agent.records import F64, I64, SampleBlock, SignalInfo

I8 = NDArray[np.int8]

WORK = 2_000_000
"""Results computed in one go, at most: 16 MB if no two samples had one time, a fifth of it in a usual block."""


class Verdicts(NamedTuple):
    """n judged instants of a condition, in the order in which they were judged."""

    t_ns: I64
    """[n]"""
    truth: I8
    """[n] 1 true, 0 false, -1 unknown"""


NONE = Verdicts(np.empty(0, np.int64), np.empty(0, np.int8))


class Conditions:
    """All conditions of a configuration over one stream; one that no sample concerns costs next to nothing."""

    def __init__(self, trees: Sequence[Tree], signals: Sequence[SignalInfo]) -> None:
        """Bound trees; each of their names is that of one of `signals`, by whose indices blocks know them."""
        names = {info.name: i for i, info in enumerate(signals)}
        mine = sorted({names[name] for tree in trees for name in signals_of(tree)})
        self._local = np.full(len(signals), -1, np.int64)
        self._local[mine] = np.arange(len(mine))
        index = {signals[i].name: local for local, i in enumerate(mine)}
        self._run = Run(compile_program(trees, index), [signals[i] for i in mine])
        self._work = _work(trees, index)
        self._nothing = (NONE,) * len(trees)
        self._judged_ns: int | None = None

    def feed(self, settled: SampleBlock) -> Sequence[Verdicts]:
        """For each condition, in the order of the trees, its instants among settled samples."""
        local = self._local.take(settled.signal)
        at = np.flatnonzero(local >= 0)
        if not len(at):
            return self._nothing
        samples = Readings(settled.t_ns.take(at), local.take(at), settled.raw.take(at), settled.value.take(at))
        found, *others = [self._judge(part) for part in self._parts(samples)]
        for more in others:
            found = [_joined(one, its) for one, its in zip(found, more, strict=True)]
        return found

    def shift(self, delta_ns: int) -> None:
        """Move all times that are remembered: the clock became known, or went back; later samples have other times."""
        if self._judged_ns is not None:
            self._judged_ns += delta_ns
            self._run.shift(delta_ns)

    def _parts(self, samples: Readings) -> Iterator[Readings]:
        """Whole instants, as many as can be computed in one go."""
        work = self._work.take(samples.signal)
        work[np.flatnonzero(np.diff(samples.t_ns, prepend=samples.t_ns[0] - 1))] += len(self._nothing)
        work = work.cumsum()
        begin = 0
        while begin < len(samples):
            done = work[begin - 1] if begin else 0
            end = max(int(work.searchsorted(done + WORK)), begin + 1)
            end = int(samples.t_ns.searchsorted(samples.t_ns[end - 1], side="right"))
            yield samples.part(begin, end)
            begin = end

    def _judge(self, samples: Readings) -> list[Verdicts]:
        first_ns = int(samples.t_ns[0])
        if self._judged_ns is not None and first_ns < self._judged_ns:
            self.shift(first_ns - self._judged_ns)
        self._judged_ns = int(samples.t_ns[-1])
        return _verdicts(*self._run.judge(samples))


def _work(trees: Sequence[Tree], index: Mapping[str, int]) -> I64:
    """[signals] how many results one sample costs at most."""
    work = np.zeros(len(index), np.int64)
    for tree in trees:
        nodes = sum(1 for _ in tree.nodes())
        work[[index[name] for name in signals_of(tree)]] += nodes
    return work


def _verdicts(instants: Instants, truth: F64) -> list[Verdicts]:
    exact = (truth * 2).astype(np.int8)
    judged = np.array([0, -1, 1], np.int8).take(exact)
    bounds = zip(instants.starts.tolist(), instants.counts.tolist(), strict=True)
    return [
        Verdicts(instants.t_ns[start : start + count], judged[start : start + count]) if count else NONE
        for start, count in bounds
    ]


def _joined(one: Verdicts, more: Verdicts) -> Verdicts:
    if not len(more.t_ns):
        return one
    if not len(one.t_ns):
        return more
    return Verdicts(np.append(one.t_ns, more.t_ns), np.append(one.truth, more.truth))

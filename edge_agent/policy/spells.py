"""When conditions begin and cease to be true. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from edge_agent.policy.condition import Verdicts


class Turn(NamedTuple):
    """A condition is true from this instant on, or no longer."""

    t_ns: int
    true: bool


class Spells:
    """Remembers of each condition whether it is true; unknown is not true, and so is what was never judged."""

    def __init__(self, conditions: int) -> None:
        self._true = np.zeros(conditions, np.bool_)

    def is_true(self, condition: int) -> bool:
        """As of its last instant."""
        return bool(self._true[condition])

    def feed(self, verdicts: Sequence[Verdicts]) -> Mapping[int, list[Turn]]:
        """The turns of each condition that has some, in the order of time; `verdicts` are one for each condition."""
        if not verdicts:
            return {}
        times, truths = zip(*verdicts, strict=True)
        counts = np.fromiter(map(len, times), np.int64, len(times))
        some = np.flatnonzero(counts)
        ends = counts.cumsum()
        true = np.concatenate(truths) == 1
        before = np.append(False, true)[:-1]
        before[(ends - counts)[some]] = self._true[some]
        self._true[some] = true[ends[some] - 1]
        at = np.flatnonzero(true != before)
        if not len(at):
            return {}
        t_ns, condition = np.concatenate(times).take(at), ends.searchsorted(at, side="right")
        found: dict[int, list[Turn]] = {}
        for one, when_ns, now in zip(condition.tolist(), t_ns.tolist(), true.take(at).tolist(), strict=True):
            found.setdefault(one, []).append(Turn(when_ns, now))
        return found

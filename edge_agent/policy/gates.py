"""Whether a rule judges what was at a time: its span of validity, and the condition that must hold. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from edge_agent.policy.rules import Gate
from edge_agent.policy.spells import Turn
from edge_agent.records import I64, Bool

TURNS = 10_000
"""Turns of one condition that are remembered, and one more; of more the oldest go, and the time before the others is
closed."""


class Gates:
    """The gates of all rules, over settled time: each condition's turns are known before it is asked about them.

    A sample is inside where the condition was true at its last instant up to the sample's own time.
    """

    def __init__(self, gates: Sequence[Gate]) -> None:
        self._gates = tuple(gates)
        self._turns: dict[int, list[int]] = {gate.condition: [] for gate in self._gates if gate.condition is not None}
        """of each condition; the first is to true, the next back, and so on"""

    def turn(self, turns: Mapping[int, Sequence[Turn]], kept_from_ns: int) -> None:
        """Take what conditions did; nobody will ask about times before `kept_from_ns` any more."""
        for condition, known in self._turns.items():
            known += [turn.t_ns for turn in turns.get(condition, ())]
            # A spell goes as a whole: what is left begins with a turn to true, and the time before it is closed.
            old = max(bisect_right(known, kept_from_ns) - 1, len(known) - TURNS, 0)
            del known[: old // 2 * 2]

    def admits(self, rule: int, t_ns: I64) -> Bool:
        """For each of these times, whether the rule at this position judges what was then."""
        return self._inside(self._gates[rule], t_ns)

    def admits_at(self, rule: int, t_ns: int) -> bool:
        """Likewise for one time."""
        return bool(self.admits(rule, np.array([t_ns], np.int64))[0])

    def table(self, rules: Sequence[int], t_ns: I64) -> Bool:
        """[rules, times] likewise."""
        rows = {self._gates[rule]: None for rule in rules}
        row_of = {gate: self._inside(gate, t_ns) for gate in rows}
        return np.array([row_of[self._gates[rule]] for rule in rules], np.bool_)

    def shift(self, delta_ns: int) -> None:
        """Move all turns; a span of validity is wall time and stays."""
        for known in self._turns.values():
            known[:] = [t_ns + delta_ns for t_ns in known]

    def _inside(self, gate: Gate, t_ns: I64) -> Bool:
        inside: Bool = (t_ns >= gate.from_ns) & (t_ns < gate.until_ns)
        if gate.condition is not None:
            turns = np.array(self._turns[gate.condition], np.int64)
            inside &= turns.searchsorted(t_ns, side="right") % 2 == 1
        return inside

r"""One event rule's windows: from the turns of its condition to stretches of time to be kept, each once. Pure.

    condition   ____/^^^^^^^^^^^^^\_____      true in a spell; unknown is not true
                    |<-after_true->| would be too short
    rising      [before|T|after]             T = begin of the spell + after_true
    while      [before|spell.........|after]

The rule fires at T where the condition was true at every instant in [begin, T]. A firing within `cooldown` of the one
before is left out, and so is its whole spell. A firing within an open window extends it; what a window before has kept
is not kept again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.policy.rules import LAST_NS, Event, Trigger
from edge_agent.policy.spells import Turn

PIECE_NS = 1_000_000_000
"""A window that goes on is kept in pieces of this length at least: to cut one costs half a millisecond at worst."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch [begin, end) of settled time to be kept."""

    begin_ns: int
    end_ns: int
    fired_ns: tuple[int, ...] = ()
    """firings since the piece before"""
    ends: bool = False
    """whether its window ends with it"""


class EventWindows:
    """Follows one rule's condition through settled time; counts firings, and those that cooldown or gate suppressed."""

    def __init__(self, rule: Event) -> None:
        self._rule = rule
        self._lasts = rule.trigger is Trigger.WHILE
        self._begun_ns: int | None = None
        """when the spell began; None where the condition is not true"""
        self._decided = False
        """whether this spell has met its time"""
        self._collects = False
        """whether it has fired, and is collected to its end"""
        self._cool_ns: int | None = None
        """when the cooldown ends"""
        self._end_ns: int | None = None
        """the last instant of the open window"""
        self._done_ns: int | None = None
        """up to where everything that was to be kept is"""
        self._fired_ns: list[int] = []
        self.fired = 0
        self.suppressed = 0

    @property
    def lookback_ns(self) -> int:
        """How far behind settled time the first sample of a piece can lie."""
        rule = self._rule
        return max(rule.before_ns + (rule.after_true_ns if self._lasts else 0), PIECE_NS)

    @property
    def idle(self) -> bool:
        """Whether without a turn nothing will happen."""
        return self._end_ns is None and (self._begun_ns is None or self._decided)

    def reach(self, turns: Sequence[Turn], until_ns: int, admits: Callable[[int], bool]) -> Iterator[Piece]:
        """What is to be kept now that time is settled up to `until_ns`; `admits` says whether the gate is open then."""
        for turn in turns:
            yield from self._mature(turn.t_ns, admits)
            if turn.true:
                self._begun_ns, self._decided = turn.t_ns, False
            else:
                self._end_spell(turn.t_ns)
        yield from self._mature(until_ns, admits)
        yield from self._keep(until_ns, PIECE_NS)

    def rest(self, until_ns: int) -> Iterator[Piece]:
        """What is to be kept now and waits for a longer piece."""
        return self._keep(until_ns, 1)

    def shift(self, delta_ns: int) -> None:
        """Move every remembered time."""
        self._begun_ns = _moved(self._begun_ns, delta_ns)
        self._cool_ns = _moved(self._cool_ns, delta_ns)
        self._done_ns = _moved(self._done_ns, delta_ns)
        self._fired_ns[:] = [t_ns + delta_ns for t_ns in self._fired_ns]
        if self._end_ns != LAST_NS:
            self._end_ns = _moved(self._end_ns, delta_ns)

    def _mature(self, before_ns: int, admits: Callable[[int], bool]) -> Iterator[Piece]:
        """Fire if the spell has lasted long enough at a time before this one."""
        if self._begun_ns is None or self._decided:
            return
        at_ns = self._begun_ns + self._rule.after_true_ns
        if at_ns >= before_ns:
            return
        self._decided = True
        is_cooling = self._cool_ns is not None and at_ns < self._cool_ns
        if is_cooling or not admits(at_ns):
            self.suppressed += 1
            return
        yield from self._fire(at_ns, self._begun_ns if self._lasts else at_ns)

    def _fire(self, at_ns: int, centre_ns: int) -> Iterator[Piece]:
        rule = self._rule
        self.fired += 1
        self._cool_ns = at_ns + rule.cooldown_ns
        self._collects = self._lasts
        # Elsewhere the stream may have been cut in between, and the window have ended before this firing was known.
        if self._end_ns is not None and self._end_ns < at_ns:
            yield from self._keep(self._end_ns + 1, PIECE_NS)
        if self._end_ns is None:
            begin_ns = centre_ns - rule.before_ns
            self._done_ns = begin_ns if self._done_ns is None else max(begin_ns, self._done_ns)
        self._fired_ns.append(at_ns)
        self._end_ns = LAST_NS if self._lasts else at_ns + rule.after_ns

    def _end_spell(self, t_ns: int) -> None:
        self._begun_ns = None
        if self._collects:
            self._collects = False
            self._end_ns = t_ns + self._rule.after_ns

    def _keep(self, until_ns: int, least_ns: int) -> Iterator[Piece]:
        if self._end_ns is None or self._done_ns is None:
            return
        begin_ns, end_ns = self._done_ns, max(min(self._end_ns + 1, until_ns), self._done_ns)
        ends = self._end_ns < until_ns
        if ends or end_ns - begin_ns >= least_ns:
            yield Piece(begin_ns, end_ns, tuple(self._fired_ns), ends)
            self._done_ns = end_ns
            self._fired_ns.clear()
        if ends:
            self._end_ns = None


def _moved(t_ns: int | None, delta_ns: int) -> int | None:
    return None if t_ns is None else t_ns + delta_ns

"""Events, snapshots and gates as somebody would follow them with pencil and paper, over the whole stream at once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge_agent.policy.rules import Event, Snapshot, Trigger
from tests.policy.condition_reference import Expression, judged
from tests.policy.condition_signals import Sample

Truths = Sequence[tuple[int, int]]
Inside = Callable[[int], bool]


class Spell(NamedTuple):
    begin_ns: int
    end_ns: int | None
    """the first instant at which it was no longer true; None where it still was in the end"""


class Window(NamedTuple):
    """One, or several that were open when the next fired."""

    fired_ns: tuple[int, ...]
    samples: tuple[Sample, ...]


def in_order(stream: Sequence[Sample]) -> list[Sample]:
    return sorted(stream, key=lambda one: one.t_ns)


def spells(truths: Truths) -> list[Spell]:
    found: list[Spell] = []
    for t_ns, truth in truths:
        is_open = bool(found) and found[-1].end_ns is None
        if truth == 1 and not is_open:
            found.append(Spell(t_ns, None))
        elif truth != 1 and is_open:
            found[-1] = found[-1]._replace(end_ns=t_ns)
    return found


def inside_of(stream: Sequence[Sample], expression: Expression | None, from_ns: int, until_ns: int) -> Inside:
    """Whether a gate with this condition and this span is open at a time."""
    truths = [] if expression is None else judged(stream, expression)

    def inside(t_ns: int) -> bool:
        last = [truth for at_ns, truth in truths if at_ns <= t_ns][-1:]
        return from_ns <= t_ns < until_ns and (expression is None or last == [1])

    return inside


def firings(rule: Event, truths: Truths, inside: Inside) -> list[tuple[int, Spell]]:
    found: list[tuple[int, Spell]] = []
    for spell in spells(truths):
        at_ns = spell.begin_ns + rule.after_true_ns
        lasted = spell.end_ns is None or at_ns < spell.end_ns
        cooled = not found or at_ns >= found[-1][0] + rule.cooldown_ns
        if lasted and cooled and inside(at_ns):
            found.append((at_ns, spell))
    return found


def windows(rule: Event, stream: Sequence[Sample], truths: Truths, inside: Inside, end_ns: int) -> list[Window]:
    """In the order of time; the stream is over at `end_ns`."""
    spans: list[tuple[list[int], int, int]] = []
    for at_ns, spell in firings(rule, truths, inside):
        begin_ns, last_ns = at_ns - rule.before_ns, at_ns + rule.after_ns
        if rule.trigger is Trigger.WHILE:
            begin_ns = spell.begin_ns - rule.before_ns
            last_ns = end_ns if spell.end_ns is None else spell.end_ns + rule.after_ns
        if spans and at_ns <= spans[-1][2]:
            fired, first_ns, _ = spans[-1]
            spans[-1] = ([*fired, at_ns], first_ns, last_ns)
        else:
            first_ns = max(begin_ns, spans[-1][2] + 1) if spans else begin_ns
            spans.append(([at_ns], first_ns, last_ns))
    mine = [one for one in in_order(stream) if one.signal in rule.signals and inside(one.t_ns)]
    return [
        Window(tuple(fired), tuple(one for one in mine if first_ns <= one.t_ns <= last_ns))
        for fired, first_ns, last_ns in spans
    ]


class Picture(NamedTuple):
    """A snapshot: when, and the last sample of each signal that was known."""

    at_ns: int
    samples: tuple[Sample, ...]


def pictures(rule: Snapshot, stream: Sequence[Sample], truths: Truths, inside: Inside) -> list[Picture]:
    """In the order of time, without those in which nothing is known."""
    mine = [one for one in in_order(stream) if one.signal in rule.signals]
    asked = {spell.begin_ns for spell in spells(truths)}
    if rule.both_edges:
        asked |= {spell.end_ns for spell in spells(truths) if spell.end_ns is not None}
    if rule.every_ns is not None:
        # A period's end tells what is new in the period: without a sample there is nothing to tell.
        asked |= {-(-one.t_ns // rule.every_ns) * rule.every_ns for one in mine}
    found = []
    for at_ns in sorted(filter(inside, asked)):
        last = {one.signal: one for one in mine if one.t_ns <= at_ns}
        found.append(Picture(at_ns, tuple(last[signal] for signal in sorted(last))))
    return [picture for picture in found if picture.samples]

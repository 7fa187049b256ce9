"""Multiplexed messages as trees: which of a message's rows a frame has, decided once a frame, not once a row. Pure.

A node is what is known of a frame: first its message, then its message and a multiplexer's value, and so on down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.decode.catalog import BitField, Selector

WIDEST_BITS = 8
"""A multiplexer has a child for each value; of a wider one each row keeps its condition."""
MOST_ROWS = 1 << 18
"""Beyond it, too, each row keeps its conditions: several multiplexers side by side multiply."""

Row = tuple[int, int]
"""(signal, how many of its selectors the way to here has settled)"""


@dataclass(frozen=True, slots=True)
class Node:
    """Either rows, or a multiplexer whose value leads to `children[first_child + value]`."""

    rows: tuple[Row, ...]
    multiplexer: BitField | None = None
    first_child: int = 0


def branch(
    messages: Sequence[tuple[int, ...]], selectors: Sequence[tuple[Selector, ...]]
) -> tuple[list[Node], list[int]]:
    """Nodes, the messages' own first and in order, and the children that multiplexers lead to.

    `messages` has the signals of each message, `selectors` those of each signal.
    """
    waiting: list[tuple[Row, ...]] = [tuple((signal, 0) for signal in signals) for signals in messages]
    nodes: list[Node] = []
    children: list[int] = []
    held = sum(len(rows) for rows in waiting)
    while len(nodes) < len(waiting):
        rows = waiting[len(nodes)]
        multiplexer = _multiplexer(rows, selectors)
        if multiplexer is None or held + (len(rows) << multiplexer.bits) > MOST_ROWS:
            nodes.append(Node(rows))
            continue
        nodes.append(Node((), multiplexer, len(children)))
        known: dict[tuple[Row, ...], int] = {}
        for shown in _by_value(rows, multiplexer, selectors):
            if shown not in known:
                known[shown] = len(waiting)
                waiting.append(shown)
                held += len(shown)
            children.append(known[shown])
    return nodes, children


def _multiplexer(rows: Sequence[Row], selectors: Sequence[tuple[Selector, ...]]) -> BitField | None:
    """The first that a row waits for and that is not too wide."""
    for signal, settled in rows:
        for selector in selectors[signal][settled : settled + 1]:
            if selector.field.bits <= WIDEST_BITS:
                return selector.field
    return None


def _by_value(
    rows: Sequence[Row], multiplexer: BitField, selectors: Sequence[tuple[Selector, ...]]
) -> list[tuple[Row, ...]]:
    """The rows that each value of the multiplexer leaves, in their order."""
    shown: list[list[Row]] = [[] for _ in range(1 << multiplexer.bits)]
    for signal, settled in rows:
        waits = selectors[signal][settled : settled + 1]
        if waits and waits[0].field == multiplexer:
            for low, high in waits[0].ranges:
                for value in range(low, min(high + 1, len(shown))):
                    shown[value].append((signal, settled + 1))
        else:
            for one in shown:
                one.append((signal, settled))
    return [tuple(one) for one in shown]

"""Conditions as one program of array operations, run over all of them at once. Pure.

A condition in a block has some tens of instants: too few for arrays of its own, whose every operation costs a
microsecond, and far too many for a loop over single values. So the rows of all conditions, one an operation, are
ordered by level and kind, and a kind is computed in one go for every condition that has instants.

Numbers are float64, NaN where unknown. Truths are float64 too: 0 false, 1/2 unknown, 1 true, which makes Kleene's
`and` the smaller, his `or` the larger, his `not` the distance from 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np

from edge_agent.policy.condition_tree import Op, Tree
from edge_agent.records import F64, I64, Bool

UNKNOWN = 0.5


class Row(NamedTuple):
    """One operation of one condition; equal rows are one."""

    level: int
    """above all its operands"""
    op: Op
    condition: int
    left: int = 0
    right: int = 0
    """rows; the only operand is the left one"""
    input: int = 0
    """of the operations on a signal's samples"""
    number: float = 0.0
    raw: int = 0
    span_ns: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """k rows in the order in which they can be computed, over i inputs: (condition, signal) pairs by signal."""

    rows: tuple[Row, ...]
    groups: tuple[tuple[Op, slice], ...]
    """rows of one level and kind"""
    condition: I64
    """[k]"""
    left: I64
    """[k]"""
    right: I64
    """[k]"""
    input: I64
    """[k]"""
    number: F64
    """[k]"""
    raw: I64
    """[k]"""
    span_ns: I64
    """[k]"""
    root: I64
    """[conditions] the row that is the condition"""
    input_condition: I64
    """[i]"""
    input_signal: I64
    """[i] ascending"""


@dataclass(slots=True)
class _Lowering:
    """Rows of trees, in the order of their making."""

    inputs: Mapping[tuple[int, str], int]
    rows: dict[Row, int] = field(default_factory=dict)
    levels: list[int] = field(default_factory=list)

    def lower(self, condition: int, tree: Tree) -> int:
        """The number of the tree's row."""
        if tree.op in {Op.AND, Op.OR}:
            return self._join(condition, tree.op, [self.lower(condition, operand) for operand in tree.operands])
        if tree.signal:
            at = self.inputs[condition, tree.signal]
            if tree.op is Op.IS_LABEL:
                each = [self._row(Row(0, Op.IS_LABEL, condition, input=at, raw=raw)) for raw in tree.raws]
                return self._join(condition, Op.OR, each)
            return self._row(Row(0, tree.op, condition, input=at, span_ns=tree.span_ns))
        operands = [self.lower(condition, operand) for operand in tree.operands]
        return self._operation(tree.op, condition, operands, tree.number)

    def _join(self, condition: int, op: Op, parts: Sequence[int]) -> int:
        """In pairs, so that a long list is a flat tree."""
        if len(parts) == 1:
            return parts[0]
        half = len(parts) // 2
        sides = [self._join(condition, op, part) for part in (parts[:half], parts[half:])]
        return self._operation(op, condition, sides)

    def _operation(self, op: Op, condition: int, operands: Sequence[int], number: float = 0.0) -> int:
        level = 1 + max((self.levels[operand] for operand in operands), default=-1)
        left, right = (*operands, 0, 0)[:2]
        return self._row(Row(level, op, condition, left, right, number=number))

    def _row(self, row: Row) -> int:
        at = self.rows.setdefault(row, len(self.rows))
        if at == len(self.levels):
            self.levels.append(row.level)
        return at


def compile_program(trees: Sequence[Tree], index: Mapping[str, int]) -> Program:
    """A program of bound conditions; `index` numbers their signals."""
    pairs = {(condition, node.signal) for condition, tree in enumerate(trees) for node in tree.nodes() if node.signal}
    inputs = sorted(pairs, key=lambda pair: (index[pair[1]], pair[0]))
    lowering = _Lowering({pair: i for i, pair in enumerate(inputs)})
    root = np.array([lowering.lower(condition, tree) for condition, tree in enumerate(trees)], np.int64)
    made = list(lowering.rows)
    order = sorted(range(len(made)), key=lambda i: (made[i].level, made[i].op.name))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rows = tuple(made[i] for i in order)
    return Program(
        rows=rows,
        groups=_groups(rows),
        condition=np.array([row.condition for row in rows], np.int64),
        left=place[np.array([row.left for row in rows], np.int64)],
        right=place[np.array([row.right for row in rows], np.int64)],
        input=np.array([row.input for row in rows], np.int64),
        number=np.array([row.number for row in rows], np.float64),
        raw=np.array([row.raw for row in rows], np.int64),
        span_ns=np.array([row.span_ns for row in rows], np.int64),
        root=place[root],
        input_condition=np.array([condition for condition, _ in inputs], np.int64),
        input_signal=np.array([index[signal] for _, signal in inputs], np.int64),
    )


def _groups(rows: Sequence[Row]) -> tuple[tuple[Op, slice], ...]:
    found = []
    begin = 0
    for (_, op), group in groupby(rows, key=lambda row: (row.level, row.op)):
        end = begin + len(list(group))
        found.append((op, slice(begin, end)))
        begin = end
    return tuple(found)


def spread(starts: I64, counts: I64) -> I64:
    """The numbers start, start + 1, ..., `count` of them, for each start."""
    ends = counts.cumsum()
    found: I64 = np.repeat(starts - ends + counts, counts)
    found += np.arange(len(found))
    return found


def _compared(compare: Callable[[F64, F64], Bool]) -> Callable[[F64, F64], F64]:
    def truth(left: F64, right: F64) -> F64:
        return np.where(np.isnan(left) | np.isnan(right), UNKNOWN, compare(left, right))

    return truth


def _quotient(left: F64, right: F64) -> F64:
    quotient = left / right
    quotient[right == 0] = np.nan
    return quotient


OF_TWO: Mapping[Op, Callable[[F64, F64], F64]] = {
    Op.ADD: np.add,
    Op.SUBTRACT: np.subtract,
    Op.MULTIPLY: np.multiply,
    Op.DIVIDE: _quotient,
    Op.MIN: np.minimum,
    Op.MAX: np.maximum,
    Op.AND: np.minimum,
    Op.OR: np.maximum,
    Op.ABOVE: _compared(np.greater),
    Op.AT_LEAST: _compared(np.greater_equal),
    Op.EQUAL: _compared(np.equal),
    Op.UNEQUAL: _compared(np.not_equal),
}
OF_ONE: Mapping[Op, Callable[[F64], F64]] = {
    Op.NEGATE: np.negative,
    Op.ABS: np.abs,
    Op.NOT: lambda truth: 1.0 - truth,
}

"""Formulas of a mapping file: read once, never evaluated as code. Pure.

The form is that of py-expression-eval, which KUKSA's CAN provider uses, as far as numbers need it: `+ - * /`,
parentheses, numbers, `PI`, `E`, comparisons, `and`, `or`, `not`, and the functions of `FUNCTIONS`. Its power operator
`^` is not among them: Python's grammar, which parses the text, binds it differently. A choice may be written in its
way, `if(x > 5, 1, 2)`, and in Python's, `1 if x > 5 else 2`.
"""

import ast
import keyword
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import NamedTuple, TypeVar, cast

import numpy as np

from edge_agent.records import F64, Bool

CHARACTERS = 200
FUNCTIONS = ("floor", "ceil", "round", "abs", "sqrt", "min", "max", "if")
_CONSTANTS = {"PI": math.pi, "E": math.e}
_OPERATORS: dict[type[ast.operator], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_CHOICE = re.compile(r"((?:^|[-+*/(,<>=]|\b(?:and|or|not|if|else)\b)\s*)if(?=\s*\()")
"""`if(` where Python's own `if` cannot stand: at the beginning, and after what an operand must follow"""
_IF = "if_"
"""its name where Python parses it"""
_Number = TypeVar("_Number")


class _Step(NamedTuple):
    """One step that bends a line, over columns."""

    fewest: int
    most: int
    """arguments"""
    columns: Callable[..., F64]


def _holds(condition: F64) -> Bool:
    return np.not_equal(condition, 0) & ~np.isnan(condition)


def _chosen(condition: F64, then: F64, otherwise: F64) -> F64:
    return np.where(_holds(condition), then, otherwise)


def _truth(answer: Callable[..., Bool]) -> Callable[..., F64]:
    return lambda *columns: answer(*columns).astype(np.float64)


_STEPS: dict[str, _Step] = {
    "floor": _Step(1, 1, np.floor),
    "ceil": _Step(1, 1, np.ceil),
    "round": _Step(1, 1, np.rint),
    "abs": _Step(1, 1, np.abs),
    "sqrt": _Step(1, 1, np.sqrt),
    "min": _Step(2, CHARACTERS, lambda *columns: reduce(np.minimum, columns)),
    "max": _Step(2, CHARACTERS, lambda *columns: reduce(np.maximum, columns)),
    "if": _Step(3, 3, _chosen),
    "<": _Step(2, 2, _truth(operator.lt)),
    "<=": _Step(2, 2, _truth(operator.le)),
    ">": _Step(2, 2, _truth(operator.gt)),
    ">=": _Step(2, 2, _truth(operator.ge)),
    "==": _Step(2, 2, _truth(operator.eq)),
    "!=": _Step(2, 2, _truth(operator.ne)),
    "and": _Step(2, CHARACTERS, _truth(lambda *columns: reduce(operator.and_, map(_holds, columns)))),
    "or": _Step(2, CHARACTERS, _truth(lambda *columns: reduce(operator.or_, map(_holds, columns)))),
    "not": _Step(1, 1, _truth(lambda column: ~_holds(column))),
}


_OVER_COLUMNS = {name: step.columns for name, step in _STEPS.items()}


class BadFormula(ValueError):  # noqa: N818  named as `BadSettings` is
    """Not a formula that can be read; the text is the reason."""


class _Bent(Exception):  # noqa: N818  no error: the answer that there is no line
    """Not of the form a * x + b."""


@dataclass(frozen=True, slots=True)
class Line:
    """slope * x + height, exact in the decimals that were written."""

    slope: Fraction
    height: Fraction

    def __add__(self, other: "Line") -> "Line":
        return Line(self.slope + other.slope, self.height + other.height)

    def __sub__(self, other: "Line") -> "Line":
        return Line(self.slope - other.slope, self.height - other.height)

    def __mul__(self, other: "Line") -> "Line":
        if self.slope and other.slope:
            raise _Bent
        return Line(self.slope * other.height + other.slope * self.height, self.height * other.height)

    def __truediv__(self, other: "Line") -> "Line":
        if other.slope:
            raise _Bent
        return Line(self.slope / other.height, self.height / other.height)


def exact(number: float) -> Fraction:
    """The decimal number somebody wrote: 0.1 is a tenth, not the double next to it."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


class Formula:
    """One formula of some variables, parsed. Raises BadFormula, for a name that cannot be a variable's too.

    A comparison is 1 where it holds, else 0, and never holds for a value that is not a number. A condition holds where
    it is a number other than 0; `and`, `or` and `not` are 1 or 0. Of a choice only the value that is chosen counts.
    `min` and `max` take two or more, `round` takes a half to the even number.
    """

    def __init__(self, text: str, variables: Collection[str] = ("x",)) -> None:
        if len(text) > CHARACTERS:
            raise BadFormula(f"a formula of {len(text)} characters; {CHARACTERS} are read")
        for name in variables:
            if name in _CONSTANTS or name in FUNCTIONS or not is_name(name):
                raise BadFormula(f"{name!r} cannot be the name of a value in a formula")
        try:
            self._tree = ast.parse(_CHOICE.sub(rf"\1{_IF}", text.strip()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise BadFormula(f"{text!r} is not a formula") from error
        _judge(self._tree, variables)
        found = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        self.variables = frozenset(found & set(variables))
        """those it has in it"""

    def line(self) -> Line | None:
        """A formula of `x` as a line, or None where it bends. Raises BadFormula for a division by zero."""
        x = Line(Fraction(1), Fraction(0))
        try:
            return _evaluated(self._tree, {"x": x}, lambda c: Line(Fraction(0), exact(c)), {})
        except _Bent:
            return None
        except ZeroDivisionError as error:
            raise BadFormula("it divides by zero") from error

    def values(self, columns: Mapping[str, F64]) -> F64:
        """Its value for each row of its variables' columns, all of one length.

        In double precision, step by step as written, and not finite where there is none.
        """
        rows = len(next(iter(columns.values())))
        with np.errstate(all="ignore"):
            return _evaluated(self._tree, columns, lambda c: np.full(rows, c), _OVER_COLUMNS)


def is_name(text: str) -> bool:
    """Whether Python's grammar, and so a formula, reads it as a name."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _judge(node: ast.expr, variables: Collection[str]) -> None:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            if not math.isfinite(_number(node)):
                raise BadFormula("a number in it is too large")
        case ast.Name(id=name) if name in variables or name in _CONSTANTS:
            pass
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _judge(operand, variables)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _judge(left, variables)
            _judge(right, variables)
        case _:
            name, arguments = _step(node)
            if name not in _STEPS:
                known = f"{', '.join(variables)} with + - * /, comparisons, and, or, not, {', '.join(FUNCTIONS)}"
                raise BadFormula(f"{ast.unparse(node).replace(_IF, 'if')!r} is more than a formula of {known}")
            if not _STEPS[name].fewest <= len(arguments) <= _STEPS[name].most:
                raise BadFormula(f"{name} has {len(arguments)} arguments")
            for argument in arguments:
                _judge(argument, variables)


def _step(node: ast.expr) -> tuple[str, Sequence[ast.expr]]:
    """The step a node is, and what it is taken of; "" for none."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return "if" if name == _IF else name if name in FUNCTIONS else "", arguments
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARISONS.get(type(op), ""), (left, right)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return "if", (test, body, otherwise)
        case ast.BoolOp(op=op, values=values):
            return "and" if isinstance(op, ast.And) else "or", values
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return "not", (operand,)
        case _:
            return "", ()


def _number(node: ast.Constant) -> float:
    try:
        return float(cast("int | float", node.value))
    except OverflowError:
        return math.inf


def _evaluated(
    node: ast.expr,
    numbers: Mapping[str, _Number],
    constant: Callable[[float], _Number],
    steps: Mapping[str, Callable[..., _Number]],
) -> _Number:
    """Of a judged tree, in whatever `numbers` are; a step that is not in `steps` bends it."""

    def value(part: ast.expr) -> _Number:
        return _evaluated(part, numbers, constant, steps)

    match node:
        case ast.Constant():
            return constant(_number(node))
        case ast.Name(id=name):
            return numbers[name] if name in numbers else constant(_CONSTANTS[name])
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return value(operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return cast("_Number", operator.mul(constant(-1.0), value(operand)))
        case ast.BinOp(left=left, op=op, right=right):
            return cast("_Number", _OPERATORS[type(op)](value(left), value(right)))
        case _:
            name, arguments = _step(node)
            if name not in steps:
                raise _Bent
            return steps[name](*map(value, arguments))

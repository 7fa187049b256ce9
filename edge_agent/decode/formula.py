"""Formulas of one variable `x`, as mapping files have them: read once, never evaluated as code. Pure.

The form is that of py-expression-eval, which KUKSA's CAN provider uses, as far as numbers of one variable need it:
`+ - * /`, parentheses, numbers, `PI`, `E`, and the functions of `FUNCTIONS`. Its power operator `^` is not among
them: Python's grammar, which parses the text, binds it differently.
"""

import ast
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar, cast

import numpy as np

from edge_agent.records import F64

CHARACTERS = 200
FUNCTIONS: dict[str, Callable[..., F64]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}
_CONSTANTS = {"PI": math.pi, "E": math.e}
_OPERATORS: dict[type[ast.operator], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_Number = TypeVar("_Number")


class BadFormula(ValueError):  # noqa: N818  named as `BadSettings` is
    """Not a formula of `x` that can be read; the text is the reason."""


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
    """One formula, parsed. Raises BadFormula."""

    def __init__(self, text: str) -> None:
        if len(text) > CHARACTERS:
            raise BadFormula(f"a formula of {len(text)} characters; {CHARACTERS} are read")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise BadFormula(f"{text!r} is not a formula") from error
        _judge(self._tree)

    def line(self) -> Line | None:
        """The formula as a line, or None where it bends. Raises BadFormula for a division by zero."""
        try:
            return _evaluated(self._tree, Line(Fraction(1), Fraction(0)), lambda c: Line(Fraction(0), exact(c)), {})
        except _Bent:
            return None
        except ZeroDivisionError as error:
            raise BadFormula("it divides by zero") from error

    def values(self, x: F64) -> F64:
        """Its value for each x in double precision, step by step as written; not finite where there is none."""
        with np.errstate(all="ignore"):
            return _evaluated(self._tree, x, lambda c: np.full(len(x), c), FUNCTIONS)


def _judge(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            if not math.isfinite(_number(node)):
                raise BadFormula("a number in it is too large")
        case ast.Name(id=name) if name == "x" or name in _CONSTANTS:
            pass
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _judge(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _judge(left)
            _judge(right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            if len(args) != (2 if name in ("min", "max") else 1):
                raise BadFormula(f"{name} has {len(args)} arguments")
            for argument in args:
                _judge(argument)
        case _:
            raise BadFormula(f"{ast.unparse(node)!r} is more than a formula of x with + - * / and {_functions()}")


def _functions() -> str:
    return ", ".join(FUNCTIONS)


def _number(node: ast.Constant) -> float:
    try:
        return float(cast("int | float", node.value))
    except OverflowError:
        return math.inf


def _evaluated(
    node: ast.expr, x: _Number, constant: Callable[[float], _Number], functions: dict[str, Callable[..., _Number]]
) -> _Number:
    """Of a judged tree, in whatever numbers `x` is made of; a function that is not in `functions` bends it."""
    match node:
        case ast.Constant():
            return constant(_number(node))
        case ast.Name(id=name):
            return x if name == "x" else constant(_CONSTANTS[name])
        case ast.UnaryOp(op=op, operand=operand):
            value = _evaluated(operand, x, constant, functions)
            return value if isinstance(op, ast.UAdd) else cast("_Number", operator.mul(constant(-1.0), value))
        case ast.BinOp(left=left, op=op, right=right):
            sides = (_evaluated(side, x, constant, functions) for side in (left, right))
            return cast("_Number", _OPERATORS[type(op)](*sides))
        case ast.Call(func=ast.Name(id=name), args=args) if name in functions:
            return functions[name](*(_evaluated(argument, x, constant, functions) for argument in args))
        case _:
            raise _Bent

"""Conditions as somebody would follow them with pencil and paper: dicts, lists, one instant after the other.

An expression is a nested tuple, whose first item says what it is. It becomes a text by `written`, which knows nothing
of the product's trees, and a truth by `judged`, which knows nothing of texts.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

from hypothesis import strategies as st

from edge_agent.records import RawKind
from tests.policy.condition_signals import GEAR, LABELS, SECOND, SIGNALS, Sample

WINDOW_SAMPLES = 10_000

Expression = tuple[Any, ...]
Past = dict[str, list[Sample]]
"""the samples of each signal up to now, one an instant"""


# --- texts ---------------------------------------------------------------------------------------

_BINDS = {"or": 1, "and": 2, "not": 3, "compare": 4, "+": 5, "-": 5, "*": 6, "/": 6, "negate": 7}
"""how strongly; what is not here needs no parentheses"""


def written(expression: Expression) -> str:  # noqa: PLR0911  a line for each kind
    """With parentheses only where they are needed."""
    kind, *rest = expression
    match kind:
        case "or" | "and":
            return f" {kind} ".join(_inner(part, _BINDS[kind]) for part in rest)
        case "not":
            return f"not {_inner(rest[0], 3)}"
        case "compare":
            return f"{_inner(rest[1], 5)} {rest[0]} {_inner(rest[2], 5)}"
        case "+" | "-" | "*" | "/":
            return f"{_inner(rest[0], _BINDS[kind])} {kind} {_inner(rest[1], _BINDS[kind] + 1)}"
        case "negate":
            return f"-{_inner(rest[0], 7)}"
        case "number":
            return repr(rest[0])
        case "signal" | "set":
            return str(rest[0])
        case "label":
            quoted = rest[2].replace("'", "''")
            return f"{rest[1]} {rest[0]} '{quoted}'"
        case "window":
            return f"{rest[0]}({rest[1]}, {rest[2]}ms)"
        case _:
            return f"{kind}({', '.join(part if isinstance(part, str) else written(part) for part in rest)})"


def _inner(expression: Expression, strength: int) -> str:
    text = written(expression)
    kind = "compare" if expression[0] == "label" else expression[0]
    return text if _BINDS.get(kind, 9) >= strength else f"({text})"


# --- truths --------------------------------------------------------------------------------------


def judged(samples: Sequence[Sample], expression: Expression) -> list[tuple[int, int]]:
    """(time, 1 true, 0 false, -1 unknown) at each instant, of samples in any order of time."""
    names = signals_in(expression)
    past: Past = {name: [] for name in names}
    known: dict[Expression, bool] = {}
    found = []
    mine = [one for one in samples if SIGNALS[one.signal].name in names]
    for t_ns, group in groupby(sorted(mine, key=lambda one: one.t_ns), key=lambda one: one.t_ns):
        for name, last in {SIGNALS[one.signal].name: one for one in group}.items():
            past[name].append(last)
        truth = _Instant(t_ns, past, known).of(expression)
        found.append((t_ns, -1 if truth is None else int(truth)))
    return found


def signals_in(expression: Expression) -> set[str]:
    names = {info.name for info in SIGNALS}
    parts = [signals_in(part) for part in expression if isinstance(part, tuple)]
    return set().union(*parts) | {part for part in expression if isinstance(part, str) and part in names}


class _Instant:
    def __init__(self, t_ns: int, past: Past, known: dict[Expression, bool]) -> None:
        self._t_ns = t_ns
        self._past = past
        self._known_before = known
        self._after: dict[Expression, bool] = {}

    def of(self, expression: Expression) -> bool | None:
        truth = self._of(expression)
        self._known_before.update(self._after)
        return None if truth is None else bool(truth)

    def _of(self, expression: Expression) -> float | None:
        """None where it is unknown."""
        found = self._worked_out(expression)
        return None if found is None or math.isnan(found) else found

    def _worked_out(self, expression: Expression) -> float | None:  # noqa: PLR0911  a line for each kind
        kind, *rest = expression
        match kind:
            case "number":
                return float(rest[0])
            case "signal" | "set" | "label" | "age" | "isnull" | "changed":
                return self._of_signal(kind, rest)
            case "window":
                function, name, span_ms = rest
                return self._window(function, name, span_ms)
            case "and" | "or":
                decisive: bool = kind == "or"
                parts = [self._of(part) for part in rest]
                if decisive in parts:
                    return decisive
                return None if None in parts else not decisive
            case "rising" | "falling":
                return self._edge(rest[0], risen=kind == "rising")
            case "compare":
                operator, *operands = rest
                sides = [self._of(operand) for operand in operands]
            case _:
                operator, sides = kind, [self._of(operand) for operand in rest]
        numbers = [side for side in sides if side is not None]
        return _applied(operator, numbers) if len(numbers) == len(sides) else None

    def _of_signal(self, kind: str, rest: list[Any]) -> float | None:  # noqa: PLR0911  a line for each kind
        samples = self._past[rest[1] if kind == "label" else rest[0]]
        if kind == "isnull":
            return not samples
        if not samples:
            return None
        last = samples[-1]
        match kind:
            case "signal":
                return last.value
            case "set":
                return None if math.isnan(last.value) else last.value != 0
            case "label":
                same = LABELS.get(last.raw) == rest[2]
                return same if rest[0] == "==" else not same
            case "age":
                return (self._t_ns - last.t_ns) / SECOND
            case _:
                if last.t_ns < self._t_ns:
                    return False
                return samples[-2].raw != last.raw if len(samples) > 1 else None

    def _window(self, function: str, name: str, span_ms: int) -> float | None:
        begin_ns = self._t_ns - span_ms * 1_000_000
        samples = [one for one in self._past[name] if one.t_ns > begin_ns][-WINDOW_SAMPLES:]
        values = [one.value for one in samples]
        if not values or any(map(math.isnan, values)):
            return None
        if function != "avg":
            return min(values) if function == "min" else max(values)
        signal = next(info for info in SIGNALS if info.name == name)
        if signal.kind is RawKind.FLOAT or signal.bits > 32:
            return None if any(map(math.isinf, values)) else float(sum(map(Fraction, values)) / len(values))
        return sum(one.raw for one in samples) / len(samples) * signal.factor + signal.offset

    def _edge(self, operand: Expression, *, risen: bool) -> bool | None:
        now, before = self._of(operand), self._known_before.get(operand)
        if now is None:
            return None
        self._after[operand] = bool(now)
        if bool(now) is not risen:
            return False
        return None if before is None else before is not risen


def _applied(operator: str, sides: list[float]) -> float | None:  # noqa: PLR0911  a line for each operator
    match operator, sides:
        case "+", [left, right]:
            return left + right
        case "-", [left, right]:
            return left - right
        case "*", [left, right]:
            return left * right
        case "/", [left, right]:
            return left / right if right else None
        case "negate", [one]:
            return -one
        case "not", [one]:
            return not one
        case "abs", [one]:
            return abs(one)
        case (("min" | "max"), [left, right]):
            return min(left, right) if operator == "min" else max(left, right)
        case _, [left, right]:
            return {
                "==": left == right,
                "!=": left != right,
                "<": left < right,
                "<=": left <= right,
                ">": left > right,
                ">=": left >= right,
            }[operator]
    raise AssertionError(f"no operator {operator!r}")


# --- any expression ------------------------------------------------------------------------------

_NAMES = st.sampled_from([info.name for info in SIGNALS])
_COMPARE = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])

_NUMBERS = st.recursive(
    st.one_of(
        st.tuples(st.just("signal"), _NAMES),
        st.tuples(st.just("number"), st.sampled_from([0.0, 1.0, 0.5, 1.5, 2.0, 3.0, 1e300])),
        st.tuples(st.just("age"), _NAMES),
        st.tuples(st.just("window"), st.sampled_from(["avg", "min", "max"]), _NAMES, st.sampled_from([10, 40, 2000])),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/", "min", "max"]), inner, inner),
        st.tuples(st.sampled_from(["negate", "abs"]), inner),
    ),
    max_leaves=5,
)
EXPRESSIONS = st.recursive(
    st.one_of(
        st.tuples(st.just("compare"), _COMPARE, _NUMBERS, _NUMBERS),
        st.tuples(st.just("label"), st.sampled_from(["==", "!="]), st.just(GEAR), st.sampled_from(["One", "Two's"])),
        st.tuples(st.sampled_from(["isnull", "changed", "set"]), _NAMES),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner, inner),
        st.tuples(st.sampled_from(["not", "rising", "falling"]), inner),
    ),
    max_leaves=6,
).filter(signals_in)
"""Things true or false, of at least one signal."""

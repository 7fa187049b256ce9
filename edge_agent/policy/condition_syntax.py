"""The grammar of conditions: a text becomes a typed, bounded tree, or is refused at a column. Pure.

    condition   or
    or          and { "or" and }
    and         not { "and" not }
    not         "not" not | comparison
    comparison  sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ]
    sum         product { ( "+" | "-" ) product }
    product     sign { ( "*" | "/" ) sign }
    sign        ( "-" | "+" ) sign | operand
    operand     number | signal | label | function "(" ... ")" | "(" or ")"

Functions: `abs(n)`, `min(n, n)`, `max(n, n)` of numbers; `rising(c)`, `falling(c)` of something true or false;
`age(s)`, `isnull(s)`, `changed(s)` of a signal; `avg(s, 5s)`, `min(s, 5s)`, `max(s, 5s)` of a signal's samples.

A signal is written by its public name: `Motion.Speed`, `can1.Motion@1a0.Speed`, `Vehicle.Speed`; in backquotes where
it is anything but words of letters, digits and underscores between dots. A label stands in single quotes ('' is one
quote in it) and is compared with a signal by == or !=. A signal alone, where something true or false is expected,
stands for `signal != 0`.
"""

from collections.abc import Callable

from edge_agent.errors import ConditionRefused
from edge_agent.policy.condition_tokens import Kind, Token, tokens_of
from edge_agent.policy.condition_tree import DEPTH, NODES, Op, Tree, Type, signals_of

_COMPARISONS = {"==": Op.EQUAL, "!=": Op.UNEQUAL, ">": Op.ABOVE, ">=": Op.AT_LEAST, "<": Op.ABOVE, "<=": Op.AT_LEAST}
_SUMS = {"+": Op.ADD, "-": Op.SUBTRACT}
_PRODUCTS = {"*": Op.MULTIPLY, "/": Op.DIVIDE}
_EDGES = {"rising": Op.RISING, "falling": Op.FALLING}
_SAMPLED = {"age": Op.AGE, "isnull": Op.ISNULL, "changed": Op.CHANGED}
_WINDOWS = {"avg": Op.AVERAGE, "min": Op.LOWEST, "max": Op.HIGHEST}
_OF_TWO = {"min": Op.MIN, "max": Op.MAX}
_FUNCTIONS = ("abs", "avg", "min", "max", *_EDGES, *_SAMPLED)
_RESERVED = ("and", "or", "not")


def parse(text: str) -> Tree:
    """The condition's tree, whose signals have the names that were written.

    At most 4096 characters, 256 operations (a name and a number are one each), 32 levels. Raises ConditionRefused.
    """
    return _Parser(text).condition()


class _Parser:
    """Recursive descent; `_level` bounds the recursion before Python has to."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens_of(text))
        self._at = 0
        self._nodes = 0
        self._level = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _sees(self, *signs: str) -> bool:
        return self._next.kind in {Kind.SIGN, Kind.WORD} and self._next.text in signs

    def _expect(self, sign: str, meaning: str) -> None:
        if not self._sees(sign):
            raise ConditionRefused(self._next.column, f"expected {meaning}, found {self._next}")
        self._at += 1

    def condition(self) -> Tree:
        tree = self._truth(self._or())
        if self._next.kind is not Kind.END:
            raise ConditionRefused(self._next.column, f"expected an operator or the end, found {self._next}")
        _judge_depth(tree)
        if not signals_of(tree):
            raise ConditionRefused(1, "the condition names no signal, so there is no time at which to judge it")
        return tree

    def _or(self) -> Tree:
        return self._joined(Op.OR, self._and)

    def _and(self) -> Tree:
        return self._joined(Op.AND, self._not)

    def _joined(self, op: Op, part: Callable[[], Tree]) -> Tree:
        column = self._next.column
        parts = [part()]
        while self._sees(op.value):
            column = self._take().column
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return self._node(op, column, tuple(self._truth(one) for one in parts))

    def _not(self) -> Tree:
        if not self._sees("not"):
            return self._comparison()
        column = self._take().column
        return self._node(Op.NOT, column, (self._truth(self._deeper(self._not)),))

    def _comparison(self) -> Tree:
        left = self._sum()
        if not self._sees(*_COMPARISONS):
            return left
        sign = self._take()
        right = self._sum()
        if self._sees(*_COMPARISONS):
            raise ConditionRefused(self._next.column, "one comparison after another: join two of them by `and`")
        if Type.LABEL in {left.type, right.type}:
            return self._label_comparison(left, sign, right)
        sides = (_number(left), _number(right))
        return self._node(_COMPARISONS[sign.text], sign.column, sides[::-1] if sign.text[0] == "<" else sides)

    def _label_comparison(self, left: Tree, sign: Token, right: Tree) -> Tree:
        signal, label = (right, left) if left.type is Type.LABEL else (left, right)
        if signal.op is not Op.VALUE:
            raise ConditionRefused(label.column, "a label can be compared with a signal only")
        if sign.text not in {"==", "!="}:
            raise ConditionRefused(sign.column, f"a label has no order: expected == or !=, found {sign}")
        same = Tree(Op.IS_LABEL, label.column, signal=signal.signal, label=label.label)
        return same if sign.text == "==" else self._node(Op.NOT, sign.column, (same,))

    def _sum(self) -> Tree:
        return self._chain(_SUMS, self._product)

    def _product(self) -> Tree:
        return self._chain(_PRODUCTS, self._sign)

    def _chain(self, ops: dict[str, Op], part: Callable[[], Tree]) -> Tree:
        tree = part()
        while self._sees(*ops):
            sign = self._take()
            tree = self._node(ops[sign.text], sign.column, (_number(tree), _number(part())))
        return tree

    def _sign(self) -> Tree:
        if not self._sees("-", "+"):
            return self._operand()
        sign = self._take()
        operand = _number(self._deeper(self._sign))
        return self._node(Op.NEGATE, sign.column, (operand,)) if sign.text == "-" else operand

    def _operand(self) -> Tree:
        token = self._take()
        match token:
            case Token(Kind.NUMBER):
                return self._node(Op.CONSTANT, token.column, number=token.number)
            case Token(Kind.NAME):
                return self._node(Op.VALUE, token.column, signal=token.text)
            case Token(Kind.LABEL):
                return self._node(Op.LABEL, token.column, label=token.text)
            case Token(Kind.DURATION):
                raise ConditionRefused(token.column, "a duration stands in avg, min and max only, after a signal")
            case Token(Kind.SIGN, text="("):
                tree = self._deeper(self._or)
                self._expect(")", "an operator or )")
                return tree
            case Token(Kind.WORD) if token.text not in _RESERVED:
                return self._call(token) if self._sees("(") else self._node(Op.VALUE, token.column, signal=token.text)
            case _:
                raise ConditionRefused(token.column, f"expected a signal, a number or (, found {token}")

    def _call(self, function: Token) -> Tree:
        if function.text not in _FUNCTIONS:
            raise ConditionRefused(function.column, f"no function {function.text!r}; there are {', '.join(_FUNCTIONS)}")
        self._take()
        tree = self._deeper(lambda: self._called(function))
        self._expect(")", "an operator or )")
        return tree

    def _called(self, function: Token) -> Tree:
        first = self._or()
        name, column = function.text, function.column
        if name in _EDGES:
            return self._node(_EDGES[name], column, (self._truth(first),))
        if name in _SAMPLED:
            return self._node(_SAMPLED[name], column, signal=_signal(first, name))
        if name == "abs":
            return self._node(Op.ABS, column, (_number(first),))
        self._expect(",", "an operator or ,")
        if self._next.kind is Kind.DURATION:
            span_ns = round(self._take().number)
            return self._node(_WINDOWS[name], column, signal=_signal(first, f"{name} with a duration"), span_ns=span_ns)
        if name == "avg":
            raise ConditionRefused(self._next.column, f"expected a duration such as 5s, found {self._next}")
        return self._node(_OF_TWO[name], column, (_number(first), _number(self._or())))

    def _deeper(self, part: Callable[[], Tree]) -> Tree:
        self._level += 1
        if self._level > DEPTH:
            raise ConditionRefused(self._next.column, f"nested deeper than {DEPTH} levels")
        tree = part()
        self._level -= 1
        return tree

    def _truth(self, tree: Tree) -> Tree:
        if tree.op is Op.VALUE:
            return self._node(Op.UNEQUAL, tree.column, (tree, self._node(Op.CONSTANT, tree.column)))
        return _of_type(Type.TRUTH, tree)

    def _node(
        self,
        op: Op,
        column: int,
        operands: tuple[Tree, ...] = (),
        *,
        signal: str = "",
        number: float = 0.0,
        label: str = "",
        span_ns: int = 0,
    ) -> Tree:
        self._nodes += 1
        if self._nodes > NODES:
            raise ConditionRefused(column, f"more than {NODES} operations")
        return Tree(op, column, operands, signal=signal, number=number, label=label, span_ns=span_ns)


def _number(tree: Tree) -> Tree:
    return _of_type(Type.NUMBER, tree)


def _of_type(expected: Type, tree: Tree) -> Tree:
    if tree.type is Type.LABEL:
        raise ConditionRefused(tree.column, "a label can only be compared, by == or !=, with a signal")
    if tree.type is not expected:
        raise ConditionRefused(tree.column, f"expected {expected.value}, found {tree.type.value} ({tree.op.value})")
    return tree


def _signal(tree: Tree, function: str) -> str:
    if tree.op is not Op.VALUE:
        raise ConditionRefused(tree.column, f"{function} takes a signal's name, nothing that is computed")
    return tree.signal


def _judge_depth(tree: Tree) -> None:
    """Chains of + and * are as deep as they are long."""
    level = [tree]
    for _ in range(DEPTH):
        level = [operand for node in level for operand in node.operands]
    if level:
        raise ConditionRefused(level[0].column, f"nested deeper than {DEPTH} levels")

"""A parsed condition: a bounded tree of our own operations, each of which has one type. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

DEPTH = 32
NODES = 256


class Type(Enum):
    """What a part of a condition gives."""

    NUMBER = "a number"
    TRUTH = "something true or false"
    LABEL = "a label"


class Op(Enum):
    """Every operation there is; nothing else can stand in a tree."""

    CONSTANT = "constant"
    VALUE = "value"
    """of the signal's last sample"""
    LABEL = "label"
    """a text, on its way into an IS_LABEL"""
    IS_LABEL = "is label"
    AGE = "age"
    ISNULL = "isnull"
    CHANGED = "changed"
    AVERAGE = "avg"
    LOWEST = "lowest"
    HIGHEST = "highest"
    """of a window; MIN and MAX are of two numbers"""
    NEGATE = "negate"
    ABS = "abs"
    MIN = "min"
    MAX = "max"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    ABOVE = ">"
    AT_LEAST = ">="
    EQUAL = "=="
    UNEQUAL = "!="
    NOT = "not"
    AND = "and"
    OR = "or"
    RISING = "rising"
    FALLING = "falling"


_TRUTHS = {
    Op.IS_LABEL,
    Op.ISNULL,
    Op.CHANGED,
    Op.ABOVE,
    Op.AT_LEAST,
    Op.EQUAL,
    Op.UNEQUAL,
    Op.NOT,
    Op.AND,
    Op.OR,
    Op.RISING,
    Op.FALLING,
}


@dataclass(frozen=True, slots=True)
class Tree:
    """One operation on its operands; AND and OR have two or more."""

    op: Op
    column: int
    """where it stands in the text, counted from 1"""
    operands: tuple["Tree", ...] = ()
    signal: str = ""
    """of the operations on a signal's samples, which have no operands: its name, as written until it is bound"""
    number: float = 0.0
    """of a CONSTANT"""
    label: str = ""
    """of LABEL and IS_LABEL"""
    raws: tuple[int, ...] = ()
    """of IS_LABEL, once bound: the raw numbers it stands for, as `SampleBlock.raw` has them"""
    span_ns: int = 0
    """of a window"""

    @property
    def type(self) -> Type:
        """What it gives."""
        if self.op is Op.LABEL:
            return Type.LABEL
        return Type.TRUTH if self.op in _TRUTHS else Type.NUMBER

    def nodes(self) -> Iterator["Tree"]:
        """Itself and all below, operands before what they are operands of."""
        for operand in self.operands:
            yield from operand.nodes()
        yield self


def signals_of(tree: Tree) -> tuple[str, ...]:
    """Each signal's name once, in the order of the text."""
    return tuple(dict.fromkeys(node.signal for node in tree.nodes() if node.signal))

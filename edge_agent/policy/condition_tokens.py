"""The words of a condition's text: names, numbers, durations, labels and signs, each with its column. Pure.

The formulas of mapping files (`decode/formula.py`) are read by Python's own grammar, which has no durations, no
backquotes, no name with an `@`, and binds `not` and comparisons in a chain otherwise than a rule's author expects.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from edge_agent.errors import ConditionRefused

CHARACTERS = 4096
MIN_WINDOW_NS = 10_000_000
MAX_WINDOW_NS = 3_600_000_000_000
UNITS_NS = {"ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}

_TOKEN = re.compile(
    r"""
      (?P<number> (?: [0-9]+ (?:\.[0-9]*)? | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? ) (?P<unit> [^\W\d]\w* )?
    | (?P<word> [^\W\d]\w* (?: [.@]\w+ )* )
    | ` (?P<quoted> [^`]+ ) `
    | ' (?P<label> (?: [^'] | '' )* ) '
    | (?P<sign> == | != | <= | >= | [-+*/()<>,] )
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_MEANT = {
    "=": "to compare, write ==",
    "!": "write `not`, or != to compare",
    "&": "write `and`",
    "|": "write `or`",
    '"': "a label stands in single quotes",
    "'": "a label ends with a single quote, which is missing",
    "`": "a name in backquotes is not empty and ends with a backquote, which is missing",
}


class Kind(Enum):
    """What a token is."""

    NUMBER = "a number"
    DURATION = "a duration"
    WORD = "a name"
    """plain: a signal's name, a function's, or one of `and or not`"""
    NAME = "a name in backquotes"
    LABEL = "a label"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a condition."""

    kind: Kind
    column: int
    """of its first character, counted from 1"""
    text: str
    """without quotes"""
    number: float = 0.0
    """of a NUMBER; nanoseconds of a DURATION"""

    def __str__(self) -> str:
        return self.kind.value if self.kind is Kind.END else repr(self.text)


def tokens_of(text: str) -> Iterator[Token]:
    """All words in order, and one END. Raises ConditionRefused where a text is too long or a word is none."""
    if len(text) > CHARACTERS:
        raise ConditionRefused(CHARACTERS + 1, f"the condition has {len(text)} characters; {CHARACTERS} are read")
    at = _after_space(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            meant = _MEANT.get(text[at])
            raise ConditionRefused(at + 1, f"{text[at]!r} has no meaning here" + (f": {meant}" if meant else ""))
        yield _token(match, at + 1)
        at = _after_space(text, match.end())
    yield Token(Kind.END, len(text) + 1, "")


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _token(match: re.Match[str], column: int) -> Token:
    match match.lastgroup:
        case "number" | "unit":
            return _number(match["number"], match["unit"], column)
        case "word":
            return Token(Kind.WORD, column, match["word"])
        case "quoted":
            return Token(Kind.NAME, column, match["quoted"])
        case "label":
            return Token(Kind.LABEL, column, match["label"].replace("''", "'"))
        case _:
            return Token(Kind.SIGN, column, match["sign"])


def _number(digits: str, unit: str | None, column: int) -> Token:
    number = float(digits)
    if not math.isfinite(number):
        raise ConditionRefused(column, "the number is too large")
    if unit is None:
        return Token(Kind.NUMBER, column, digits, number)
    if unit not in UNITS_NS:
        raise ConditionRefused(column + len(digits), f"{unit!r} is no unit of a duration: {', '.join(UNITS_NS)}")
    span_ns = number * UNITS_NS[unit]
    if not MIN_WINDOW_NS <= span_ns <= MAX_WINDOW_NS:
        raise ConditionRefused(column, f"{digits}{unit} is no length of a window: 10ms to 1h")
    return Token(Kind.DURATION, column, f"{digits}{unit}", round(span_ns))

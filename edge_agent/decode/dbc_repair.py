"""DBC files that cantools refuses for a few statements: without these, or with these put right, they load. Pure.

Which they are cantools says itself; whatever else it complains of is left to it.

    VAL_, SIG_VALTYPE_ of a signal that no message has    left behind by an edit: taken out
    BA_, BA_REL_ of an attribute that is not defined      the same
    BO_ with more than 11 bits in its id, but 29 at most  read as a 29-bit id, which alone can be meant: bit 31, which
                                                          tells it, was forgotten (public files of GM and VW have it)
    BO_ with more than 29 bits in its id                  no frame can have it: the message is taken out

Every line keeps its number.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_STRING = re.compile(r'"(?:\\"|[^"])*"')
_STATEMENT = re.compile(r"^[ \t]*(VAL_|SIG_VALTYPE_|BA_REL_|BA_|BA_DEF_REL_|BA_DEF_)[ \t][^;]*;", re.MULTILINE)
_MESSAGE = re.compile(
    r"^[ \t]*BO_[ \t]+(?P<id>\d+)[ \t]+(?P<name>\w+)[^\n]*(?:\n[ \t]*SG_[ \t][^\n]*|\n[ \t]*(?=\n))*", re.MULTILINE
)
_UNUSED = re.compile(r"unused (?:VAL_|SIG_VALTYPE_) entries in DBC")
_UNUSED_ENTRY = re.compile(r"^ +(VAL_|SIG_VALTYPE_) (\d+) (\w+)", re.MULTILINE)
_ID = re.compile(r"\b(?:BO_|SG_|VAL_|SIG_VALTYPE_|SG_MUL_VAL_|SIG_GROUP_|BO_TX_BU_)[ \t]+(?P<id>\d+)\b")
"""wherever a statement names a message"""
_TOO_WIDE = re.compile(r"frame id 0x[0-9a-f]+ is more than (?:11|29) bits")
_UNKNOWN_KEY = re.compile("DBC: \"'(.*)'\"")
_EXTENDED = 0x8000_0000
"""bit 31 of an id in a DBC file tells a 29-bit one"""
_ID_BITS, _STANDARD_ID_BITS = 29, 11
_NO_MESSAGE = "VECTOR__INDEPENDENT_SIG_MSG"
"""what cantools passes over by itself, whatever its id"""


class Repaired(NamedTuple):
    """A text without some of its statements, and a sentence on each that was named."""

    text: str
    remarks: tuple[str, ...]


class _Statement(NamedTuple):
    keyword: str
    start: int
    end: int
    words: list[str]
    """the first few after the keyword; a string is one word, without its quotes"""


class _Change(NamedTuple):
    start: int
    end: int
    text: str
    """what takes its place"""
    reason: str = ""
    """empty where it only goes with another"""


def repaired(text: str, complaint: str) -> Repaired | None:
    """Without what cantools complains of; None where that is something else, or cannot be found."""
    hidden = _STRING.sub(_blank_string, text)
    changes = sorted(_changes(text, hidden, complaint))
    if not changes:
        return None
    parts, remarks, at = [], [], 0
    for one in changes:
        parts += [text[at : one.start], one.text]
        at = one.end
        if one.reason:
            line = text.count("\n", 0, one.start) + 1
            remarks.append(f"line {line}: {one.reason}")
    return Repaired("".join([*parts, text[at:]]), tuple(remarks))


def _changes(text: str, hidden: str, complaint: str) -> Iterator[_Change]:
    key = _UNKNOWN_KEY.search(complaint)
    if _UNUSED.search(complaint):
        yield from _of_no_signal(text, hidden, complaint)
    elif _TOO_WIDE.search(complaint):
        yield from _too_wide(text, hidden)
    elif key:
        yield from _of_no_definition(text, hidden, key[1])


def _of_no_signal(text: str, hidden: str, complaint: str) -> Iterator[_Change]:
    unused = set(_UNUSED_ENTRY.findall(complaint))
    for one in _statements(text, hidden):
        if (one.keyword, *one.words[:2]) in unused:
            named = f"{one.keyword} {' '.join(one.words[:2])}"
            yield _left_out(text, one.start, one.end, f"{named} is of a signal that no message has; left out")


def _too_wide(text: str, hidden: str) -> Iterator[_Change]:
    """Each message that has such an id, and all that speaks of it."""
    messages = [match for match in _MESSAGE.finditer(hidden) if match["name"] != _NO_MESSAGE]
    taken = {int(match["id"]) for match in messages}
    longer, gone = set(), set()
    for match in messages:
        number, named = int(match["id"]), f"message {match['name']}: {int(match['id']) & ~_EXTENDED:#x}"
        if (number & ~_EXTENDED) >> _ID_BITS:
            gone.add(match["id"])
            yield _left_out(text, _begin(match), match.end(), f"{named} is no id; the message is left out")
        elif number >> _STANDARD_ID_BITS and not number & _EXTENDED:
            if number | _EXTENDED in taken:
                gone.add(match["id"])
                reason = f"{named} is no 11-bit id, and as a 29-bit one another message's; the message is left out"
                yield _left_out(text, _begin(match), match.end(), reason)
            else:
                longer.add(match["id"])
                yield _Change(_begin(match), _begin(match), "", f"{named} is no 11-bit id; it is read as a 29-bit one")
    for match in _ID.finditer(hidden):
        if match["id"] in longer:
            yield _Change(match.start("id"), match.end("id"), str(int(match["id"]) | _EXTENDED))
    for one in _statements(text, hidden):
        if one.keyword in ("VAL_", "SIG_VALTYPE_") and one.words and one.words[0] in gone:
            yield _left_out(text, one.start, one.end)


def _of_no_definition(text: str, hidden: str, name: str) -> Iterator[_Change]:
    """Every attribute that lacks its definition, if `name` is one: cantools tells the first alone."""
    statements = list(_statements(text, hidden))
    # Of an attribute the first string is its name, in definitions behind what it is an attribute of.
    defined = {word for one in statements if "DEF" in one.keyword for word in one.words[:2]}
    given = [one for one in statements if one.keyword in ("BA_", "BA_REL_") and one.words]
    if name in defined or name not in {one.words[0] for one in given}:
        return
    for one in given:
        if one.words[0] not in defined:
            reason = f'{one.keyword} "{one.words[0]}": no such attribute is defined; left out'
            yield _left_out(text, one.start, one.end, reason)


def _statements(text: str, hidden: str) -> Iterator[_Statement]:
    for match in _STATEMENT.finditer(hidden):
        start = _begin(match)
        behind = text[start + len(match[1]) : match.end() - 1]
        words = [word.strip('":') for word in re.findall(r'"(?:\\"|[^"])*"|\S+', behind)[:3]]
        yield _Statement(match[1], start, match.end(), words)


def _left_out(text: str, start: int, end: int, reason: str = "") -> _Change:
    return _Change(start, end, _blank(text[start:end]), reason)


def _begin(match: re.Match[str]) -> int:
    """Without the blanks before it."""
    return match.end() - len(match[0].lstrip())


def _blank_string(match: re.Match[str]) -> str:
    return '"' + _blank(match[0][1:-1]) + '"'


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)

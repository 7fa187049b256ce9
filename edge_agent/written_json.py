"""JSON that somebody wrote: whatever is wrong with it is told with its line, in words of JSON. Pure.

Python's own reader takes the last of two equal names, which loses what was written, and half a surrogate pair, which
fails whoever writes it on; and of what it refuses it tells a part in words of Python. NaN it takes too: that is left to
whoever judges the numbers, by their places.
"""

import json
import re
import sys

from edge_agent.errors import JsonRefused

_PART = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<names>\s*:)?|[{}]|[^\s{}\[\],:"]+')
"""A text, which may be a name; a brace; a number or a word; of JSON that is well-formed up to there."""


def read_json(written: str | bytes) -> object:
    """What it says. No name stands twice in one object, and UTF-8 can hold every text. Raises JsonRefused."""
    text = (_decoded(written) if isinstance(written, bytes) else written).removeprefix("\ufeff")
    try:
        found: object = json.loads(text, object_pairs_hook=_each_once)
    except json.JSONDecodeError as error:
        raise JsonRefused(f"not JSON: {error.msg}", (error.lineno, error.colno)) from error
    except RecursionError as error:
        raise JsonRefused("nested too deeply") from error
    except ValueError as error:  # of the hook, or of `int`: neither says where it stands
        raise _refusal(text) from error
    if r"\ud" in text.lower() or not _is_unicode(text):
        _judge_texts(text)
    return found


def _decoded(written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        raise JsonRefused(f"not UTF-8 at byte {error.start}") from error


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _refusal(text: str) -> JsonRefused:
    """Of the first thing that the hook or `int` refuses."""
    most_digits = sys.get_int_max_str_digits()
    names: list[set[str]] = []
    for found in _PART.finditer(text):
        part, digits = found[0], found[0].lstrip("-")
        if part == "{":
            names.append(set())
        elif part == "}":
            names.pop()
        elif digits.isdecimal() and 0 < most_digits < len(digits):
            return JsonRefused(f"a number of more than {most_digits:,} digits", _place(text, found.start()))
        elif found["names"]:
            name = json.loads(found["text"])
            if name in names[-1]:
                return JsonRefused(f"{name!r} stands twice in one object", _place(text, found.start()))
            names[-1].add(name)
    raise AssertionError("JSON was refused, and nothing in it is wrong")


def _judge_texts(text: str) -> None:
    for found in _PART.finditer(text):
        if found["text"] and not _is_unicode(json.loads(found["text"])):
            raise JsonRefused("half a surrogate pair, which UTF-8 cannot hold", _place(text, found.start()))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(text: str, at: int) -> tuple[int, int]:
    """Line and column from 1, as Python's reader counts them."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)

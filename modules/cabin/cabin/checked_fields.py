"""A record made of what somebody typed: each field is judged by its type, every mistake is told with its place.

msgspec converts. It stops at the first mistake, so fields are judged one by one. With pydantic in its place the process
held 8 MB more, a sixth of all (docs/cabin.md).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Meta, ValidationError, convert

from cabin.errors import MessageRejected, Rejected

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
_PLACE = re.compile(r" - at `\$(.*)`$")
_INDEX = re.compile(r"\[(\d+)\]")


class Mistaken(Rejected):
    """What was given is no such record; `mistakes` has each of its mistakes, in their order."""

    def __init__(self, mistakes: list[MessageRejected]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(one.sentence() for one in mistakes))


def record_of(given: Mapping[str, object], kind: type[Record], *, texts: bool = False) -> Record:
    """`given` as the dataclass `kind`; what is not given is as by default. Raises Mistaken.

    With `texts` a text may stand for a number; without, a number must be one. A mistake is told by the `description`
    of the field's `Meta`, or by the values that its Literal or Enum has. A class that msgspec does not know is called
    with the value, and raises ValueError, a sentence, for one that it refuses; so is the class of a mapping's keys,
    which stay the texts that they were.
    """
    kinds = get_type_hints(kind, include_extras=True)
    mistakes: list[MessageRejected] = []
    for name, value in given.items():
        if name in kinds:
            mistakes += _mistakes(name, value, kinds[name], texts=texts)
        else:
            mistakes.append(MessageRejected(name, f"is none of {', '.join(one.name for one in fields(kind))}"))
    if mistakes:
        raise Mistaken(mistakes)
    return convert(given, kind, strict=not texts, dec_hook=_made)


def _mistakes(place: str, value: object, kind: object, *, texts: bool) -> Iterator[MessageRejected]:
    if get_origin(kind) is dict and isinstance(value, dict):
        of_key, of_value = get_args(kind)
        for key, inner in value.items():
            yield from _mistakes(f"{place}.{key}", key, of_key, texts=texts)
            yield from _mistakes(f"{place}.{key}", inner, of_value, texts=texts)
        return
    try:
        convert(value, kind, strict=not texts, dec_hook=_made)
    except ValidationError as error:
        inner_place = _PLACE.search(str(error))
        place += _INDEX.sub(r".\1", inner_place[1]) if inner_place else ""
        yield MessageRejected(place, _rule(kind) or _PLACE.sub("", str(error)))
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and a variable's stray byte becomes
        yield MessageRejected(place, _rule(kind) or "must be text that UTF-8 can write")


def _rule(kind: object) -> str | None:
    """What a value must be, of the first that says so: a Literal, an Enum, a description."""
    if isinstance(kind, Meta):
        return kind.description
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of(one.value for one in kind)
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    return next((rule for part in get_args(kind) if (rule := _rule(part))), None)


def _one_of(values: Iterable[object]) -> str:
    return f"must be one of {', '.join(map(str, values))}"


def _made(kind: type, value: object) -> object:
    return kind(value)

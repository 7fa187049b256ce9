from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal, Self

import pytest
from msgspec import Meta

from cabin.checked_fields import Mistaken, record_of


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Word(str):
    __slots__ = ()

    def __new__(cls, text: object) -> Self:
        if text == "no":
            raise ValueError("must not be no")
        return super().__new__(cls, f"{text}!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    size: Size | None = None
    tongue: Literal["en", "de"] = "en"
    number: Annotated[int, Meta(ge=1, description="must be a number from 1 on")] = 1
    plain: int = 0
    word: Word = Word("yes")  # noqa: RUF009
    texts: tuple[str, ...] = ()
    named: dict[Word, Annotated[str, Meta(min_length=1)]] = field(default_factory=dict)


def mistakes(given: dict[str, object], *, texts: bool = False) -> list[str]:
    with pytest.raises(Mistaken) as refused:
        record_of(given, Made, texts=texts)
    assert all(one.sentence() in refused.value.sentence() for one in refused.value.mistakes)
    return [one.sentence() for one in refused.value.mistakes]


def test_what_is_not_given_is_as_by_default() -> None:
    assert record_of({}, Made) == Made()


def test_each_field_is_made_as_its_type_has_it() -> None:
    given = {"size": "large", "tongue": "de", "number": 2, "word": "so", "texts": ["a"], "named": {"a": "b"}}

    made = record_of(given, Made)

    assert (made.size, made.tongue, made.number, made.word) == (Size.LARGE, "de", 2, "so!")
    assert (made.texts, made.named) == (("a",), {"a": "b"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"size": "huge"}, "size: must be one of small, large"),
        ({"tongue": "fr"}, "tongue: must be one of en, de"),
        ({"number": 0}, "number: must be a number from 1 on"),
        ({"number": "2"}, "number: must be a number from 1 on"),
        ({"number": True}, "number: must be a number from 1 on"),
        ({"plain": 1.5}, "plain: Expected `int`, got `float`"),
        ({"word": "no"}, "word: must not be no"),
        ({"texts": ["a", 7]}, "texts.1: Expected `str`, got `int`"),
        ({"named": {"no": "b"}}, "named.no: must not be no"),
        ({"named": {"a": ""}}, "named.a: Expected `str` of length >= 1"),
        ({"named": []}, "named: Expected `object`, got `array`"),
        ({"tongue": "\ud800"}, "tongue: must be one of en, de"),
        ({"named": "\ud800"}, "named: must be text that UTF-8 can write"),
        ({"colour": 1}, "colour: is none of size, tongue, number, plain, word, texts, named"),
    ],
)
def test_a_mistake_is_told_with_its_place(given: dict[str, object], told: str) -> None:
    assert mistakes(given) == [told]


def test_every_mistake_is_told() -> None:
    assert len(mistakes({"number": 0, "plain": "x", "named": {"a": "", "no": 3}, "x": 1})) == 6


def test_of_texts_numbers_are_read() -> None:
    assert record_of({"number": "2", "plain": "3"}, Made, texts=True) == Made(number=2, plain=3)
    assert mistakes({"number": "0", "plain": "x"}, texts=True) == [
        "number: must be a number from 1 on",
        "plain: Expected `int`, got `str`",
    ]

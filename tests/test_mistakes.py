from typing import Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from edge_agent.mistakes import mistakes, path, placed


class Inner(BaseModel, extra="forbid"):
    count: int = Field(default=1, ge=1, le=9_000_000)
    share: float = Field(default=0.5, gt=0)


class Outer(BaseModel, extra="forbid"):
    names: tuple[str, ...] = Field(min_length=1)
    inner: Inner = Inner()
    counts: dict[str, int] = Field(default={})
    colour: Literal["red", "green"] = "red"

    @field_validator("names")
    @classmethod
    def _differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("Two are the same")
        return names


def told(document: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(document)
    return [f"{path(place)}: {message}" for place, message in mistakes(refused.value)]


@pytest.mark.parametrize(
    ("document", "sentences"),
    [
        ({}, ["names: must be given"]),
        ({"names": []}, ["names: must not be empty"]),
        ({"names": "one"}, ["names: must be a list"]),
        ({"names": [1, 2]}, ["names[0]: input should be a valid string", "names[1]: input should be a valid string"]),
        ({"names": ["a", "a"]}, ["names: two are the same"]),
        ({"names": ["a"], "inner": 1}, ["inner: input should be an object"]),
        ({"names": ["a"], "counts": [1]}, ["counts: input should be an object"]),
        ({"names": ["a"], "inner": {"count": 0}}, ["inner.count: must be >= 1"]),
        ({"names": ["a"], "inner": {"count": 9_000_001}}, ["inner.count: must be <= 9000000"]),
        ({"names": ["a"], "inner": {"share": 0}}, ["inner.share: must be > 0"]),
        ({"names": ["a"], "inner": {"size": 0}}, ["inner.size: no such field here"]),
        ({"names": ["a"], "colour": "blue"}, ["colour: input should be 'red' or 'green'"]),
    ],
)
def test_a_mistake_is_told_in_the_documents_words(document: object, sentences: list[str]) -> None:
    assert told(document) == sentences


def test_a_place_reads_as_one_would_write_it() -> None:
    assert path(("rules", "idle", "signals", 0)) == "rules.idle.signals[0]"
    assert path((0, "name")) == "[0].name"
    assert path(()) == ""


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (("inner", "count"), ("inner.count", "is wrong")),
        (("inner", "share"), ("inner", "share is wrong")),
        (("names", 1), ("names[1]", "is wrong")),
        (("names", 2, "x"), ("names", "2 x is wrong")),
        (("absent",), ("", "absent is wrong")),
    ],
)
def test_what_is_missing_is_told_where_it_should_be(place: tuple[int | str, ...], told: tuple[str, str]) -> None:
    existing, message = placed(place, "is wrong", {"inner": {"count": 1}, "names": ["a", "b"]})
    assert (path(existing), message) == told

"""The published schema and the reader agree on what an item is."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cabin.calendar.items import meeting_of
from cabin.errors import MessageRejected
from tests.cabin.calendar.sealing import ITEMS

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "calendar-item-1.schema.json").read_text())
WHOLE: dict[str, Any] = {"title": "t", "start": 10, "end": 20}


def is_read(item: object) -> bool:
    try:
        meeting_of(json.dumps(item).encode(), profile="p1", key="a", version=1)
    except MessageRejected:
        return False
    return True


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("item", ITEMS)
def test_the_vectors_are_valid(item: dict[str, Any]) -> None:
    assert Draft202012Validator(SCHEMA).is_valid(item)
    assert is_read(item)


@pytest.mark.parametrize(
    "item",
    [
        [],
        {},
        {"title": "t"},
        WHOLE | {"start": "10"},
        WHOLE | {"end": None},
        WHOLE | {"start": -1},
        WHOLE | {"title": "x" * 301},
        WHOLE | {"link": "x" * 2001},
        WHOLE | {"tel": 4969},
        {"days": ["2026-11-22"]},
        {"days": ["22.11.2026", "22.11.2026"]},
        {"days": "2026-11-22"},
    ],
)
def test_what_the_schema_refuses_is_not_read(item: object) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid(item)
    assert not is_read(item)

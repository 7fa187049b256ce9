"""The published schemas, as validators."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCS = Path(__file__).parents[2] / "docs"
FILES = {"columns/1": "columns-1.schema.json", "rows/1": "rows-1.schema.json", "trip/1": "trip-1.schema.json"}


def schema(name: str) -> dict[str, Any]:
    text = (DOCS / FILES[name]).read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def assert_valid(payload: bytes) -> None:
    """One line of JSON that its schema describes."""
    assert payload.endswith(b"\n")
    assert payload.count(b"\n") == 1
    body = json.loads(payload)
    validator = Draft202012Validator(schema(body["schema"]))
    assert not [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def properties(part: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named field of a schema, with its path."""
    for name, field in part.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from properties(field, f"{path}.{name}")
    for below in ("items", "additionalProperties"):
        if isinstance(part.get(below), dict):
            yield from properties(part[below], f"{path}[]")

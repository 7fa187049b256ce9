"""The project's JSON files: judged by Microsoft's schemas, each fault with the line it stands on."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT7

SCHEMAS = Path(__file__).parents[4].parent / "shared" / "data" / "pbir_schemas"
"""microsoft/json-schemas (MIT), its folders as they are"""
_ADDRESS = "https://developer.microsoft.com/json-schemas/"
_SUFFIXES = {".json", ".pbip", ".pbir", ".pbism"}

Steps: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that is wrong: where, and a sentence."""

    file: str
    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON file: what it says, and the line of each of its values."""

    file: str
    value: object
    lines: Mapping[Steps, int]


def documents(project: Path) -> Iterator[Document | Finding]:
    """Every JSON file of a project; one that is none is a finding."""
    for path in sorted(project.rglob("*")):
        if (
            path.is_file()
            and (path.suffix in _SUFFIXES or path.name == ".platform")
            and "node_modules" not in path.parts
        ):
            name = path.relative_to(project).as_posix()
            text = path.read_text(encoding="utf-8")
            try:
                yield Document(name, json.loads(text), _lines(text))
            except json.JSONDecodeError as error:
                yield Finding(name, error.lineno, error.msg)


def judge(document: Document) -> Iterator[Finding]:
    """What the schema that the file names says against it."""
    assert isinstance(document.value, dict)
    schema = document.value.get("$schema")
    if schema is None:
        return
    if schema not in _registry():
        yield Finding(document.file, document.lines["$schema",], f"no such schema: {schema}")
        return
    for error in Draft7Validator({"$ref": schema}, registry=_registry()).iter_errors(document.value):
        close = best_match([error]) or error
        yield Finding(document.file, document.lines[tuple(close.absolute_path)], close.message)


@cache
def _registry() -> Registry[object]:
    files = sorted(SCHEMAS.rglob("*.json"))
    assert files, f"no schemas in {SCHEMAS}"
    return Registry().with_resources(
        (_ADDRESS + path.relative_to(SCHEMAS).as_posix(), DRAFT7.create_resource(json.loads(path.read_text())))
        for path in files
    )


def _lines(text: str) -> dict[Steps, int]:
    found: dict[Steps, int] = {}
    _walk(text, 0, (), found)
    return found


_SPACE = re.compile(r"[ \t\r\n:,]*")
_DECODER = json.JSONDecoder()


def _walk(text: str, at: int, path: Steps, found: dict[Steps, int]) -> int:
    """The place behind the value that begins at `at`; `text` is JSON that parses."""
    at = _skip(text, at)
    found[path] = text.count("\n", 0, at) + 1
    if text[at] not in "{[":
        return _DECODER.raw_decode(text, at)[1]
    closing, count = "}" if text[at] == "{" else "]", 0
    at = _skip(text, at + 1)
    while text[at] != closing:
        key: str | int = count
        if closing == "}":
            key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _walk(text, at, (*path, key), found))
        count += 1
    return at + 1


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches the empty text too

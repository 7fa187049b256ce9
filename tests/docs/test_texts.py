"""What is shown as JSON, TOML, INI or Python is that; documents of the twin would run."""

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge_agent.policy.condition_syntax import parse
from edge_agent.twin.document import judge
from tests.docs.pages import ROOT, Block, blocks

READ_ALONE = {"text", "mermaid", "kql", "sql"}
"""languages of which nothing here knows the grammar"""
COMMANDS = {"sh", "console"}
"""held to what they do by test_commands.py"""


def _json(text: str) -> object:
    return json.loads(text)


def _jsonc(text: str) -> object:
    """Comments, and a member that stands alone."""
    plain = re.sub(r"^\s*//.*$|\s//\s.*$", "", text, flags=re.MULTILINE).strip()
    return json.loads(plain if plain.startswith(("{", "[")) else f"{{{plain}}}")


def _ini(text: str) -> object:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), allow_no_value=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's keys have capitals
    parser.read_string(text)
    return parser.sections()


CHECKS: dict[str, Callable[[str], object]] = {
    "json": _json,
    "jsonc": _jsonc,
    "toml": tomllib.loads,
    "ini": _ini,
    "python": ast.parse,
}
SHOWN = [block for block in blocks() if block.language in CHECKS]


def objects(block: Block) -> list[dict[str, Any]]:
    """What a JSON block holds; nothing where it cannot be read, which another test tells."""
    try:
        found = json.loads(block.text)
    except ValueError:
        return []
    return [found] if isinstance(found, dict) else []


OBJECTS = [(block, found) for block in blocks() if block.language == "json" for found in objects(block)]
DOCUMENTS = [(str(block), found) for block, found in OBJECTS if {"schema_version", "rules"} <= found.keys()]
RULES = [(str(block), found) for block, found in OBJECTS if {"kind", "signals"} <= found.keys()]


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_a_block_says_what_it_is(block: Block) -> None:
    known = sorted(READ_ALONE | COMMANDS | CHECKS.keys())
    assert block.language in known, f"{block}: name what it is behind the fence, one of {known}: {block.first!r}"


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_a_block_can_be_read_as_what_it_says_it_is(block: Block) -> None:
    assert CHECKS[block.language](block.text) is not None


@pytest.mark.parametrize(("where", "document"), DOCUMENTS, ids=lambda one: one if isinstance(one, str) else "")
def test_a_document_of_the_twin_would_run(where: str, document: dict[str, Any]) -> None:
    judged = judge(document)

    assert judged.schema_version == 1, where
    for condition in conditions(document):
        parse(condition)


@pytest.mark.parametrize(("where", "rule"), RULES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_rule_that_stands_alone_would_run(where: str, rule: dict[str, Any]) -> None:
    assert judge({"schema_version": 1, "rules": {"shown": rule}}).rules, where
    for condition in conditions(rule):
        parse(condition)


def conditions(value: object) -> list[str]:
    """Of a document, wherever they stand."""
    match value:
        case dict():
            own = [text for key, text in value.items() if key in {"when", "while", "at"} and isinstance(text, str)]
            return own + [text for one in value.values() for text in conditions(one)]
        case list():
            return [text for one in value for text in conditions(one)]
    return []


def test_pages_show_documents_and_rules() -> None:
    assert len(DOCUMENTS) >= 4
    assert len(RULES) >= 4


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("**/*.json")), ids=lambda path: path.name)
def test_the_files_beside_the_pages_are_json_and_schemas_are_schemas(path: Any) -> None:
    found = json.loads(path.read_text())

    if path.name.endswith(".schema.json"):
        Draft202012Validator.check_schema(found)

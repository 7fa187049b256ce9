"""The schema that is shipped: made from the models, and of one mind with them."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from edge_agent.desk.twin_schema import twin_schema, twin_schema_text
from edge_agent.errors import DocumentRefused
from edge_agent.twin.document import judge
from tests.mutated import GOOD, mutated

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "docs" / "twin.schema.json"
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.json"))
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md")))
VALIDATOR = Draft202012Validator(twin_schema())


def faults(document: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def blocks(text: str) -> list[Any]:
    """What stands in JSON blocks and commands of a page, where it is JSON."""
    found = []
    for block in re.findall(
        r"^```json\n(.*?)^```$|echo '(\{.*?\})' \| edge-agent twin set", text, re.DOTALL | re.MULTILINE
    ):
        try:
            found.append(json.loads(block[0] or block[1]))
        except ValueError:
            continue
    return found


SHOWN = [(page.name, block) for page in PAGES for block in blocks(page.read_text())]
DOCUMENTS = [
    (page, block) for page, block in SHOWN if isinstance(block, dict) and {"schema_version", "rules"} <= block.keys()
]
RULES = [(page, block) for page, block in SHOWN if isinstance(block, dict) and "kind" in block and "signals" in block]


def test_the_schema_that_is_shipped_is_what_the_models_give() -> None:
    """`edge-agent twin schema > docs/twin.schema.json` makes it anew."""
    assert SHIPPED.read_text() == twin_schema_text()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(twin_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_valid_by_it(path: Path) -> None:
    assert faults(json.loads(path.read_text())) == []


@pytest.mark.parametrize(("page", "document"), DOCUMENTS)
def test_the_documents_that_pages_show_are_valid_by_it(page: str, document: object) -> None:
    assert faults(document) == [], page


@pytest.mark.parametrize(("page", "rule"), RULES)
def test_the_rules_that_pages_show_are_valid_by_it(page: str, rule: object) -> None:
    assert faults({"schema_version": 1, "rules": {"shown": rule}}) == [], page


def test_pages_do_show_some() -> None:
    assert len(DOCUMENTS) >= 2
    assert len(RULES) >= 3


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_what_a_vehicle_takes_is_valid_by_it(document: dict[str, Any]) -> None:
    try:
        judge(document)
    except DocumentRefused:
        return
    assert not document.keys() - {"$version"} or faults(document) == []


@pytest.mark.parametrize(
    "change",
    [
        {"every_ms": 5},
        {"every_ms": "1000"},
        {"every": 5},
        {"kind": "perodic"},
        {"keep": ["median"]},
        {"signals": []},
        {"active": {"from": "today"}},
        {"lane": "cold"},
    ],
)
def test_a_mistake_in_a_rule_is_marked(change: dict[str, object]) -> None:
    document = deepcopy(GOOD)
    document["rules"]["steady"] |= change

    assert faults(document)


def test_a_name_that_no_twin_takes_is_marked() -> None:
    assert faults({"schema_version": 1, "rules": {"a.b": GOOD["rules"]["steady"]}})
    assert faults({"schema_version": 2, "rules": {}})
    assert faults({"rules": {}})


def test_every_field_is_explained() -> None:
    schema = twin_schema()
    models = [schema, *(model for name, model in schema["$defs"].items() if name.endswith("Spec"))]

    unexplained = {
        name
        for model in models
        for name, field in model["properties"].items()
        if "description" not in field and "$ref" not in field
    }

    assert unexplained <= {"schema_version", "rules", "kind", "from", "until", "every_ms", "deadband", "collect"}

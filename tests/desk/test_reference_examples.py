"""Each example is judged as the agent would judge it, in the place where it belongs."""

import json
from typing import Any

import pytest

from edge_agent.desk.reference_examples import BUS, SETTINGS, TWIN
from edge_agent.desk.reference_places import places_of
from edge_agent.desk.twin_schema import twin_schema
from edge_agent.policy.condition_syntax import parse
from edge_agent.settings import VARIABLES, BusSettings, settings_of_environment
from edge_agent.twin import document
from edge_agent.twin.document import RuleSpec, judge

NEEDED = {"BUSES": SETTINGS["BUSES"]}
KINDS: dict[str, dict[str, Any]] = {
    "PeriodicSpec": {"kind": "periodic", "every_ms": 1000, "signals": ["*"]},
    "OnChangeSpec": {"kind": "on_change", "signals": ["*"]},
    "EventSpec": {"kind": "event", "when": "A > 1", "signals": ["*"]},
    "SnapshotSpec": {"kind": "snapshot", "at": "A > 1", "signals": ["*"]},
}
FIELDS = [(model, field, text) for model, examples in TWIN.items() for field, text in examples.items()]


def rule_with(model: str, field: str, value: object) -> dict[str, Any]:
    """The least rule in which an example of a field can stand."""
    if model in KINDS:
        return KINDS[model] | {field: value}
    if model == "RuleSpec":
        return KINDS["PeriodicSpec"] | {field: value}
    path = next(place.path for place in places_of(twin_schema()) if place.model == model)
    key = path.rpartition(".")[2]
    owner = next(
        name
        for name in KINDS
        if key in {each.alias or own for own, each in getattr(document, name).model_fields.items()}
    )
    return KINDS[owner] | {key: {field: value}}


def document_with(model: str, field: str, value: object) -> dict[str, Any]:
    """The least document in which an example of a field can stand."""
    least: dict[str, Any] = {"schema_version": 1}
    if not model:
        return least | {field: value}
    path = next((place.path for place in places_of(twin_schema()) if place.model == model), "rules.NAME")
    if path.startswith("rules."):
        return least | {"rules": {"NAME": rule_with(model, field, value)}}
    return least | {path: ({"signals": ["*"]} if path == "state" else {}) | {field: value}}


def test_every_setting_has_an_example() -> None:
    """Give a new one its example in edge_agent/desk/reference_examples.py."""
    assert SETTINGS.keys() == VARIABLES.keys()
    assert BUS.keys() == BusSettings.model_fields.keys()


def test_every_field_of_the_document_has_an_example() -> None:
    """Give a new one its example in edge_agent/desk/reference_examples.py."""
    schema = twin_schema()
    common = {field.alias or name for name, field in RuleSpec.model_fields.items()}
    models = {"": schema, **schema["$defs"]}
    fields = {name: model["properties"].keys() - (common if name in KINDS else set()) for name, model in models.items()}

    assert {name: set(examples) for name, examples in TWIN.items()} == {
        **{name: set(keys) for name, keys in fields.items()},
        "RuleSpec": common,
    }


@pytest.mark.parametrize("variable", SETTINGS)
def test_the_example_of_a_setting_is_taken(variable: str) -> None:
    others = {name: SETTINGS[name] for name in ("SPOOL_KEY_FILE",) if variable == "SPOOL_ENCRYPTION"}

    settings_of_environment(NEEDED | others | {variable: SETTINGS[variable]})


@pytest.mark.parametrize("key", BUS)
def test_the_example_of_a_bus_is_taken(key: str) -> None:
    BusSettings.model_validate_json(json.dumps({"name": "n", "channel": "c", key: json.loads(BUS[key])}))


@pytest.mark.parametrize(("model", "field", "text"), FIELDS)
def test_the_example_of_a_field_of_the_document_is_taken(model: str, field: str, text: str) -> None:
    judge(document_with(model, field, json.loads(text)))


@pytest.mark.parametrize("text", [text for _, field, text in FIELDS if field in {"when", "while", "at"}])
def test_a_condition_among_the_examples_can_be_read(text: str) -> None:
    parse(json.loads(text))

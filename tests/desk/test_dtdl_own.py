"""That the model of what is not a signal says what the agent does."""

from dataclasses import fields
from typing import Any, cast

import pytest

from edge_agent.desk.dtdl_own import COMMANDS, READ_ONLY, writable
from edge_agent.desk.twin_schema import twin_schema
from edge_agent.observe.status import Status
from edge_agent.records import BusCounts, BusHealth
from edge_agent.twin.fitting import CUT, ROOMS

OWN = {str(one["name"]): cast("dict[str, Any]", one) for one in (*writable(), *READ_ONLY, *COMMANDS)}


def field_names(schema: Any) -> list[str]:
    return [field["name"] for field in schema["fields"]]


def test_a_rule_has_the_fields_of_every_kind() -> None:
    rule = OWN["rules"]["schema"]["mapValue"]["schema"]
    kinds = [model for model in twin_schema()["$defs"].values() if "kind" in model["properties"]]

    assert set(field_names(rule)) == {name for kind in kinds for name in kind["properties"]}
    [kind] = [field for field in rule["fields"] if field["name"] == "kind"]
    assert [value["name"] for value in kind["schema"]["enumValues"]] == ["periodic", "on_change", "event", "snapshot"]


def test_every_desired_property_can_be_written_unless_the_section_of_its_name_says_what_counts() -> None:
    desired = list(twin_schema()["properties"])  # of the tap the local bus itself says what counts

    assert [one["name"] for one in writable()] == [
        name for name in desired if name not in {"link", "budget", "log_level", "tap"}
    ]


def test_every_section_that_is_reported_is_a_property() -> None:
    assert {*ROOMS, CUT} == {name for name, one in OWN.items() if one["@type"] == "Property"}


def test_the_answer_of_status_and_the_health_of_a_bus_have_their_fields() -> None:
    assert field_names(OWN["status"]["response"]["schema"]) == [field.name for field in fields(Status)]
    health = OWN["health"]["schema"]["mapValue"]["schema"]
    assert set(field_names(health)) == {field.name for field in (*fields(BusCounts), *fields(BusHealth))}


@pytest.mark.parametrize("name", ["latest", "snapshot"])
def test_a_command_that_takes_something_says_what(name: str) -> None:
    assert "request" in OWN[name]

"""Models by the rules of DTDL v3, whatever a database calls its signals."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.desk.dtdl import ELEMENTS, Column, interfaces, name_of
from edge_agent.errors import DocumentRefused
from edge_agent.records import RawKind, SignalInfo
from tests.desk.dtdl_rules import mistakes

MODEL = "dtmi:com:example:vehicle;1"


def column(name: str = "Motor.Speed", unit: str = "", labels: dict[int, str] | None = None, **scale: Any) -> Column:
    averaged = scale.pop("averaged", False)
    info: dict[str, Any] = {"factor": 1.0, "offset": 0.0, "kind": RawKind.UNSIGNED, "bits": 8} | scale
    return Column(SignalInfo(name, unit, **info), labels or {}, is_averaged=averaged)


def made(*columns: Column, model_id: str = MODEL) -> list[dict[str, Any]]:
    """As a reader has them."""
    found: list[dict[str, Any]] = json.loads(json.dumps(interfaces(columns, model_id)))
    return found


def telemetry(one: Column) -> dict[str, Any]:
    [interface] = made(one)
    found: dict[str, Any]
    [found] = [content for content in interface["contents"] if "Telemetry" in content["@type"]]
    return found


def test_a_signal_is_a_telemetry_with_its_quantity() -> None:
    assert telemetry(column("Motion.VehicleSpeed", "km/h", factor=0.01, bits=16)) == {
        "@type": ["Telemetry", "Velocity"],
        "name": "Motion_VehicleSpeed",
        "displayName": "Motion.VehicleSpeed",
        "schema": "double",
        "unit": "kilometrePerHour",
        "comment": "unit: km/h",
    }


@pytest.mark.parametrize(
    ("one", "schema"),
    [
        (column(bits=1), "integer"),
        (column(bits=16, factor=2.0, offset=-40.0), "integer"),
        (column(bits=31), "integer"),
        (column(bits=32), "long"),
        (column(bits=32, kind=RawKind.SIGNED), "integer"),
        (column(bits=32, kind=RawKind.SIGNED, offset=1.0), "long"),
        (column(bits=64, kind=RawKind.SIGNED), "long"),
        (column(bits=64), "double"),
        (column(bits=8, factor=0.5), "double"),
        (column(bits=32, kind=RawKind.FLOAT), "double"),
        (column(bits=8, averaged=True), "double"),
    ],
)
def test_a_schema_holds_every_value_and_no_more_than_it_must(one: Column, schema: str) -> None:
    assert telemetry(one)["schema"] == schema


def test_named_states_are_an_enum() -> None:
    found = telemetry(column("Gear.Lever", labels={0: "P", 1: "R", 2: "1st gear", 7: "not available"}))

    assert found["@type"] == "Telemetry"
    assert found["schema"] == {
        "@type": "Enum",
        "valueSchema": "integer",
        "enumValues": [
            {"name": "P", "displayName": "P", "enumValue": 0},
            {"name": "R", "displayName": "R", "enumValue": 1},
            {"name": "v1st_gear", "displayName": "1st gear", "enumValue": 2},
            {"name": "not_available", "displayName": "not available", "enumValue": 7},
        ],
    }


@pytest.mark.parametrize(
    "one",
    [
        column(unit="rpm", labels={0: "standstill", 1: "creeping", 255: "not available"}),
        column(labels={254: "error", 255: "not available"}),
        column(factor=2.0, labels={0: "off", 1: "on"}),
        column(labels={0: "off", 1: "on"}, averaged=True),
        column(labels={0: "off", 1: "on", 1 << 31: "far"}, bits=32),
    ],
)
def test_names_of_exceptions_are_told_in_the_comment(one: Column) -> None:
    found = telemetry(one)

    assert isinstance(found["schema"], str)
    assert "raw values: " in found["comment"]
    assert all(label in found["comment"] for label in one.labels.values())


def test_names_that_would_be_the_same_are_told_apart() -> None:
    [interface] = made(column("A.b"), column("A_b"), column("A-b"), column("rules"), column("Größe"), column("速度"))

    assert [one["name"] for one in interface["contents"]][:6] == ["A_b", "A_b_2", "A_b_3", "rules_2", "Gr_e", "v"]


def test_what_can_be_written_and_asked_is_there_without_any_signal() -> None:
    [interface] = made()

    kinds = {one["name"]: (one["@type"], one.get("writable", False)) for one in interface["contents"]}
    assert kinds == {
        "schema_version": ("Property", True),
        "rules": ("Property", True),
        "state": ("Property", True),
        "quiet": ("Property", True),
        "config": ("Property", False),
        "agent": ("Property", False),
        "databases": ("Property", False),
        "health": ("Property", False),
        "rule_status": ("Property", False),
        "link": ("Property", False),
        "budget": ("Property", False),
        "power": ("Property", False),
        "log_level": ("Property", False),
        "spool": ("Property", False),
        "vehicle_state": ("Property", False),
        "consent": ("Property", False),
        "cut": ("Property", False),
        "status": ("Command", False),
        "latest": ("Command", False),
        "snapshot": ("Command", False),
        "flush": ("Command", False),
    }


def test_more_signals_than_an_interface_holds_are_spread_over_those_it_extends() -> None:
    found = made(*(column(f"Message{i:05}.Signal", "km/h") for i in range(12_000)), model_id="dtmi:com:car;12")

    assert [one["@id"] for one in found] == ["dtmi:com:car;12", *(f"dtmi:com:car:signals{i};12" for i in (1, 2, 3))]
    assert sum(len(one["contents"]) for one in found[1:]) == 12_000
    assert list(mistakes(found)) == []


def test_more_signals_than_a_model_may_have_are_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"elements, a model has 100000 at most: name fewer signals"):
        interfaces([column(f"s{i}") for i in range(ELEMENTS)], MODEL)


TEXT = st.text(max_size=30) | st.sampled_from(["", "rules", "a_", "1", "é" * 900, "x" * 2000, "A.b", "A_b"])
COLUMNS = st.builds(
    Column,
    st.builds(
        SignalInfo,
        TEXT,
        TEXT | st.sampled_from(["km/h", "rpm", "%"]),
        st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1.0, 0.1, 1e300]),
        st.floats(allow_nan=False, allow_infinity=False) | st.just(0.0),
        st.sampled_from(RawKind),
        st.integers(1, 64),
    ),
    st.dictionaries(st.integers(-5, 9) | st.integers(-(1 << 63), 1 << 64), TEXT, max_size=5),
    st.booleans(),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(COLUMNS, max_size=8))
def test_whatever_signals_are_called_the_model_keeps_to_the_rules(columns: list[Column]) -> None:
    found = made(*columns)

    assert list(mistakes(found)) == []
    assert len(found[0]["contents"]) == len(columns) + 21


@given(TEXT, st.sets(st.sampled_from(["a", "v", "v1", "rules", "A_b", "A_b_2"])))
def test_a_name_is_one_and_not_taken(text: str, taken: set[str]) -> None:
    assert list(mistakes_of(name_of(text, taken))) == []
    assert name_of(text, taken) not in taken


def mistakes_of(name: str) -> list[str]:
    interface = {"@context": ["dtmi:dtdl:context;3"], "@id": MODEL, "@type": "Interface", "contents": []}
    content = {"@type": "Telemetry", "name": name, "schema": "double"}
    return list(mistakes([{**interface, "contents": [content]}]))

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from edge_agent.errors import MethodRefused
from edge_agent.observe.status import Status
from edge_agent.records import (
    Batch,
    ClockQuality,
    CloseReason,
    Column,
    Lane,
    RawKind,
    RuleInfo,
    SignalInfo,
    TimeUnit,
)
from edge_agent.tap.latest import LatestValue
from edge_agent.twin.methods import MAX_PATTERNS, all_flushed, latest_values, snapshot_taken

RPM = LatestValue("Engine.Rpm", 800.0, "1/min", 1_500_000_000)
SPEED = LatestValue("Motion.Speed", math.nan, "km/h", 2_000_000)
BRACKETS = LatestValue("M[1].S", 1.0, "", 0)
VALUES = [RPM, SPEED, BRACKETS]


@pytest.mark.parametrize("payload", [None, {}])
def test_without_names_the_last_value_of_every_signal_is_told(payload: object) -> None:
    assert latest_values(payload, VALUES) == {
        "Engine.Rpm": {"value": 800.0, "unit": "1/min", "t_ms": 1500},
        "Motion.Speed": {"value": None, "unit": "km/h", "t_ms": 2},
        "M[1].S": {"value": 1.0, "unit": "", "t_ms": 0},
    }


@pytest.mark.parametrize(
    ("signals", "names"),
    [
        (["Engine.Rpm"], ["Engine.Rpm"]),
        (["Motion.*", "Engine.Rpm"], ["Engine.Rpm", "Motion.Speed"]),
        (["Engine.R?m", "Gone.*"], ["Engine.Rpm"]),
        (["engine.rpm", "Engine"], []),
        (["M[1].S"], ["M[1].S"]),
        (["x"] * MAX_PATTERNS, []),
    ],
)
def test_names_and_globs_choose_among_the_signals(signals: list[str], names: list[str]) -> None:
    assert list(latest_values({"signals": signals}, VALUES)) == names


@pytest.mark.parametrize(
    "payload",
    [
        7,
        0,
        False,
        "",
        [],
        ["Engine.Rpm"],
        {"signal": ["Engine.Rpm"]},
        {"signals": "Engine.Rpm"},
        {"signals": []},
        {"signals": ["Engine.Rpm", 7]},
        {"signals": [""]},
        {"signals": ["Engine.Rpm"], "max": 1},
        {"signals": ["x"] * (MAX_PATTERNS + 1)},
    ],
)
def test_a_payload_of_another_form_is_refused_with_the_form_it_should_have(payload: object) -> None:
    with pytest.raises(
        MethodRefused, match=r'null, or \{"signals": \[\.\.\.\]\} with 1 to 256 names or globs'
    ) as refusal:
        latest_values(payload, VALUES)

    assert refusal.value.status == 400


# --- snapshot and flush --------------------------------------------------------------------------


LATITUDE = LatestValue("Vehicle.CurrentLocation.Latitude", 52.5, "degrees", 0)


def test_without_consent_to_location_no_place_is_among_the_last_values() -> None:
    values = [RPM, LATITUDE]

    assert set(latest_values(None, values)) == {RPM.name, LATITUDE.name}
    assert set(latest_values(None, values, with_places=False)) == {RPM.name}
    asked = {"signals": ["Vehicle.*", "Engine.*"]}
    assert set(latest_values(asked, values, with_places=False)) == {RPM.name}


def test_who_asks_for_a_place_alone_is_told_what_consent_is_missing() -> None:
    with pytest.raises(MethodRefused, match="the driver has not consented to location") as refused:
        latest_values({"signals": [LATITUDE.name]}, [RPM, LATITUDE], with_places=False)

    assert refused.value.status == 403
    assert latest_values({"signals": ["None.*"]}, [LATITUDE], with_places=False) == {}


def taken(rules: Sequence[str]) -> list[Batch]:
    """Three values of the first rule in two batches, none of the others."""
    about = RuleInfo(rules[0], "snapshot", 5, Lane.WARM, "", TimeUnit.MS)
    signal = SignalInfo("M.S", "", 1.0, 0.0, RawKind.UNSIGNED, 8)
    columns = [Column(signal, "last", np.arange(count), np.arange(count)) for count in (1, 2)]
    return [
        Batch(i, about, 0, 0, CloseReason.EVENT, 1, (column,), (), ClockQuality.SYSTEM, 0)
        for i, column in enumerate(columns)
    ]


@pytest.mark.parametrize("payload", [None, {}])
def test_without_a_name_a_snapshot_of_every_rule_is_taken(payload: object) -> None:
    assert snapshot_taken(payload, ["one", "two"], taken) == {"values": {"one": 3, "two": 0}}


def test_one_rule_can_be_named() -> None:
    assert snapshot_taken({"rule": "two"}, ["one", "two"], taken) == {"values": {"two": 3}}


@pytest.mark.parametrize(
    ("payload", "status"),
    [({"rule": "three"}, 404), ({"rule": 1}, 400), (["one"], 400), ({"rule": "one", "x": 1}, 400)],
)
def test_a_snapshot_of_no_such_rule_is_refused(payload: object, status: int) -> None:
    with pytest.raises(MethodRefused) as refusal:
        snapshot_taken(payload, ["one", "two"], taken)

    assert refusal.value.status == status


def test_where_no_rule_takes_snapshots_that_is_said() -> None:
    with pytest.raises(MethodRefused, match="there are: none"):
        snapshot_taken(None, [], taken)


def test_a_flush_says_how_many_batches_were_open() -> None:
    assert all_flushed({}, lambda: taken(["one"])) == {"batches": 2}
    with pytest.raises(MethodRefused):
        all_flushed({"rule": "one"}, lambda: taken(["one"]))


SCHEMAS = json.loads((Path(__file__).parents[2] / "docs" / "methods.schema.json").read_text())["$defs"]


def is_valid(name: str, value: object) -> bool:
    return bool(Draft202012Validator(SCHEMAS[name]).is_valid(value))


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_shipped_for_a_method_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_schema_of_status_has_its_fields() -> None:
    assert list(SCHEMAS["status.answer"]["properties"]) == [field.name for field in fields(Status)]


@pytest.mark.parametrize(
    "payload",
    [
        *(None, {}, [], "a", 0, False, 7),
        *({"signals": ["a"]}, {"signals": []}, {"signals": [""]}, {"signals": ["a"] * (MAX_PATTERNS + 1)}),
        *({"rule": "a"}, {"rule": 1}, {"signals": ["a"], "more": 1}, {"rule": "a", "more": 1}),
    ],
)
def test_the_schemas_and_the_methods_are_of_one_mind_on_payloads(payload: object) -> None:
    methods: dict[str, Callable[[], object]] = {
        "latest": lambda: latest_values(payload, VALUES),
        "snapshot": lambda: snapshot_taken(payload, ["a"], lambda _: []),
        "flush": lambda: all_flushed(payload, list),
    }
    for name, call in methods.items():
        try:
            answer = call()
        except MethodRefused:
            assert not is_valid(f"{name}.payload", payload), name
        else:
            assert is_valid(f"{name}.payload", payload), name
            assert is_valid(f"{name}.answer", answer), name

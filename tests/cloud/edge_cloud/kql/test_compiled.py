"""Every statement of cloud/kql compiles, and makes what `edge_cloud.tables` says; planted mistakes are found."""

import json
import re
from typing import Any

import pytest

from edge_cloud import tables
from tests.cloud.edge_cloud.kql.compiled import KQL, ORDER, columns, compiled, faults, texts

pytestmark = pytest.mark.timeout(300)  # the compiler takes 10 s of one core for the commands' grammar alone

WHEN = "datetime(2026-09-01), datetime(2026-09-02), 'car-1'"
READS = {
    f"Signals({WHEN}, dynamic(['Motion.VehicleSpeed']))": columns(tables.SAMPLES),
    "Gaps()": columns(tables.GAPS),
    "Completeness()": columns(tables.COMPLETENESS),
    f"Trips({WHEN})": columns(tables.TRIPS),
    f"Daily({WHEN})": columns(tables.DAILY),
    "LastKnown()": columns(tables.LAST_KNOWN),
    "Refused()": columns(tables.REFUSED),
    "Batches | invoke DecodeExact()": columns(tables.SAMPLES),
    "Batches | invoke DecodeFast()": columns(tables.SAMPLES),
    "Hot | invoke DecodeRows()": columns(tables.SAMPLES),
}
TABLES = {
    "Headers": columns(tables.BATCHES, "body"),
    "Samples": columns(tables.SAMPLES),
    "Evictions": columns(tables.EVICTIONS),
    "Buses": columns(tables.BUSES),
    "Firings": columns(tables.FIRINGS),
    "TripReports": columns(tables.TRIP_REPORTS),
    "Roles": columns(tables.ROLES),
    "Vehicles": columns(tables.VEHICLES),
    "Newest": columns(tables.LAST_KNOWN),
}
FUNCTION = '.create-or-alter function with (folder = "") F()\n{\n    Batches\n    | %s\n}'
PLANTED = {
    "a typo in a column": FUNCTION % "project devise",
    "a word that is reserved": FUNCTION % "extend last = 1",
    "a function that is not": FUNCTION % "extend n = cumsum(seq)",
    "a policy of no table": '.alter table Firings policy update\n```\n[{"Query": "Batches | project nothing"}]\n```',
    "a command that is not": ".alter table Batches policy streaming enable",
}


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    return compiled(texts(), list(READS))


def made(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    return {one["name"]: one for one in answer["statements"] if one["kind"] == kind}


def test_every_statement_compiles(answer: dict[str, Any]) -> None:
    assert faults(answer) == []
    assert {one["file"] for one in answer["statements"]} == set(ORDER)
    assert len(answer["statements"]) > 60


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_columns_of_the_cloud(answer: dict[str, Any], name: str) -> None:
    assert made(answer, "table")[name]["columns"] == TABLES[name]


@pytest.mark.parametrize("call", READS)
def test_a_read_gives_the_columns_of_the_cloud(answer: dict[str, Any], call: str) -> None:
    assert answer["calls"][call]["columns"] == READS[call]


def test_a_policy_gives_the_columns_of_its_table_in_their_order(answer: dict[str, Any]) -> None:
    found = made(answer, "table")
    policies = [one for one in answer["statements"] if one["kind"] == "update"]
    assert {one["name"] for one in policies} == {
        *("Headers", "Evictions", "Buses", "Firings", "TripReports", "Samples", "Minutes", "Newest")
    }
    for one in policies:
        for policy in one["policies"]:
            assert policy["columns"] == found[one["name"]]["columns"], f"{one['file']}:{one['line']} {policy['Query']}"


def test_a_view_of_headers_has_all_of_them(answer: dict[str, Any]) -> None:
    assert sorted(made(answer, "view")["HeadersOnce"]["columns"]) == sorted(TABLES["Headers"])


@pytest.mark.parametrize("schema", ["columns-1", "rows-1", "trip-1"])
def test_the_landing_tables_take_every_field_of_a_payload(answer: dict[str, Any], schema: str) -> None:
    name = "Batches" if schema == "columns-1" else "Hot"
    fields = json.loads((KQL.parents[1] / "docs" / f"{schema}.schema.json").read_text())["properties"]
    mapping = re.search(rf"table {name} ingestion json mapping \"\w+\"\n```\n([\s\S]*?)```", texts()[1]["text"])
    assert mapping is not None
    mapped = {one["column"]: one["Properties"]["Path"] for one in json.loads(mapping[1])}
    assert set(fields) <= set(mapped)
    assert mapped == {column: f"$.{column}" for column, _ in made(answer, "table")[name]["columns"]}


def test_planted_mistakes_are_found() -> None:
    files = texts()[:1]
    for name, text in PLANTED.items():
        files.append({"name": name, "text": "// planted\n" + text})
    found = faults(compiled(files, ["Batches | where wrong == 1"]))
    for name in [*PLANTED, "Batches | where wrong == 1"]:
        assert any(fault.startswith(name) for fault in found), name
    assert (
        "a typo in a column:5 The name 'devise' does not refer to any known column, table, variable or function."
        in found
    )

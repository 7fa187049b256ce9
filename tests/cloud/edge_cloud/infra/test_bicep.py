"""The Bicep parses, names what Azure's own SDK names, and fits the KQL. No compiler of Bicep has seen it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pycep import BicepParser

from tests.cloud.edge_cloud.infra.arm import NAMES

INFRA = Path(__file__).parents[4] / "cloud" / "infra"
TEXT = (INFRA / "main.bicep").read_text()
ANY_RESOURCE = {"name", "location", "kind", "sku", "identity", "properties", "parent", "scope", "dependsOn", "tags"}


def resources(text: str = TEXT) -> dict[str, Any]:
    found: dict[str, Any] = BicepParser().parse(text=text)["resources"]
    return found


def body(resource: dict[str, Any]) -> dict[str, Any]:
    """Its fields; of a loop those of one turn."""
    found: dict[str, Any] = resource["config"]
    return found["config"] if "loop_type" in found else found


def paths(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every property with the path of what encloses it; expressions have none."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, path)
    if isinstance(value, dict) and not {"operator", "function", "loop_type"} & set(value):
        for name, inner in value.items():
            yield path, name
            yield from paths(inner, f"{path}.{name}".lstrip("."))


def unknown(text: str) -> list[str]:
    """Properties that no provider knows, as `resource: path.name`."""
    found = []
    for symbol, resource in resources(text).items():
        known = NAMES.get(resource["type"], {}) | {"": ANY_RESOURCE}
        for path, name in paths({key: value for key, value in body(resource).items() if key != "dependsOn"}):
            if path.endswith("userAssignedIdentities"):
                continue
            if name not in known.get(path, set()):
                found.append(f"{symbol}: {path}.{name}")
    return found


def test_every_property_is_one_that_its_provider_knows() -> None:
    assert len(resources()) > 20
    assert unknown(TEXT) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("compression: 'GZip'", "compresion: 'GZip'"),
        ("entityPath:", "entity:"),
        ("isHnsEnabled:", "hns:"),
        ("condition:", "when:"),
    ],
)
def test_a_planted_mistake_is_found(right: str, wrong: str) -> None:
    assert len(unknown(TEXT.replace(right, wrong))) >= 1


def test_every_name_that_is_used_is_declared() -> None:
    parsed = BicepParser().parse(text=TEXT)
    declared = {*parsed["parameters"], *parsed["variables"], *parsed["resources"], "n"}
    code = re.sub(r"//.*", "", TEXT)
    used = set(re.findall(r"(?<![\w.'])([a-z]\w*)\.(?:id|name|properties|\w+Units|hubSku|kusto)\b", code))
    assert used <= declared
    for group in re.findall(r"dependsOn: \[([^\]]*)\]", code):
        assert set(group.split()) <= declared


def test_a_batch_of_every_schema_has_a_route_by_its_properties_alone() -> None:
    routes = body(resources()["hubs"])["properties"]["routing"]["routes"]
    told = " ".join(route["condition"] for route in routes)
    assert set(re.findall(r'"([a-z]+/1)"', told)) == {"columns/1", "rows/1", "trip/1", "candump/1"}
    assert "$body" not in told


def test_the_bulk_reaches_kusto_unpacked_and_the_hot_lane_as_it_is() -> None:
    found = resources()
    warm, hot = (body(found[name])["properties"] for name in ("warmConnection", "hotConnection"))
    assert (warm["compression"], warm["tableName"], warm["mappingRuleName"]) == ("GZip", "Batches", "columns_1")
    assert (hot["compression"], hot["tableName"], hot["mappingRuleName"]) == ("None", "Hot", "rows_1")
    assert {body(found[name])["kind"] for name in ("warmConnection", "hotConnection")} == {"EventHub"}
    mappings = (INFRA.parent / "kql" / "11_mappings.kql").read_text()
    for connection in (warm, hot):
        assert f'table {connection["tableName"]} ingestion json mapping "{connection["mappingRuleName"]}"' in mappings


def test_the_database_is_made_of_every_file_of_kql_in_order() -> None:
    loaded = re.findall(r"loadTextContent\('\.\./kql/([\w.]+)'\)", TEXT)
    assert sorted(loaded) == sorted(path.name for path in (INFRA.parent / "kql").glob("*.kql"))
    without = [name for name in loaded if not name.startswith("4") or name == "40_policies.kql"]
    assert without == sorted(without)


def test_keys_are_used_where_nothing_else_is_taken_and_nowhere_else() -> None:
    assert re.findall(r"listkeys|listKeys|primaryKey", TEXT) == ["listkeys", "primaryKey"]

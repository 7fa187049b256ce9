"""What the agent makes of a fixed stream, byte by byte; and the page that explains it."""

import json
import math
import re
from pathlib import Path

import pytest

from edge_agent.records import Envelope
from edge_agent.spool.reading import read_payloads
from tests.golden.stream import envelopes, path, text
from tests.spool.schemas import assert_valid

PAGE = Path(__file__).parents[2] / "docs" / "payload.md"
NAMES = ("steady", "exact", "alarms")


@pytest.fixture(scope="module")
def made() -> dict[str, Envelope]:
    return envelopes()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_each_rule_made_one_payload(made: dict[str, Envelope]) -> None:
    assert tuple(made) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_is_the_golden_one_byte_by_byte(made: dict[str, Envelope], name: str) -> None:
    assert text(made[name]) == path(name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_payload_follows_its_schema(name: str) -> None:
    assert_valid(path(name).read_bytes())


def test_the_golden_payloads_hold_every_kind_of_column() -> None:
    columns = [one for name in ("steady", "exact") for one in json.loads(path(name).read_text())["columns"]]

    for kind in ("raw", "val", "str"):
        assert any(one[kind] for one in columns)
    assert any("nan" in one["str"] for one in columns)
    assert any("18446744073709551615" in one["str"] for one in columns)
    assert {one["tu"] for one in columns} == {"ms", "ns"}


def test_the_pages_example_is_a_golden_payload() -> None:
    [example] = blocks("json")

    assert json.loads(example) == json.loads(path("steady").read_text())


def test_the_pages_python_reads_what_the_agent_reads(made: dict[str, Envelope]) -> None:
    [code] = blocks("python")
    found: dict[str, list[tuple[int, str, float]]] = {"samples": []}
    exec(compile(code, PAGE.name, "exec"), {"payload": made["steady"].payload, **found})  # noqa: S102  our own page

    [payload] = read_payloads(made["steady"].payload, "steady")
    expected = [(sample.t_ns // 1_000_000, sample.name, sample.value) for sample in payload.samples]
    assert [(t, name) for t, name, _ in found["samples"]] == [(t, name) for t, name, _ in expected]
    for (_, _, value), (_, _, other) in zip(found["samples"], expected, strict=True):
        assert value == other or (math.isnan(value) and math.isnan(other))


def test_the_page_explains_every_field() -> None:
    body = json.loads(path("steady").read_text())
    names = {*body, *body["prev"], *body["buses"][0], *body["evicted"][0], *body["columns"][0]}

    assert not [name for name in names if f"`{name}`" not in PAGE.read_text()]

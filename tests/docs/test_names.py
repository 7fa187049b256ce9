"""Events, metrics, variables and files that a page names are there."""

import ast
import re
from dataclasses import fields

import pytest

from cabin.settings import Settings as CabinSettings
from calendar_bridge.settings import Settings as BridgeSettings
from edge_agent.settings import VARIABLES
from tests.docs.pages import ROOT, blocks_in, pages, text_of, words_in_code
from tests.docs.verdicts import OTHER_NAMES, OTHER_VARIABLES
from tests.observe.test_metrics import STATUS, shown

EVENTS_SOURCE = ast.parse((ROOT / "edge_agent" / "events.py").read_text())
EVENT = re.compile(r"[a-z]+\.[a-z]+_?[a-z_]*")
FILE = re.compile(r"\.(?:json|jsonl|py|md|key|pem|seg|dbc|log|csv|yaml|toml|html|js)$")
METRIC = re.compile(r"\bedge_[a-z_]+\b(?![/.])")
OF_METRICS = {"edge_agent", "edge_device", "edge_hub"}
"""what begins like a metric: the package, a label, a folder"""
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
CABIN_VARIABLES = {f"CABIN_{field.name.upper()}" for field in fields(CabinSettings)}
BRIDGE_VARIABLES = {name.upper() for name in BridgeSettings.model_fields}
PATH = re.compile(r"(?:edge_agent|tests|docs|bench|dbc|modules|cloud|\.ci)/[\w./-]+")


def told() -> dict[str, set[str]]:
    """Names of events, each with the levels at which it can be told."""
    levels: dict[str, set[str]] = {}
    for function in (node for node in EVENTS_SOURCE.body if isinstance(node, ast.FunctionDef)):
        strings = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
        names = [one for one in strings if isinstance(one, str) and EVENT.fullmatch(one)]
        calls = {
            node.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "log"
        }
        for name in names:
            levels.setdefault(name, set()).update(calls & {"debug", "info", "warning", "error"})
    return levels


EVENTS = told()
STAGES = {name.partition(".")[0] for name in EVENTS}
METRICS = {sample.name for family in shown(STATUS)() for sample in family.samples} | {
    family.name for family in shown(STATUS)()
}


def named_on(page: str) -> list[str]:
    """Words in code, and those of its blocks."""
    text = text_of(page)
    return [
        *words_in_code(text),
        *(word for block in blocks_in(page, text) for word in re.findall(r"[\w.]+", block.text)),
    ]


@pytest.mark.parametrize("page", pages())
def test_the_events_that_a_page_names_are_told_by_the_agent(page: str) -> None:
    words = {word for word in named_on(page) if EVENT.fullmatch(word) and not FILE.search(word)}
    unknown = {word for word in words if word.partition(".")[0] in STAGES} - EVENTS.keys() - OTHER_NAMES.keys()

    assert not unknown, f"{page} names events that nothing tells: {sorted(unknown)}"


@pytest.mark.parametrize("page", pages())
def test_the_metrics_that_a_page_names_are_served_by_the_agent(page: str) -> None:
    unknown = set(METRIC.findall(text_of(page))) - METRICS - OF_METRICS

    assert not unknown, f"{page} names metrics that nothing serves: {sorted(unknown)}"


@pytest.mark.parametrize("page", pages())
def test_the_variables_that_a_page_names_are_settings(page: str) -> None:
    words = {part for word in words_in_code(text_of(page)) for part in VARIABLE.findall(word)}
    unknown = words - VARIABLES.keys() - CABIN_VARIABLES - BRIDGE_VARIABLES - OTHER_VARIABLES.keys()

    assert not unknown, f"{page} names variables that nothing reads: {sorted(unknown)}"


@pytest.mark.parametrize("page", pages())
def test_the_files_that_a_page_names_in_a_sentence_are_there(page: str) -> None:
    paths = {word for word in words_in_code(text_of(page)) if PATH.fullmatch(word)}
    absent = {path for path in paths if not (ROOT / path).exists()} - OTHER_NAMES.keys()

    assert not absent, f"{page} names files that are not there: {sorted(absent)}"


def test_every_alarm_is_explained_where_an_operator_looks() -> None:
    """An event that is a warning or an error has its place in docs/troubleshooting.md."""
    alarms = {name for name, levels in EVENTS.items() if levels & {"warning", "error"}}
    explained = set(words_in_code(text_of("docs/troubleshooting.md")))

    assert sorted(alarms - explained) == []


def test_no_name_is_excused_without_need() -> None:
    words = {word for page in pages() for word in named_on(page)}
    parts = {part for word in words for part in VARIABLE.findall(word)}

    assert sorted(OTHER_NAMES.keys() - words) == []
    assert sorted(OTHER_VARIABLES.keys() - parts) == []


def test_the_agent_s_own_names_were_found() -> None:
    assert EVENTS["uplink.link_down"] == {"warning", "debug"}
    assert EVENTS["spool.batches_lost"] == {"info", "error"}
    assert {"edge_agent_healthy", "edge_spool_batches_lost_total", "edge_uplink_batch_acked_seconds_bucket"} <= METRICS

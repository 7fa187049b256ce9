"""Documents with a mistake in them: none breaks anything, and each is refused at a place that it has."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.errors import Fault
from edge_agent.localhub.twins import Twin as HubTwin
from edge_agent.localhub.twins import parse_patch
from edge_agent.mistakes import path
from edge_agent.records import RawKind
from edge_agent.twin.compilation import faults_of_text
from edge_agent.twin.desired import Kept, Twin
from tests.mutated import GOOD, VALUES, Doc, mutated, places

SIGNALS = tuple(
    Signal(name, BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "") for name in ("Rpm", "Temp", "On")
)
CATALOG = Catalog([("can0", [Database("a.dbc", (Message("Engine", 1, 8, SIGNALS),))])])


def running(document: Doc = GOOD) -> Twin:
    twin = Twin(CATALOG)
    twin.document(json.dumps({"desired": document, "reported": {}}))
    return twin


def assert_told_where_it_is(document: Doc, faults: tuple[Fault, ...]) -> None:
    exist = {path(place) for place in places(document)}
    assert faults
    for fault in faults:
        assert fault.loc in exist
        assert fault.message


def test_the_document_that_is_changed_runs() -> None:
    config = running().config

    assert config is not None
    assert len(config.rules) == 5


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(mutated())
def test_a_document_with_mistakes_is_refused_at_places_that_it_has_and_the_old_rules_run_on(document: Doc) -> None:
    twin = running()
    before = twin.config

    outcome = twin.document(json.dumps({"desired": document, "reported": {}}))

    assume(isinstance(outcome, Kept))  # some changes are none, or good ones
    assert isinstance(outcome, Kept)
    assert_told_where_it_is(document, outcome.faults)
    assert twin.config is before
    hub = HubTwin().with_reported(parse_patch(twin.reported()))
    assert hub.reported.properties["config"]["status"] == "refused"  # type: ignore[index,call-overload]


@settings(max_examples=100, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(mutated())
def test_a_file_with_mistakes_is_judged_as_the_vehicle_would(document: Doc) -> None:
    document.pop("$version", None)
    outcome = Twin(CATALOG).document(json.dumps({"desired": document}))

    faults = faults_of_text(json.dumps(document), CATALOG)

    assert faults == (outcome.faults if isinstance(outcome, Kept) else ())


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["rules", "schema_version", "$version", "x"]), VALUES | mutated(), max_size=3))
def test_no_patch_breaks_anything(patch: Doc) -> None:
    twin = running()

    twin.patch(json.dumps(patch))

    assert json.loads(twin.reported())["config"]["running_version"] >= 7


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"schema_version": 1, "rules": {"a": {"kind": "event", "signals": ["*"]}}}, "rules.a: when must be given"),
        ({"schema_version": 1, "$version": "7"}, "$version: must be a whole number"),
        ({"schema_version": 1, "$version": True}, "$version: must be a whole number"),
        ([], "the desired properties must be a JSON object"),
        (None, "the desired properties must be a JSON object"),
    ],
)
def test_what_cannot_be_a_document_is_refused(document: Any, fault: str) -> None:
    twin = running()

    outcome = twin.document(json.dumps({"desired": document}))

    assert isinstance(outcome, Kept)
    assert [str(each) for each in outcome.faults] == [fault]


def test_what_is_nested_too_deeply_to_be_read_is_refused() -> None:
    for text in ('{"desired":' + "[" * 100_000, '{"desired": {"rules":' + '{"a":' * 900 + "1" + "}" * 902):
        twin = running()
        assert isinstance(twin.document(text), Kept)
        assert isinstance(twin.patch('{"rules":' + "[" * 100_000), Kept)

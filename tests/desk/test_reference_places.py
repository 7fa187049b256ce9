from edge_agent.desk.reference_places import Place, places_of
from edge_agent.desk.twin_schema import twin_schema

PLACES = {place.model: place for place in places_of(twin_schema())}


def test_every_model_of_the_document_has_a_place() -> None:
    assert PLACES.keys() == twin_schema()["$defs"].keys()


def test_a_rule_stands_below_its_name_and_is_known_by_its_kind() -> None:
    assert PLACES["EventSpec"].heading == '`rules.NAME` with `"kind": "event"`'
    assert PLACES["BatchSpec"].heading == "`rules.NAME.batch`"


def test_forms_that_one_field_may_have_are_told_apart_by_the_key_they_need() -> None:
    assert PLACES["EverySpec"].heading == "`rules.NAME.collect` with `every_ms`"
    assert PLACES["DeadbandSpec"].heading == "`rules.NAME.collect` with `deadband`"


def test_a_link_leads_to_the_anchor_of_the_heading() -> None:
    assert Place("BatchSpec", "rules.NAME.batch", "").link == "[batch](#rulesnamebatch)"
    assert PLACES["EverySpec"].link == "[every_ms](#rulesnamecollect-with-every_ms)"

from edge_agent import settings
from edge_agent.desk.field_texts import field_texts
from edge_agent.twin import document


def test_a_field_is_told_by_the_sentence_below_it_under_the_name_that_somebody_writes() -> None:
    texts = {(model, name): text for model, name, text in field_texts(document)}

    assert texts["ActiveSpec", "from"] == "first time, UTC, that is inside"
    assert ("ActiveSpec", "from_") not in texts


def test_a_model_tells_the_fields_of_those_it_extends() -> None:
    texts = {(model, name): text for model, name, text in field_texts(document)}

    assert texts["EventSpec", "priority"] == texts["RuleSpec", "priority"]


def test_what_is_no_field_is_left_out() -> None:
    names = {name for model, name, _ in field_texts(settings) if model == "BusSettings"}

    assert names == settings.BusSettings.model_fields.keys()

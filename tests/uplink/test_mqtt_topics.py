from dataclasses import replace

import pytest

from edge_agent.uplink.mqtt_topics import Topics, judged_control, judged_template
from tests.uplink.fakes import envelope

TOPICS = Topics("car-1", "telematics", "vehicles/{device}/{lane}/{rule}/{schema}/{priority}", "v/{device}/{module}")


def test_a_template_is_filled_with_what_the_batch_is() -> None:
    assert TOPICS.telemetry(envelope(1, priority=3)) == "vehicles/car-1/warm/idle/columns_1/3"


def test_a_name_cannot_make_a_level_or_a_wildcard() -> None:
    assert TOPICS.telemetry(replace(envelope(1), rule="a/b+c#d")) == "vehicles/car-1/warm/a_b_c_d/columns_1/5"


def test_a_method_is_told_by_its_topic() -> None:
    assert TOPICS.of_control("methods", "status") == "v/car-1/telematics/methods/status"
    assert TOPICS.method("v/car-1/telematics/methods/status") == "status"
    for other in ("v/car-1/telematics/methods/", "v/car-1/telematics/methods/a/b", "v/car-2/telematics/methods/a"):
        assert TOPICS.method(other) is None


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("", "must be a topic"),
        ("a/+/b", "without + and #"),
        ("$share/a", "not beginning with"),
        ("a/{vin}", "{vin} is none of device, module, lane"),
        ("a/{}", "{} is none of"),
        ("a/{device", "not a template"),
        ("a/{rule:d}", "must stand alone"),
        ("a/{rule!r}", "must stand alone"),
        ("a/{rule.upper}", "{rule.upper} is none of"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(template: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("{", r"\{").replace("+", r"\+")):
        judged_template(template)


def test_a_template_with_every_field_is_one() -> None:
    assert judged_template(TOPICS.template) == TOPICS.template


def test_topics_that_are_no_batchs_know_nothing_of_batches() -> None:
    assert judged_control(TOPICS.control) == TOPICS.control
    with pytest.raises(ValueError, match=r"\{lane\} is none of device, module$"):
        judged_control("v/{device}/{lane}")

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.desk.manifest_template import expanded, joined, split
from edge_agent.errors import DocumentRefused
from tests.desk.manifests import agent, options, telematics, template

SETTINGS = "modulesContent.$edgeAgent.properties.desired.modules.telematics.settings"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


def document(**settings: object) -> dict[str, Any]:
    found = template()
    telematics(found)["settings"] = settings
    return found


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_options_of_any_length_come_back_from_the_texts_they_are_split_into(created: dict[str, object]) -> None:
    cut: Any = split(document(image="a", createOptions=created))
    texts = {name: text for name, text in telematics(cut)["settings"].items() if name != "image"}
    count = -(-len(json.dumps(created, separators=(",", ":"))) // 512)
    assert list(texts) == ["createOptions", *(f"createOptions{number:02}" for number in range(1, count))]
    assert all(text.isascii() and 0 < len(text) <= 512 for text in texts.values())
    assert options(joined(cut)) == created  # type: ignore[arg-type]  # a dict, as what was joined


def test_a_manifest_has_nothing_that_is_for_an_editor() -> None:
    assert set(split(template())) == {"modulesContent"}


def test_a_module_without_options_gets_empty_ones() -> None:
    cut: Any = split(document(image="a"))
    assert telematics(cut)["settings"] == {"image": "a", "createOptions": "{}"}
    assert joined(document(image="a", createOptions="")) == document(image="a", createOptions={})


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"createOptions01": "{}"}, f"{SETTINGS}: createOptions must be given: there are 1 parts"),
        (
            {"createOptions": {}, "createOptions01": ""},
            f"{SETTINGS}.createOptions: must be an object, or text in every",
        ),
        ({"createOptions": 1}, f"{SETTINGS}.createOptions: must be an object, or text in every part"),
        ({"createOptions": "1"}, f"{SETTINGS}.createOptions: must be an object"),
        ({"createOptions": "{'"}, f"{SETTINGS}.createOptions: not JSON: Expecting property name"),
        ({"createOptions": "[" * 100_000}, f"{SETTINGS}.createOptions: nested too deeply"),
    ],
)
def test_options_that_are_none_are_named(settings: dict[str, object], fault: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        joined(document(image="a", **settings))
    assert [str(one)[: len(fault)] for one in refused.value.faults] == [fault]


def test_variables_are_filled_in_wherever_a_value_is_and_whatever_is_in_them() -> None:
    values = {"A": 'quote " and\nline', "B": "${A}"}
    found = expanded({"x": ["${A}", {"y": "-${A}${B}-"}], "${A}": 1, "$edgeHub": "$upstream"}, values)
    assert found == {"x": [values["A"], {"y": f"-{values['A']}${{A}}-"}], "${A}": 1, "$edgeHub": "$upstream"}


def test_each_variable_that_nothing_is_said_of_is_named_once_at_each_place() -> None:
    with pytest.raises(DocumentRefused) as refused:
        expanded({"x": ["${A} ${B} ${A}"], "y": "${MODULES.cabin.amd64}", "z": "${}"}, {"B": ""})
    assert [fault.loc for fault in refused.value.faults] == ["x[0]", "y", "z"]
    assert "--var A=..." in refused.value.faults[0].message
    assert "modules/cabin/module.json" in refused.value.faults[1].message


def test_what_is_no_manifest_is_left_to_whoever_judges_its_shape() -> None:
    bodies: list[dict[str, Any]] = [{}, {"modulesContent": 1}, {"modulesContent": {"$edgeAgent": []}}]
    for body in bodies:
        assert joined(body) == split(body) == body
    broken = template(lambda d: agent(d).update(modules=None))
    assert joined(broken) == broken

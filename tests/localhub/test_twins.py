import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import DocumentRefused
from edge_agent.localhub.twins import MAX_BYTES, Json, JsonObject, Twin, compact, merge, parse_patch

NAMES = st.text("abcdefg", min_size=1, max_size=2)
LEAVES = st.one_of(st.booleans(), st.integers(-9, 9), st.floats(-1, 1), st.text("abü", max_size=5))
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=9,
)
OBJECTS: st.SearchStrategy[JsonObject] = st.dictionaries(NAMES, VALUES, max_size=4)


def has_null(value: Json) -> bool:
    return value is None or (isinstance(value, dict) and any(map(has_null, value.values())))


def test_each_half_has_its_own_version_from_1() -> None:
    twin = Twin().with_desired({"a": 1}).with_desired({"b": 2}).with_reported({"c": 3})
    assert twin.document() == {"desired": {"a": 1, "b": 2, "$version": 3}, "reported": {"c": 3, "$version": 2}}
    assert Twin().document() == {"desired": {"$version": 1}, "reported": {"$version": 1}}


def test_null_removes_objects_merge_and_everything_else_replaces() -> None:
    before: JsonObject = {"a": {"x": 1, "y": {"z": 2}}, "b": [1, 2], "c": 3}
    patch: JsonObject = {"a": {"x": None, "y": {"w": 4}}, "b": [3], "c": {"d": 5}, "none": None}
    assert merge(before, patch) == {"a": {"y": {"z": 2, "w": 4}}, "b": [3], "c": {"d": 5}}
    assert before == {"a": {"x": 1, "y": {"z": 2}}, "b": [1, 2], "c": 3}


@given(OBJECTS, OBJECTS)
def test_a_patch_is_idempotent_and_leaves_no_null(properties: JsonObject, patch: JsonObject) -> None:
    removing: JsonObject = {**patch, **dict.fromkeys(properties)}
    for one in (patch, removing):
        once = merge(properties, one)
        assert merge(once, one) == once
        assert not has_null(once)


@given(OBJECTS)
def test_a_patch_within_the_limits_is_taken_as_it_is(patch: JsonObject) -> None:
    assert parse_patch(compact(patch)) == patch


@given(st.one_of(st.binary(max_size=40), st.text('{}[]":,0a\\u\u00fc', max_size=40).map(str.encode)))
def test_any_bytes_are_a_patch_or_refused(text: bytes) -> None:
    with contextlib.suppress(DocumentRefused):
        parse_patch(text)


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    ("patch", "fault"),
    [
        ("{", "not JSON"),
        ("[" * 30000, "nested too deeply"),
        (
            '{"schema_version": 1,\n "schema_version": 1}',
            "'schema_version' stands twice in one object at line 2 column 2",
        ),
        ('{"a": %s}' % ("9" * 4301), "a number of more than 4,300 digits at line 1 column 7"),
        (r'{"rules": {"a": {"signals": ["\ud800"]}}}', "half a surrogate pair, which UTF-8 cannot hold at line 1"),
        ('{"\udcff": 1}', "half a surrogate pair"),
        ("[]", "a patch is a JSON object"),
        ('{"a": NaN}', "a: no number of JSON"),
        ('{"a": 1e999}', "a: no number of JSON, or beyond a double's range"),
        ('{"a": {"b": [1, null]}}', "a.b[1]: null inside an array"),
        ('{"a": {"x.y": 1}}', "a: the name 'x.y' has"),
        ('{"$version": 1}', "the name '$version' has"),
        ('{"a b": 1}', "the name 'a b' has"),
        ('{"a": 4503599627370496}', "a: an integer beyond 2^52"),
        (json.dumps({"a": "x" * 4097}), "a: a text longer than 4096 bytes"),
        (json.dumps({"x" * 1025: 1}), "a name longer than 1024 bytes"),
        (nested(11), "nested deeper than 10"),
        (json.dumps({f"n{i}": "x" * 4000 for i in range(9)}), f"the limit is {MAX_BYTES}"),
    ],
)
def test_a_patch_beyond_the_limits_is_refused_with_its_place(patch: str, fault: str) -> None:
    with pytest.raises(DocumentRefused) as refusal:
        parse_patch(patch)
    assert fault in str(refusal.value)


def test_what_is_just_within_the_limits_is_taken() -> None:
    for patch in (nested(10), '{"a": -4503599627370496}', json.dumps({"a": "x" * 4096}), json.dumps({"x" * 1024: 1})):
        parse_patch(patch)


def test_patches_that_together_outgrow_the_limit_are_refused_and_change_nothing() -> None:
    twin = Twin()
    for i in range(7):
        twin = twin.with_reported({f"n{i}": "x" * 4096})
    with pytest.raises(DocumentRefused, match="the limit is"):
        twin.with_reported({"n7": "x" * 4096})
    assert twin.reported.version == 8

"""That whatever is said fits a twin, and a hub takes it; the local hub's validator is the judge."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.localhub.twins import Twin, parse_patch
from edge_agent.twin.fitting import CUT, CUT_ROOM, MAX_CHARS, MAX_INTEGER, OTHERS, REPORTED_BYTES, ROOMS, fitted


def taken(sections: dict[str, Any]) -> Any:
    """What the hub has after these sections were reported to it."""
    text = json.dumps(fitted(sections), allow_nan=False)
    assert len(text) < REPORTED_BYTES
    return Twin().with_reported(parse_patch(text)).reported.properties


def test_what_is_small_stays_as_it_is() -> None:
    said = {"agent": {"version": "1.0", "boot": 3}, "health": {"can0": {"load_percent": 12.5, "names": ["a", "b"]}}}

    assert taken(said) == said


def test_of_a_list_that_is_too_long_the_first_items_are_said_and_which_are_not() -> None:
    said = {"databases": [{"path": f"{i:03}.dbc", "error": "x" * 200} for i in range(40)]}

    found = taken(said)

    whole = [item for item in found["databases"] if item in said["databases"]]
    assert whole == said["databases"][: len(whole)]
    assert len(whole) == 10
    assert found[CUT] == ["databases[10..39]"]


def test_buses_share_the_room_and_a_small_one_is_whole_beside_large_ones() -> None:
    large = {"seen": 1, "names": ["n" * 90] * 24}
    said = {"health": {f"can{i}": large for i in range(4)} | {"small": {"seen": 7, "names": []}}}

    found = taken(said)

    assert found["health"]["small"] == {"seen": 7, "names": []}
    sizes = [len(found["health"][f"can{i}"]["names"]) for i in range(4)]
    assert min(sizes) == max(sizes) > 10
    assert [place.partition("[")[0] for place in found[CUT]] == [f"health.can{i}.names" for i in range(4)]
    assert all(found["health"][f"can{i}"]["seen"] == 1 for i in range(4))


def test_so_many_buses_that_each_would_say_nothing_are_left_out_and_counted() -> None:
    said = {"health": {f"bus{i:04}": {"seen": i, "names": ["x" * 300]} for i in range(1000)}}

    found = taken(said)

    assert 0 < len(found["health"]) < 1000
    assert found[CUT][-1].startswith("and ")
    assert found[CUT][-1].endswith(" more")


def test_a_long_text_ends_with_an_ellipsis() -> None:
    version = taken({"agent": {"version": "é" * 1000}})["agent"]["version"]
    assert version.strip("é") == "…"
    assert len(version) > 40
    text = taken({"health": {"a": "v" * 1000}})["health"]["a"]
    assert (len(text), text[-2:]) == (MAX_CHARS, "v…")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1 << 60, MAX_INTEGER),
        (-(1 << 60), -MAX_INTEGER),
        (True, True),
        ("\ud800 half a pair", "? half a pair"),
        ([1, None, float("nan"), float("inf"), 2.5], [1, 2.5]),
        ({"a": None, "b": {}}, {"b": {}}),
        ({"a.b": 1, "c d": 2, "$e#": 3, "": 4}, {"a_b": 1, "c_d": 2, "_e_": 3, "_": 4}),
    ],
)
def test_what_a_hub_would_refuse_is_said_as_it_takes_it(value: Any, said: Any) -> None:
    assert taken({"health": {"x": value}})["health"] == {"x": said}


def test_what_is_nested_too_deeply_is_left_out() -> None:
    deep: Any = 1
    for _ in range(30):
        deep = {"d": deep}

    assert taken({"health": deep})["health"]["d"]


def test_sections_without_a_room_of_their_own_have_a_small_one_and_are_few() -> None:
    found = taken({f"other{i}": {"text": "x" * 2000} for i in range(OTHERS + 2)})

    assert len(found) == OTHERS + 1
    assert found[CUT][-2:] == ["other2", "other3"]


CHARS = st.characters(exclude_categories=()) | st.sampled_from('\x00"\\.$# é中🚗\ud800')
TEXT = st.text(CHARS, max_size=40) | st.tuples(CHARS, st.sampled_from([64, 65, 512, 513, 5000])).map(
    lambda one: one[0] * one[1]
)
LEAVES = (
    TEXT
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.sampled_from([10, 100, 2000]).map(lambda n: [n] * n)
    | st.sampled_from([10, 50, 400]).map(lambda n: {f"k{i}": "v" * (i % 90) for i in range(n)})
)
NASTY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
SECTIONS = st.dictionaries(st.sampled_from([*ROOMS, "x", "y", "z", "w"]), NASTY, max_size=10)


def test_a_small_value_with_a_long_name_is_whole_beside_a_large_value() -> None:
    found = taken({"agent": {"é" * 30: 7, "text": "x" * 300}})

    assert found["agent"]["é" * 30] == 7
    assert found["agent"]["text"].endswith("x…")


@settings(max_examples=60)
@given(SECTIONS)
def test_whatever_is_said_a_hub_takes_it_and_every_section_stays_within_its_room(sections: dict[str, Any]) -> None:
    found = taken(sections)

    assert set(found) <= {*sections, CUT}
    for section, body in found.items():
        assert len(json.dumps({section: body})) <= ROOMS.get(section, CUT_ROOM)

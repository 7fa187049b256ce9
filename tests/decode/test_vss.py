import json

import pytest

from edge_agent.decode.vss import (
    Alternative,
    Combined,
    Pair,
    Selected,
    Source,
    VssEntry,
    VssMapping,
    VssNode,
    parse_mapping,
    signals,
)
from edge_agent.errors import MappingRefused


def parsed(tree: object) -> VssMapping:
    return parse_mapping("car.json", json.dumps(tree))


def leaf(**fields: object) -> dict[str, object]:
    return {"type": "sensor", "datatype": "float", **fields}


def branch(**children: object) -> dict[str, object]:
    return {"type": "branch", "children": children}


def entries(tree: object) -> dict[str, VssEntry]:
    return {entry.path: entry for entry in parsed(tree).entries}


def test_a_tree_gives_the_signals_that_are_mapped_by_their_whole_paths() -> None:
    found = entries(
        {
            "Vehicle": branch(
                Speed=leaf(unit="km/h", dbc2vss={"signal": "Spd", "interval_ms": 100}),
                Mass=leaf(),
                Cabin=branch(Door=branch(IsOpen=leaf(datatype="boolean", dbc={"signal": "Door", "on_change": True}))),
            )
        }
    )

    assert list(found) == ["Vehicle.Speed", "Vehicle.Cabin.Door.IsOpen"]
    assert found["Vehicle.Speed"].node == VssNode(datatype="float", unit="km/h")
    assert found["Vehicle.Speed"].alternatives == (Alternative(("dbc2vss",), Source(signal="Spd")),)
    assert found["Vehicle.Cabin.Door.IsOpen"].alternatives == (Alternative(("dbc",), Source(signal="Door")),)


def test_signals_may_stand_under_their_full_paths_as_in_an_overlay() -> None:
    assert list(entries({"Vehicle.Speed": leaf(dbc2vss={"signal": "Spd"})})) == ["Vehicle.Speed"]


def test_a_signal_may_be_called_like_a_key_of_a_node() -> None:
    tree = {"Vehicle": branch(type=leaf(dbc={"signal": "A"}), children=leaf(dbc={"signal": "B"}))}
    assert list(entries(tree)) == ["Vehicle.type", "Vehicle.children"]


def test_everything_of_the_form_is_read() -> None:
    (entry,) = parsed(
        {
            "Vehicle.Gear": leaf(
                allowed=["P", "D"],
                vss2dbc={"signal": "Wanted"},
                dbc2vss={
                    "signal": "Gear",
                    "message": "Drive",
                    "transform": {"mapping": [{"from": "GEAR_P", "to": "P"}, {"from": 1.5, "to": True}]},
                    "multiplexer": [{"signal": "Page", "value": 2}],
                },
            )
        }
    ).entries

    assert entry.node.allowed == ("P", "D")
    ((_, source),) = ((one.place, one.source) for one in entry.alternatives)
    assert isinstance(source, Source)
    assert source.message == "Drive"
    assert source.transform is not None
    assert source.transform.mapping == (
        Pair.model_validate({"from": "GEAR_P", "to": "P"}),
        Pair.model_validate({"from": 1.5, "to": True}),
    )
    assert source.multiplexer == (Selected(signal="Page", value=2),)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({}, "dbc2vss.signal: must be given"),
        ({"signal": ""}, "dbc2vss.signal: string should have at least 1 character"),
        ({"signal": "S", "transform": {}}, "dbc2vss.transform: must have either math or mapping"),
        ({"signal": "S", "transform": {"math": "x", "mapping": [{"from": 1, "to": 2}]}}, "must have either"),
        ({"signal": "S", "transform": {"mapping": []}}, "dbc2vss.transform.mapping: must not be empty"),
        ({"signal": "S", "transform": {"mapping": [{"from": 1}]}}, "dbc2vss.transform.mapping[0].to: must be given"),
        ({"signal": "S", "multiplexer": [{"signal": "M"}]}, "dbc2vss.multiplexer[0].value: must be given"),
        ("S", "dbc2vss: "),
        ([], "dbc2vss: must not be empty"),
        ([{"message": "M"}], "dbc2vss[0].signal: must be given"),
        ({"signals": {}, "transform": {"math": "1"}}, "dbc2vss.signals: "),
        ({"signals": {"a": "A"}}, "dbc2vss.transform: must be given"),
        ({"signals": {"a": {"message": "M"}}, "transform": {"math": "a"}}, "dbc2vss.signals.a.signal: must be given"),
        ({"signals": {"a": "A"}, "transform": {"mapping": [{"from": 1, "to": 2}]}}, "need a transform with math"),
        ({"signals": {"a": "A"}, "signal": "A", "transform": {"math": "a"}}, "signal belongs into one of its signals"),
        ({"signals": {"a": "A"}, "message": "M", "transform": {"math": "a"}}, "message belongs into one of its"),
        (
            {"signals": {"a": "A"}, "trigger": "b", "transform": {"math": "a"}},
            "its trigger 'b' is none of its signals: a",
        ),
        ({"signals": {"a": "A"}, "trigger": [1], "transform": {"math": "a"}}, "dbc2vss.trigger[0]: "),
    ],
)
def test_a_mistake_in_one_signal_costs_that_signal(source: object, sentence: str) -> None:
    mapping = parsed({"Vehicle.Bad": leaf(dbc2vss=source), "Vehicle.Good": leaf(dbc2vss={"signal": "S"})})

    assert [entry.path for entry in mapping.entries] == ["Vehicle.Good"]
    assert len(mapping.remarks) == 1
    assert mapping.remarks[0].startswith("Vehicle.Bad: dbc2vss")
    assert sentence in mapping.remarks[0]


def test_several_signals_in_one_formula_are_read_by_their_names_there() -> None:
    (entry,) = parsed(
        {
            "V.Latitude": leaf(
                dbc2vss={
                    "signals": {"degrees": "LatDeg", "minutes": {"signal": "Minutes", "message": "GpsPos"}},
                    "transform": {"math": "degrees + minutes / 60"},
                    "trigger": "minutes",
                    "interval_ms": 100,
                }
            )
        }
    ).entries

    ((place, source),) = ((one.place, one.source) for one in entry.alternatives)
    assert place == ("dbc2vss",)
    assert isinstance(source, Combined)
    assert source.signals == {"degrees": Source(signal="LatDeg"), "minutes": Source(signal="Minutes", message="GpsPos")}
    assert source.transform.math == "degrees + minutes / 60"
    assert source.trigger == ("minutes",)


def test_alternatives_are_a_list_and_a_mistake_costs_one_of_them() -> None:
    mapping = parsed({"V.S": leaf(dbc2vss=[{"signal": "A"}, {"signal": ""}, {"signal": "B"}])})

    (entry,) = mapping.entries
    assert entry.alternatives == (
        Alternative(("dbc2vss", 0), Source(signal="A")),
        Alternative(("dbc2vss", 2), Source(signal="B")),
    )
    assert mapping.remarks == ("V.S: dbc2vss[1].signal: string should have at least 1 character",)


def test_a_mistake_in_the_node_itself_is_told_by_its_place_there() -> None:
    assert parsed({"V.S": leaf(allowed=3, dbc2vss=[{"signal": "A"}, {"signal": "B"}])}).remarks == (
        "V.S: allowed: must be a list",
    )


def test_a_number_that_json_lacks_is_a_mistake() -> None:
    text = '{"V.S": {"type": "sensor", "dbc": {"signal": "S", "transform": {"mapping": [{"from": 1, "to": NaN}]}}}}'
    assert len(parse_mapping("car.json", text).remarks) == 1


def test_both_names_of_the_key_at_once_are_a_mistake() -> None:
    mapping = parsed({"Vehicle.Speed": leaf(dbc={"signal": "A"}, dbc2vss={"signal": "B"})})
    assert mapping.remarks == ("Vehicle.Speed: has both dbc2vss and dbc",)


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("car.json", '{\n "Vehicle": oops}', "car.json:2: not JSON: Expecting value"),
        ("car.json", "[]", "car.json: not a VSS tree: must be a JSON object"),
        ("car.json", "{}", "car.json: no signal in it has dbc2vss"),
        ("car.json", '{"a":' * 20_000, "car.json: nested too deeply"),
        ("car.json", '{"V.S":\n %s}' % ("9" * 4301), "car.json:2: a number of more than 4,300 digits"),
        ("car.json", '{"V.S": {},\n "V.S": {}}', "car.json:2: 'V.S' stands twice in one object"),
        ("car.json", r'{"V.\ud800": {}}', "car.json:1: half a surrogate pair"),
        ("car.vspec", "Vehicle.Speed:\n  type: sensor", "vss-tools make JSON of an overlay: vspec export json"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_in_one_sentence(file: str, text: str, sentence: str) -> None:
    with pytest.raises(MappingRefused) as refused:
        parse_mapping(file, text)
    assert sentence in refused.value.sentence()


def test_a_tree_that_maps_nothing_still_tells_its_paths() -> None:
    text = json.dumps({"Vehicle": branch(Speed=leaf(), Doors=branch(Left=leaf(type="actuator")))})
    assert [name for name, _ in signals("vss.json", text)] == ["Vehicle.Speed", "Vehicle.Doors.Left"]


def test_what_is_no_node_is_passed_over() -> None:
    tree = {"V": {"type": "branch", "children": {"A": None, "B": 3, "C": {}, "D": leaf(dbc={"signal": "S"})}}}
    assert list(entries(tree)) == ["V.D"]


def test_a_tree_may_be_nested_deeply() -> None:
    node: object = leaf(dbc={"signal": "S"})
    for _ in range(200):
        node = branch(B=node)
    (entry,) = parsed({"V": node}).entries
    assert entry.path == "V" + ".B" * 200

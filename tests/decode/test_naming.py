import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Selector, Signal
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.naming import mapped
from edge_agent.decode.plan import compile_plan
from edge_agent.decode.vss import parse_mapping
from edge_agent.errors import MappingRefused
from edge_agent.records import RawKind, SignalInfo
from tests.decode.frames import block, data_frame

SIGNED, UNSIGNED, FLOAT = RawKind.SIGNED, RawKind.UNSIGNED, RawKind.FLOAT


def signal(name: str, start: int, bits: int, **more: object) -> Signal:
    fields = {"kind": UNSIGNED, "factor": 1.0, "offset": 0.0, "unit": ""} | more
    return Signal(name, BitField(start, bits, big_endian=False), **fields)  # type: ignore[arg-type]  # a test's shorthand


GEARS = {0: "P", 1: "R", 2: "N", 3: "D", 7: "SNA"}
CAR = Database(
    "car.dbc",
    (
        Message(
            "Motion",
            0x100,
            8,
            (
                signal("Speed", 0, 16, factor=0.1, offset=-1.0, unit="mph"),
                signal("Angle", 16, 12, kind=SIGNED, factor=0.1, unit="deg"),
                signal("Exact", 32, 32, kind=FLOAT),
            ),
        ),
        Message(
            "Drive", 0x200, 8, (signal("Gear", 0, 3, labels=GEARS), signal("Wide", 8, 40), signal("Counter", 56, 4))
        ),
        Message(
            "Tires",
            0x300,
            3,
            (signal("Wheel", 0, 4), signal("Axle", 4, 4), signal("Pressure", 8, 8, factor=4.0, unit="kPa")),
        ),
        Message("Other", 0x400, 8, (signal("Counter", 0, 4),)),
    ),
)


def named(**sources: dict[str, object] | list[dict[str, object]]) -> tuple[Catalog, tuple[str, ...]]:
    """The car with its mapping; `V__X` maps `V.X`; keys of the tree's node stand beside the source's."""
    tree = {name.replace("__", "."): _node(source) for name, source in sources.items()}
    databases, remarks = mapped([CAR], parse_mapping("car.json", json.dumps(tree)))
    return Catalog([("can0", databases)]), remarks


def _node(source: dict[str, object] | list[dict[str, object]]) -> dict[str, object]:
    first = source[0] if isinstance(source, list) else source
    node: dict[str, object] = {key: first.pop(key) for key in ("unit", "datatype", "allowed") if key in first}
    return {"type": "sensor", **node, "dbc2vss": source}


def mapping_of(*pairs: tuple[object, object]) -> dict[str, object]:
    return {"mapping": [{"from": old, "to": new} for old, new in pairs]}


def samples(catalog: Catalog, name: str, can_id: int, *payloads: bytes) -> list[tuple[int, float]]:
    """(raw, value) of a signal in frames of one message."""
    decoding = Decoding(compile_plan(catalog, [name]))
    decoded = decoding.feed(block([data_frame(can_id, data) for data in payloads]))
    return list(zip(decoded.raw.tolist(), decoded.value.tolist(), strict=True))


def test_a_mapped_signal_goes_by_its_path_and_is_found_by_both_names() -> None:
    catalog, remarks = named(Vehicle__Speed={"signal": "Speed"})

    assert remarks == ()
    assert "Vehicle.Speed" in list(catalog)
    assert "Motion.Speed" not in list(catalog)
    assert catalog.match("Motion.Speed") == catalog.match("Vehicle.*") == ("Vehicle.Speed",)
    assert catalog.match("Motion.*") == ("Motion.Angle", "Motion.Exact", "Vehicle.Speed")
    assert len(catalog.match("*")) == len(catalog)
    assert catalog.nearest("Motion.Sped")[0] == "Motion.Speed"
    assert catalog.nearest("Vehicle.Sped")[0] == "Vehicle.Speed"


def test_the_unit_is_the_trees_where_it_has_one() -> None:
    catalog, _ = named(A__Mapped={"signal": "Speed", "unit": "km/h"}, A__Kept={"signal": "Angle"})

    assert (catalog["A.Mapped"].info.unit, catalog["A.Kept"].info.unit) == ("km/h", "deg")


def test_a_line_goes_into_factor_and_offset_in_exact_decimals() -> None:
    catalog, _ = named(V__Speed={"signal": "Speed", "unit": "km/h", "transform": {"math": "x * 1.609344 + 0.3"}})

    # In doubles 0.1 * 1.609344 is 0.16093440000000003.
    assert catalog["V.Speed"].info == SignalInfo("V.Speed", "km/h", 0.1609344, -1.309344, UNSIGNED, 16)
    assert samples(catalog, "V.Speed", 0x100, b"\xe8\x03" + bytes(6)) == [(1000, 1000 * 0.1609344 - 1.309344)]


def test_one_signal_may_go_by_several_paths() -> None:
    catalog, remarks = named(
        V__Speed={"signal": "Speed"}, V__Obd__Speed={"signal": "Speed", "transform": {"math": "x/2"}}
    )

    assert remarks == ()
    assert catalog.match("Motion.Speed") == ("V.Speed", "V.Obd.Speed")
    assert catalog["V.Obd.Speed"].info.factor == 0.05


def test_a_bent_formula_of_a_short_integer_is_worked_out_for_every_value() -> None:
    catalog, _ = named(V__Angle={"signal": "Angle", "transform": {"math": "floor(x + 0.5)"}})

    payloads = [bytes([0, 0, raw & 0xFF, raw >> 8 & 0xF, 0, 0, 0, 0]) for raw in range(-2048, 2048)]
    expected = [int(np.floor(raw * 0.1 + 0.5)) for raw in range(-2048, 2048)]
    assert samples(catalog, "V.Angle", 0x100, *payloads) == [(value, float(value)) for value in expected]
    assert catalog["V.Angle"].info == SignalInfo("V.Angle", "deg", 1.0, 0.0, SIGNED, 9)


@pytest.mark.parametrize(
    ("name", "text", "can_id", "data", "value"),
    [
        ("Speed", "abs(x)", 0x100, b"\x05\0" + bytes(6), 0.5),
        ("Gear", "floor(x * 1e300)", 0x200, b"\x02" + bytes(7), 2e300),
        ("Exact", "floor(x)", 0x100, bytes(4) + np.float32(2.75).tobytes(), 2.0),
        ("Wide", "floor(x / 3)", 0x200, b"\0\x05\0\0\x01" + bytes(3), float(((1 << 24) + 5) // 3)),
    ],
)
def test_a_bent_formula_that_no_integers_can_stand_for_is_computed_in_floats(
    name: str, text: str, can_id: int, data: bytes, value: float
) -> None:
    catalog, remarks = named(V__S={"signal": name, "transform": {"math": text}})

    assert remarks == ()
    assert [found for _, found in samples(catalog, "V.S", can_id, data)] == [value]
    assert catalog.info("V.S").kind is FLOAT
    assert len(catalog.match("V.*")) == 1
    assert (catalog.info("V.S").unit == "mph") is (name == "Speed")


def test_values_a_formula_has_no_result_for_are_no_samples() -> None:
    catalog, _ = named(V__Gear={"signal": "Gear", "transform": {"math": "floor(6 / x)"}})

    assert [raw for raw, _ in samples(catalog, "V.Gear", 0x200, *(bytes([raw, *bytes(7)]) for raw in range(8)))] == [
        6, 3, 2, 1, 1, 1, 0,
    ]  # fmt: skip


def test_a_table_makes_numbers_of_labels_and_leaves_out_what_it_does_not_name() -> None:
    catalog, _ = named(
        V__Gear={"signal": "Gear", "transform": mapping_of(("P", 0), ("D", 1), ("R", -1), ("R", 5))},
        V__Parked={"signal": "Gear", "datatype": "boolean", "transform": mapping_of(("P", True), (3, False))},
    )
    payloads = [bytes([raw, *bytes(7)]) for raw in range(8)]

    assert samples(catalog, "V.Gear", 0x200, *payloads) == [(0, 0.0), (-1, -1.0), (1, 1.0)]
    assert samples(catalog, "V.Parked", 0x200, *payloads) == [(1, 1.0), (0, 0.0)]
    assert catalog["V.Gear"].info == SignalInfo("V.Gear", "", 1.0, 0.0, SIGNED, 2)


def test_a_table_of_decimals_has_a_power_of_ten_as_its_factor() -> None:
    catalog, _ = named(V__Level={"signal": "Gear", "transform": mapping_of((0, 0.25), (1, 1), (2, -1.5))})

    assert samples(catalog, "V.Level", 0x200, *(bytes([raw, *bytes(7)]) for raw in range(3))) == [
        (25, 0.25),
        (100, 1.0),
        (-150, -1.5),
    ]


def test_texts_become_their_places_in_what_the_tree_allows() -> None:
    allowed = ["PARK", "DRIVE", "REVERSE"]
    catalog, _ = named(
        V__Gear={
            "signal": "Gear",
            "datatype": "string",
            "allowed": allowed,
            "transform": mapping_of(("D", "DRIVE"), ("P", "PARK")),
        }
    )

    assert samples(catalog, "V.Gear", 0x200, *(bytes([raw, *bytes(7)]) for raw in range(8))) == [(0, 0.0), (1, 1.0)]
    assert catalog["V.Gear"].signal.labels == {0: "PARK", 1: "DRIVE", 2: "REVERSE"}


def test_texts_keep_the_databases_numbers_where_the_tree_allows_any() -> None:
    catalog, _ = named(V__Gear={"signal": "Gear", "transform": mapping_of(("D", "DRIVE"), ("P", "PARK"))})

    assert samples(catalog, "V.Gear", 0x200, *(bytes([raw, *bytes(7)]) for raw in range(8))) == [(0, 0.0), (3, 3.0)]
    assert catalog["V.Gear"].signal.labels == {0: "PARK", 3: "DRIVE"}


def test_a_text_signal_without_a_table_takes_the_databases_labels() -> None:
    catalog, remarks = named(V__Gear={"signal": "Gear", "datatype": "string", "allowed": ["SNA", "D", "P", "R", "N"]})

    assert remarks == ()
    assert [raw for raw, _ in samples(catalog, "V.Gear", 0x200, *(bytes([raw, *bytes(7)]) for raw in range(8)))] == [
        2, 3, 4, 1, 0,
    ]  # fmt: skip


def test_a_signal_goes_to_a_path_for_each_value_of_its_multiplexers() -> None:
    wheels: dict[str, dict[str, object]] = {
        f"V__Row{axle + 1}__Wheel{wheel}": {
            "signal": "Pressure",
            "multiplexer": [{"signal": "Axle", "value": axle}, {"signal": "Wheel", "value": wheel}],
        }
        for axle in (0, 1)
        for wheel in (1, 2)
    }
    catalog, remarks = named(**wheels)

    assert remarks == ()
    assert catalog.match("Tires.Pressure") == ("V.Row1.Wheel1", "V.Row1.Wheel2", "V.Row2.Wheel1", "V.Row2.Wheel2")
    frames = (b"\x01\x32\x00", b"\x12\x33\x00", b"\x13\x34\x00", b"\x02\x35\x00")
    assert [samples(catalog, name, 0x300, *frames) for name in catalog.match("Tires.Pressure")] == [
        [(0x32, 200.0)],
        [(0x35, 212.0)],
        [],
        [(0x33, 204.0)],
    ]


def test_a_multiplexers_value_is_as_its_database_scales_it() -> None:
    below: dict[str, object] = {"signal": "Speed", "multiplexer": [{"signal": "Angle", "value": -3}]}
    catalog, remarks = named(V__Below=below)

    assert remarks == ()
    minus_30 = (-30 & 0xFFF).to_bytes(2, "little")
    frames = (b"\x01\x00" + minus_30 + bytes(4), b"\x02\x00\x1e\x00" + bytes(4))
    assert [raw for raw, _ in samples(catalog, "V.Below", 0x100, *frames)] == [1]


def test_a_line_leaves_the_numbers_on_the_bus_their_labels() -> None:
    catalog, _ = named(V__Gear={"signal": "Gear", "transform": {"math": "x * 2"}})
    assert catalog["V.Gear"].signal.labels == GEARS


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"signal": "Sped"}, "no signal 'Sped' in the databases; nearest: Speed"),
        ({"signal": "Speed", "message": "Motor"}, "no signal 'Motor.Speed' in the databases; nearest: Motion.Speed"),
        ({"signal": "Counter"}, "signal 'Counter' is in the messages Drive, Other; say which with `message`"),
        ({"signal": "Speed", "transform": {"math": "exp(x)"}}, "'exp(x)' is more than a formula of x"),
        ({"signal": "Speed", "transform": {"math": "x / 0"}}, "it divides by zero"),
        ({"signal": "Speed", "transform": {"math": "x * 1e300 * 1e300"}}, "a factor or an offset that is too large"),
        ({"signal": "Wide", "transform": mapping_of((1, 2))}, "an integer signal of up to 32 bits"),
        ({"signal": "Exact", "transform": mapping_of((1, 2))}, "an integer signal of up to 32 bits"),
        (
            {"signal": "Gear", "transform": mapping_of(("X", 1))},
            "'X' of its mapping is no label (labels: P, R, N, D, SNA)",
        ),
        ({"signal": "Speed", "transform": mapping_of(("X", 1))}, "no label (labels: none) of signal 'Speed'"),
        ({"signal": "Gear", "transform": mapping_of((8, 1))}, "8 of its mapping is no value it can have"),
        ({"signal": "Gear", "transform": mapping_of((0, 1), (1, "a"))}, "its mapping has texts and numbers"),
        ({"signal": "Gear", "transform": mapping_of((0, 1 << 60))}, "beyond 2^53"),
        ({"signal": "Gear", "transform": mapping_of((0, 1e-300), (1, 1))}, "beyond 2^53"),
        (
            {"signal": "Gear", "allowed": ["A", "B"], "transform": mapping_of((0, "C"))},
            "'C' is none of the texts the tree",
        ),
        ({"signal": "Pressure", "multiplexer": [{"signal": "Gear", "value": 1}]}, "'Gear' is not in message Tires"),
        ({"signal": "Pressure", "multiplexer": [{"signal": "Axle", "value": 16}]}, "'Axle' can never be 16"),
        ({"signal": "Speed", "multiplexer": [{"signal": "Exact", "value": 1}]}, "'Exact' can never be 1"),
    ],
)
def test_what_cannot_be_kept_exactly_is_left_out_with_a_sentence(source: dict[str, object], sentence: str) -> None:
    catalog, remarks = named(V__Bad=source, V__Good={"signal": "Angle"})

    assert len(remarks) == 1
    assert remarks[0].startswith("V.Bad: ")
    assert sentence in remarks[0]
    assert catalog.match("V.*") == ("V.Good",)
    assert {"Motion.Speed", "Drive.Gear", "Tires.Pressure"} <= set(catalog)


def test_alternatives_of_one_scale_are_one_signal_with_the_databases_own_integers() -> None:
    catalog, remarks = named(V__Count=[{"signal": "Counter", "message": "Drive"}, {"signal": "Axle"}])

    assert remarks == ()
    assert catalog.info("V.Count") == SignalInfo("V.Count", "", 1.0, 0.0, UNSIGNED, 4)
    assert samples(catalog, "V.Count", 0x200, bytes(7) + b"\x05") == [(5, 5.0)]
    assert samples(catalog, "V.Count", 0x300, b"\x70\0\0") == [(7, 7.0)]


def test_alternatives_may_have_a_sign_or_none() -> None:
    catalog, _ = named(V__Angle=[{"signal": "Angle", "transform": {"math": "x * 10"}}, {"signal": "Gear"}])

    assert catalog.info("V.Angle") == SignalInfo("V.Angle", "deg", 1.0, 0.0, SIGNED, 12)
    assert samples(catalog, "V.Angle", 0x100, b"\0\0\xff\x0f" + bytes(4)) == [(-1, -1.0)]
    assert samples(catalog, "V.Angle", 0x200, b"\x03" + bytes(7)) == [(3, 3.0)]


def test_alternatives_keep_their_texts_where_all_have_the_same() -> None:
    allowed = ["PARK", "DRIVE"]
    gear: dict[str, object] = {"signal": "Gear", "transform": mapping_of(("P", "PARK"), ("D", "DRIVE"))}
    axle: dict[str, object] = {"signal": "Axle", "transform": mapping_of((9, "DRIVE"), (8, "PARK"))}
    catalog, remarks = named(
        V__Same=[gear | {"allowed": allowed}, axle],
        V__Numbers=[gear | {"allowed": allowed}, {"signal": "Axle"}],
        V__Free=[gear, axle],
    )

    assert remarks == ()
    assert catalog.labels("V.Same") == {0: "PARK", 1: "DRIVE"}
    assert samples(catalog, "V.Same", 0x300, b"\x90\0\0", b"\xa0\0\0") == [(1, 1.0)]
    assert catalog.labels("V.Numbers") == catalog.labels("V.Free") == {}
    assert catalog.labels("Drive.Gear") == GEARS


def test_alternatives_of_other_scales_are_floats() -> None:
    catalog, remarks = named(V__Speed=[{"signal": "Speed", "unit": "km/h"}, {"signal": "Exact"}])

    assert remarks == ()
    assert catalog.info("V.Speed") == SignalInfo("V.Speed", "km/h", 1.0, 0.0, FLOAT, 64)
    assert catalog.match("V.*") == ("V.Speed",)


def test_an_alternative_that_these_databases_do_not_have_is_told_and_the_others_are_used() -> None:
    catalog, remarks = named(V__Speed=[{"signal": "Velocity"}, {"signal": "Speed"}, {"signal": "Counter"}])

    assert remarks == (
        "V.Speed: dbc2vss[0]: no signal 'Velocity' in the databases",
        "V.Speed: dbc2vss[2]: signal 'Counter' is in the messages Drive, Other; say which with `message`",
    )
    assert catalog["V.Speed"].info == SignalInfo("V.Speed", "mph", 0.1, -1.0, UNSIGNED, 16)


def test_a_path_none_of_whose_alternatives_can_be_used_is_left_out() -> None:
    catalog, remarks = named(V__Speed=[{"signal": "Velocity"}, {"signal": "Velo"}])

    assert len(remarks) == 2
    assert catalog.match("V.*") == ()


def combined(text: str, **signals: object) -> dict[str, object]:
    return {"signals": signals, "transform": {"math": text}}


def test_a_path_computed_from_several_signals_is_a_float_of_the_trees_unit() -> None:
    catalog, remarks = named(
        V__Power=combined("v * g", v="Speed", g="Gear") | {"unit": "W"}, V__Gear={"signal": "Gear"}
    )

    assert remarks == ()
    assert catalog.info("V.Power") == SignalInfo("V.Power", "W", 1.0, 0.0, FLOAT, 64)
    assert catalog.match("V.*") == ("V.Gear", "V.Power")
    assert catalog.match("can0.V.Power") == ("V.Power",)
    assert catalog.nearest("V.Powr")[0] == "V.Power"
    assert len(catalog) == len(list(catalog)) == len(catalog.match("*"))
    assert "Motion.Speed" in catalog
    with pytest.raises(KeyError):
        catalog["V.Power"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (combined("a + b", a="Speed", b="Geer"), "dbc2vss.signals.b: no signal 'Geer' in the databases; nearest: Gear"),
        (combined("a + c", a="Speed", b="Gear"), "dbc2vss.transform.math: 'c' is more than a formula of a, b"),
        (combined("a", a="Speed", b="Gear"), "dbc2vss.signals.b: is not in the formula"),
        (combined("E", E="Speed"), "dbc2vss.transform.math: 'E' cannot be the name of a value"),
        (
            combined("a", a={"signal": "Exact", "transform": {"math": "floor(x)"}}),
            "dbc2vss.signals.a: its formula is no line of x",
        ),
        (
            [combined("a + b", a="Speed", b={"signal": "Gear", "message": "Motion"})],
            "dbc2vss[0].signals.b: no signal 'Motion.Gear'",
        ),
    ],
)
def test_a_formula_that_cannot_be_used_is_told_by_its_place(
    source: dict[str, object] | list[dict[str, object]], sentence: str
) -> None:
    catalog, remarks = named(V__Bad=source, V__Good={"signal": "Angle"})

    assert len(remarks) == 1
    assert remarks[0].startswith(f"V.Bad: {sentence}")
    assert catalog.match("V.*") == ("V.Good",)


def test_a_computed_path_on_two_buses_carries_its_bus() -> None:
    text = json.dumps({"V.Sum": {"type": "sensor", "dbc2vss": combined("a + b", a="Speed", b="Gear")}})
    databases, _ = mapped([CAR], parse_mapping("car.json", text))

    both = Catalog([("front", databases), ("rear", databases)])
    assert both.match("*V.Sum") == ("front.V.Sum", "rear.V.Sum")
    assert both.match("V.Sum") == ()


def test_the_message_may_be_named_where_several_have_the_signal() -> None:
    catalog, remarks = named(V__Count={"signal": "Counter", "message": "Other"})

    assert remarks == ()
    assert catalog["V.Count"].message.name == "Other"
    assert "Drive.Counter" in list(catalog)


def test_a_path_that_stands_twice_is_used_once() -> None:
    tree = {
        "V": {"type": "branch", "children": {"A": {"type": "sensor", "dbc": {"signal": "Speed"}}}},
        "V.A": {"type": "sensor", "dbc": {"signal": "Gear"}},
    }
    databases, remarks = mapped([CAR], parse_mapping("car.json", json.dumps(tree)))

    assert remarks == ("V.A: is in the mapping twice; the first is used",)
    assert Catalog([("can0", databases)])["V.A"].signal.name == "Speed"


def test_a_path_on_two_buses_carries_its_bus_and_no_other_signal_takes_its_name() -> None:
    one, _ = mapped([CAR], parse_mapping("m.json", '{"Drive.Gear": {"type": "sensor", "dbc": {"signal": "Speed"}}}'))

    both = Catalog([("front", one), ("rear", one)])
    assert both.match("*Drive*Gear") == (
        "front.Drive.Gear",
        "front.Drive@200.Gear",
        "rear.Drive.Gear",
        "rear.Drive@200.Gear",
    )
    assert both["rear.Drive.Gear"].signal.name == "Speed"
    assert both.match("front.Motion.Speed") == ("front.Drive.Gear",)
    alone = Catalog([("can0", one)])
    assert (alone["Drive.Gear"].signal.name, alone["Drive@200.Gear"].signal.name) == ("Speed", "Gear")


def test_a_bus_without_a_database_says_so() -> None:
    mapping = parse_mapping("m.json", '{"V.S": {"type": "sensor", "dbc": {"signal": "Speed"}}}')
    assert mapped([], mapping) == ([], ("V.S: no signal 'Speed' in the databases, of which none could be loaded",))


def test_selectors_of_the_database_hold_before_those_of_the_mapping() -> None:
    inner = Selector(BitField(0, 2, big_endian=False), ((1, 1),))
    paged = Database("p.dbc", (Message("M", 1, 2, (signal("Page", 4, 2), signal("S", 8, 8, selectors=(inner,)))),))
    text = json.dumps(
        {"V.S": {"type": "sensor", "dbc": {"signal": "S", "multiplexer": [{"signal": "Page", "value": 2}]}}}
    )
    databases, _ = mapped([paged], parse_mapping("m.json", text))

    catalog = Catalog([("can0", databases)])
    assert samples(catalog, "V.S", 1, b"\x21\x05", b"\x20\x06", b"\x11\x07", b"\x21\x08") == [(5, 5.0), (8, 8.0)]
    assert Path(databases[0].path) == Path("p.dbc")


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["P", "D", "x * 2", "floor(x)", "1/x"])
)
NAMES = st.sampled_from(["Speed", "Angle", "Exact", "Gear", "Wide", "Pressure", "Axle", "Counter", ""])
KEYS = st.sampled_from(["signal", "message", "transform", "math", "mapping", "from", "to", "multiplexer", "value"])
SIGNALS = st.fixed_dictionaries(
    {"signal": NAMES},
    optional={
        "transform": st.fixed_dictionaries({"math": SCALARS})
        | st.fixed_dictionaries(
            {"mapping": st.lists(st.fixed_dictionaries({"from": SCALARS, "to": SCALARS}), max_size=4)}
        ),
        "multiplexer": st.lists(st.fixed_dictionaries({"signal": NAMES, "value": SCALARS}), max_size=2),
    },
)
COMBINED = st.fixed_dictionaries(
    {
        "signals": st.dictionaries(st.sampled_from(["a", "b", "x", "E"]), SIGNALS | NAMES, max_size=3),
        "transform": st.sampled_from(
            [{"math": "a + b"}, {"math": "a / b"}, {"math": "x"}, {"math": "if(a > b, 1, x)"}]
        ),
    },
    optional={"trigger": st.sampled_from(["a", ["b"], []])},
)
ONE = SIGNALS | COMBINED
SOURCES = (
    ONE
    | st.lists(ONE, max_size=3)
    | st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
)


@given(
    st.lists(st.tuples(SOURCES, st.lists(SCALARS, max_size=3)), min_size=1, max_size=5),
    st.binary(min_size=8, max_size=8),
)
def test_every_path_of_any_mapping_is_used_or_told(sources: list[tuple[object, list[object]]], data: bytes) -> None:
    tree = {
        f"V.S{i}": {"type": "sensor", "allowed": allowed, "dbc2vss": source}
        for i, (source, allowed) in enumerate(sources)
    }
    try:
        mapping = parse_mapping("car.json", json.dumps(tree))
    except MappingRefused:
        raise AssertionError("every node has a source") from None
    databases, remarks = mapped([CAR], mapping)
    catalog = Catalog([("can0", databases)])

    told = {remark.partition(": ")[0] for remark in (*mapping.remarks, *remarks)}
    used = set(catalog.match("V.*"))
    assert used | told == set(tree)
    assert not {name for name in used & told if not isinstance(tree[name]["dbc2vss"], list)}
    frames = [data_frame(can_id, data) for can_id in (0x100, 0x200, 0x300)]
    decoded = Decoding(compile_plan(catalog, sorted(catalog))).feed(block(frames))
    kinds = {name: catalog.info(name) for name in catalog}
    for index, raw, value in zip(decoded.signal.tolist(), decoded.raw.tolist(), decoded.value.tolist(), strict=True):
        info = kinds[sorted(catalog)[index]]
        if info.kind is not FLOAT:
            lowest = -(1 << info.bits - 1) if info.kind is SIGNED else 0
            assert lowest <= raw < lowest + (1 << info.bits)
            assert value == raw * info.factor + info.offset

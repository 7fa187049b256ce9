from edge_agent.decode.catalog import BitField, Catalog, ComputedPath, Database, Message, Signal, Source, Term
from edge_agent.decode.formula import Formula
from edge_agent.decode.relabel import relabel
from edge_agent.records import RawKind
from edge_agent.tap.about import about_signal

FIELD = BitField(0, 8, big_endian=False)


def about(name: str, **fields: object) -> object:
    values: dict[str, object] = {"factor": 1.0, "offset": 0.0, "unit": "", **fields}
    signal = Signal("S", FIELD, RawKind.UNSIGNED, **values)  # type: ignore[arg-type]  # the example's
    computed = ComputedPath("V.Inverse", "s", (Term({"a": Source(Message("M", 1, 1, (signal,)), signal)}, INVERSE),))
    message = Message("M", 1, 1, (signal,))
    return about_signal(Catalog([("can0", [Database("a.dbc", (message,), computed=(computed,))])]), name)


INVERSE = Formula("1 / a", ("a",))


def test_a_signal_is_told_with_unit_range_and_labels() -> None:
    found = about("M.S", unit="km/h", lowest=0, highest=200, labels={0: "Park", 1: "Drive"})

    assert found == {"unit": "km/h", "min": 0, "max": 200, "labels": {"0": "Park", "1": "Drive"}}


def test_where_a_database_limits_nothing_the_range_is_open_and_there_are_no_labels() -> None:
    assert about("M.S") == {"unit": "", "min": None, "max": None}


def test_range_and_labels_are_of_scaled_values() -> None:
    found = about("M.S", factor=-0.5, offset=10.0, lowest=1, highest=9, labels={2: "even", 3: "odd"})

    assert found == {"unit": "", "min": 5.5, "max": 9.5, "labels": {"9": "even"}}


def test_of_what_a_mapping_made_of_raw_values_the_database_says_no_range() -> None:
    found = about("M.S", lowest=1, highest=9, relabel=relabel({1: 0, 2: 1}), labels={0: "OFF", 1: "ON"})

    assert found == {"unit": "", "min": None, "max": None, "labels": {"0": "OFF", "1": "ON"}}


def test_a_computed_path_has_a_unit() -> None:
    assert about("V.Inverse") == {"unit": "s", "min": None, "max": None}

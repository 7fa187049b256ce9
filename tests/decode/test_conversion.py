import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Signal
from edge_agent.decode.conversion import CannotConvert, converted, raw_of
from edge_agent.decode.formula import BadFormula
from edge_agent.decode.vss import Transform, VssNode
from edge_agent.records import RawKind

GEARS = {0: "P", 1: "R", 2: "N", 3: "D"}
GEAR = Signal("Gear", BitField(0, 3, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "", labels=GEARS)
SPEED = Signal("Speed", BitField(0, 16, big_endian=False), RawKind.SIGNED, 0.1, -1.0, "mph")
FREE = VssNode()


def math(text: str) -> Transform:
    return Transform.model_validate({"math": text})


def table(*pairs: tuple[object, object]) -> Transform:
    return Transform.model_validate({"mapping": [{"from": old, "to": new} for old, new in pairs]})


def test_without_a_transform_a_signal_stays_and_takes_the_trees_unit() -> None:
    assert converted(SPEED, None, FREE) == SPEED
    assert converted(SPEED, None, VssNode(unit="km/h")).unit == "km/h"


def test_a_line_changes_factor_and_offset_alone() -> None:
    new = converted(SPEED, math("x * 1.609344"), FREE)

    assert (new.factor, new.offset, new.kind, new.relabel) == (0.1609344, -1.609344, RawKind.SIGNED, None)


def test_a_bent_formula_becomes_a_table_of_its_results() -> None:
    new = converted(GEAR, math("if(x > 2, x - 4, x)"), FREE)

    assert new.relabel is not None
    assert dict(zip(new.relabel.old.tolist(), new.relabel.new.tolist(), strict=True)) == {
        0: 0, 1: 1, 2: 2, 3: -1, 4: 0, 5: 1, 6: 2, 7: 3,
    }  # fmt: skip
    assert new.relabel.kind is RawKind.SIGNED


def test_texts_are_places_in_what_the_tree_allows() -> None:
    new = converted(GEAR, table(("D", "DRIVE"), ("P", "PARK")), VssNode(allowed=("PARK", "DRIVE")))

    assert new.labels == {0: "PARK", 1: "DRIVE"}
    assert new.relabel is not None
    assert (new.relabel.old.tolist(), new.relabel.new.tolist()) == ([3, 0], [1, 0])


@pytest.mark.parametrize(
    ("signal", "transform"),
    [(SPEED, math("abs(x)")), (GEAR, table(("X", 1))), (GEAR, table((9, 1))), (GEAR, table((0, 1), (1, "a")))],
)
def test_what_would_be_bent_is_refused(signal: Signal, transform: Transform) -> None:
    with pytest.raises(CannotConvert, match=r"\w"):
        converted(signal, transform, FREE)


def test_what_is_no_formula_of_x_is_refused() -> None:
    with pytest.raises(BadFormula):
        converted(GEAR, math("y"), FREE)


@given(st.integers(-(1 << 15), (1 << 15) - 1))
def test_a_value_has_the_raw_number_it_was_made_of(raw: int) -> None:
    assert raw_of((raw - 10) / 10, SPEED) == raw


def test_a_value_between_two_raw_numbers_or_beyond_the_field_has_none() -> None:
    assert raw_of(0.05, SPEED) is None
    assert raw_of(8, GEAR) is None
    assert raw_of(-1, GEAR) is None

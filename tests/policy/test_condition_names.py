import pytest

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.errors import ConditionRefused, SignalUnknown
from edge_agent.policy.condition_names import LABEL_RAWS, bind
from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.condition_tree import Tree, signals_of
from edge_agent.records import RawKind


def signal(name: str, kind: RawKind, bits: int, labels: dict[int, str], path: str = "") -> Signal:
    return Signal(name, BitField(0, bits, big_endian=False), kind, 1.0, 0.0, "", labels=labels, path=path)


GEARS = {0: "P", 1: "R", 2: "N", 3: "D", 14: "Not available", 15: "Not available"}
MESSAGES = (
    Message(
        "Motion",
        0x1A0,
        8,
        (
            signal("Speed", RawKind.UNSIGNED, 16, {}, "Vehicle.Speed"),
            signal("Gear", RawKind.UNSIGNED, 4, GEARS),
            signal("Serial", RawKind.UNSIGNED, 64, {2**64 - 1: "Invalid"}),
            signal("Torque", RawKind.SIGNED, 12, {-1: "Invalid"}),
            signal("Current", RawKind.FLOAT, 64, {0: "Off", 1: "On"}),
            signal("Spare", RawKind.UNSIGNED, 8, dict.fromkeys(range(LABEL_RAWS + 1), "Reserved")),
        ),
    ),
)
OTHER = (Message("Motion", 0x1A0, 8, (signal("Gear", RawKind.UNSIGNED, 4, {}),)), MESSAGES[0])
CATALOG = Catalog([("can0", [Database("a.dbc", MESSAGES)])])
TWO_BUSES = Catalog([("can0", [Database("a.dbc", MESSAGES)]), ("can1", [Database("a.dbc", OTHER)])])


def bound(text: str, catalog: Catalog = CATALOG) -> Tree:
    return bind(parse(text), catalog)


def raws(text: str) -> tuple[int, ...]:
    return next(node.raws for node in bound(text).nodes() if node.label)


def refused(text: str, catalog: Catalog = CATALOG) -> ConditionRefused:
    with pytest.raises(ConditionRefused) as refusal:
        bound(text, catalog)
    return refusal.value


@pytest.mark.parametrize("name", ["Vehicle.Speed", "Motion.Speed", "can0.Motion.Speed", "can0.Vehicle.Speed"])
def test_a_signal_goes_by_its_public_name_however_it_was_written(name: str) -> None:
    assert signals_of(bound(f"rising({name} > 3) and age({name}) < 1")) == ("Vehicle.Speed",)


def test_a_name_that_two_buses_share_needs_its_bus() -> None:
    assert signals_of(bound("can1.Motion.Gear", TWO_BUSES)) == ("can1.Motion.Gear",)
    assert isinstance(refused("Motion.Gear", TWO_BUSES), SignalUnknown)


def test_an_unknown_signal_is_named_with_those_that_are_near() -> None:
    error = refused("Vehicle.Speed > 1 and Motion.Geer == 'R'")

    assert isinstance(error, SignalUnknown)
    assert str(error).startswith("column 38: no signal 'Motion.Geer'; nearest: Motion.Gear")


def test_a_name_that_is_like_nothing_is_unknown_all_the_same() -> None:
    assert str(refused("Qqq > 1")) == "column 1: no signal 'Qqq'"


def test_a_pattern_names_one_signal_or_is_refused() -> None:
    assert str(refused("`Motion.*` > 1")).startswith("column 1: 'Motion.*' means 6 signals, Motion.Gear, ")


def test_a_label_is_every_raw_number_that_bears_it() -> None:
    assert raws("Motion.Gear == 'R'") == (1,)
    assert raws("'Not available' != Motion.Gear") == (14, 15)


def test_raw_numbers_are_those_of_a_block() -> None:
    assert raws("Motion.Serial == 'Invalid'") == (-1,)
    assert raws("Motion.Torque == 'Invalid'") == (-1,)
    assert raws("Motion.Current == 'On'") == (0x3FF0_0000_0000_0000,)
    assert raws("Motion.Current == 'Off'") == (0, -(1 << 63))


def test_an_unknown_label_is_named_with_those_that_are_near() -> None:
    error = refused("Motion.Gear == 'Not availble'")

    assert not isinstance(error, SignalUnknown)
    assert str(error) == "column 16: Motion.Gear has no label 'Not availble'; nearest: 'Not available'"
    assert str(refused("Motion.Gear == 'xyz'")).endswith("has no label 'xyz'; nearest: 'P', 'R', 'N'")


def test_a_signal_without_labels_is_compared_by_number() -> None:
    assert str(refused("Vehicle.Speed == 'R'")) == "column 18: Vehicle.Speed has no labels: compare its number"


def test_a_label_of_very_many_numbers_is_refused() -> None:
    assert str(refused("Motion.Spare == 'Reserved'")).endswith(
        "'Reserved' stands for 33 numbers of Motion.Spare: compare these"
    )

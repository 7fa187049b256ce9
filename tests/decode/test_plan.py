import pytest

from edge_agent.decode.catalog import (
    BitField,
    Catalog,
    ComputedPath,
    Database,
    Message,
    Selector,
    Signal,
    Source,
    Term,
)
from edge_agent.decode.formula import Formula
from edge_agent.decode.plan import ALL_ONES, compile_plan
from edge_agent.records import EXTENDED_ID, RawKind

MODE = BitField(0, 9, big_endian=False)
"""too wide for a table of its values"""
SPREAD = Signal("Spread", MODE, RawKind.UNSIGNED, 1.0, 0.0, "", (Selector(MODE, ((1, 1), (3, 5))),))
DEEP = Signal(
    "Deep", MODE, RawKind.UNSIGNED, 1.0, 0.0, "", (Selector(MODE, ((1, 1), (3, 5))), Selector(MODE, ((7, 7), (9, 9))))
)
PLAIN = Signal("Plain", MODE, RawKind.SIGNED, 1.0, 0.0, "")
CATALOG = Catalog(
    [
        ("can0", [Database("a.dbc", (Message("Late", 0x7FF, 8, (PLAIN,)), Message("Early", 0x10, 8, (SPREAD, DEEP))))]),
        ("can1", [Database("b.dbc", (Message("Other", 0x10 | EXTENDED_ID, 2, (PLAIN,)),))]),
    ]
)


def test_every_message_is_known_in_the_order_of_bus_and_id_before_a_sentinel() -> None:
    plan = compile_plan(CATALOG, [])

    assert plan.keys.tolist() == [0x10, 0x7FF, 1 << 32 | 0x10 | EXTENDED_ID, ALL_ONES]
    assert plan.lengths.tolist() == [8, 8, 2, 0]
    assert plan.count.tolist() == [0, 0, 0, 0]


def test_a_signal_has_one_row_for_each_way_through_its_multiplexers() -> None:
    plan = compile_plan(CATALOG, ["Late.Plain", "Early.Spread", "Early.Deep"])

    assert [info.name for info in plan.signals] == ["Late.Plain", "Early.Spread", "Early.Deep"]
    assert plan.signal.tolist() == [1, 1, 2, 2, 2, 2, 0]
    assert plan.start.tolist() == [0, 6, 7, 7]
    assert plan.count.tolist() == [6, 1, 0, 0]
    assert len(plan.conditions) == 2
    assert plan.conditions[1].applies.tolist() == [False, False, True, True, True, True, False]
    assert plan.conditions[1].low.tolist()[2:6] == [7, 9, 7, 9]


def test_no_multiplexed_signal_makes_no_condition() -> None:
    assert compile_plan(CATALOG, ["Late.Plain"]).conditions == ()


def test_a_name_the_catalog_does_not_hold_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError, match=r"No\.Such"):
        compile_plan(CATALOG, ["No.Such"])


def test_a_multiplexer_leads_to_nodes_behind_those_of_the_messages() -> None:
    mode = BitField(0, 1, big_endian=False)
    one = Signal("One", MODE, RawKind.UNSIGNED, 1.0, 0.0, "", (Selector(mode, ((1, 1),)),))
    catalog = Catalog([("can0", [Database("a.dbc", (Message("M", 0x10, 8, (PLAIN, one)),))])])

    plan = compile_plan(catalog, list(catalog))

    assert plan.branches is not None
    assert plan.branches.splits.tolist() == [True, False, False, False]
    assert plan.branches.children.tolist() == [2, 3]
    assert plan.count.tolist() == [0, 0, 1, 2]
    assert plan.signal.tolist() == [0, 0, 1]
    assert plan.conditions == ()
    assert compile_plan(CATALOG, ["Late.Plain"]).branches is None


def computed(path: str, *terms: Term) -> Catalog:
    databases = [
        Database("a.dbc", (Message("Late", 0x7FF, 8, (PLAIN,)), Message("Early", 0x10, 8, (SPREAD,)))),
        Database("map.json", (), computed=(ComputedPath(path, "", terms),)),
    ]
    return Catalog([("can0", databases)])


LATE = Source(Message("Late", 0x7FF, 8, (PLAIN,)), PLAIN)
EARLY = Source(Message("Early", 0x10, 8, (SPREAD,)), SPREAD)


def test_sources_of_a_computed_path_have_rows_beyond_the_signals() -> None:
    catalog = computed("V.Sum", Term({"a": LATE, "b": EARLY}, Formula("a + b", ("a", "b"))))

    plan = compile_plan(catalog, ["V.Sum", "Late.Plain"])

    assert [info.name for info in plan.signals] == ["V.Sum", "Late.Plain"]
    assert plan.signal.tolist() == [3, 3, 1, 2]
    assert plan.computing is not None
    assert (plan.computing.first, plan.computing.sources) == (2, ((0, LATE), (0, EARLY)))
    assert [step.triggers for step in plan.computing.steps] == [(0, 1)]
    assert plan.expected.signals == ("", "Late.Plain", "Late.Plain", "Early.Spread")


def test_alternatives_of_one_scale_are_rows_of_one_signal() -> None:
    plan = compile_plan(computed("V.Any", Term({"x": LATE}), Term({"x": EARLY})), ["V.Any"])

    assert plan.computing is None
    assert plan.signal.tolist() == [0, 0, 0]
    assert (plan.signals[0].kind, plan.signals[0].bits) == (RawKind.SIGNED, 10)

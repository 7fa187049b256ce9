import math

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.plan import compile_plan
from edge_agent.records import RawKind

FREE = Signal("Free", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "")
BELOW = Signal("Below", BitField(8, 8, big_endian=False), RawKind.UNSIGNED, 0.5, 0.0, "", highest=200)
ABOVE = Signal("Above", BitField(16, 8, big_endian=False), RawKind.SIGNED, 1.0, 0.0, "", lowest=-5)


def test_tables_are_in_the_order_of_the_plans_messages_and_signals() -> None:
    catalog = Catalog(
        [
            ("a", [Database("a.dbc", (Message("Two", 2, 8, (FREE,)), Message("One", 1, 8, (BELOW,), cycle_ns=10)))]),
            ("b", [Database("b.dbc", (Message("Three", 1, 8, (ABOVE,), cycle_ns=20),))]),
        ]
    )

    expected = compile_plan(catalog, ["Three.Above", "One.Below", "Two.Free"]).expected

    assert expected.messages == ("One", "Two", "Three")
    assert expected.cycle_ns.tolist() == [10, 0, 20, 0]
    assert expected.low.tolist() == [-5.5, -math.inf, -math.inf]
    assert expected.high.tolist() == [math.inf, 100.25, math.inf]
    assert (expected.any_low, expected.any_high) == (True, True)
    assert expected.bus.tolist() == [1, 0, 0]
    assert expected.signals == ("Three.Above", "One.Below", "Two.Free")


def test_signals_without_bounds_need_no_comparison() -> None:
    catalog = Catalog([("a", [Database("a.dbc", (Message("M", 1, 8, (FREE, BELOW)),))])])

    free = compile_plan(catalog, ["M.Free"]).expected
    below = compile_plan(catalog, ["M.Free", "M.Below"]).expected

    assert (free.any_low, free.any_high) == (False, False)
    assert (below.any_low, below.any_high) == (False, True)

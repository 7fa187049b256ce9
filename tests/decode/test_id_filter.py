import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.can_frame import Filters, IdFilter
from edge_agent.decode.catalog import BitField, Catalog, ComputedPath, Database, Message, Signal, Source, Term
from edge_agent.decode.id_filter import id_filters
from edge_agent.decode.plan import compile_plan
from edge_agent.records import EXTENDED_ID, ID_BITS, RawKind

WHOLE = EXTENDED_ID | ID_BITS
EEC1 = EXTENDED_ID | 0x0CF00400
TSC1 = EXTENDED_ID | 0x0C000003
DM1 = EXTENDED_ID | 0x18FECA00


def message(name: str, can_id: int, *, length: int = 8, j1939: bool = False) -> Message:
    signals = tuple(
        Signal(one, BitField(8 * at, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "")
        for at, one in enumerate("ab")
    )
    return Message(name, can_id, length, signals, j1939=j1939)


def filters(*wanted: str, **buses: tuple[Message, ...]) -> tuple[Filters, ...]:
    catalog = Catalog([(name, [Database("x.dbc", messages)]) for name, messages in buses.items()])
    return id_filters(compile_plan(catalog, wanted), catalog)


def passes(one: Filters, can_id: int) -> bool:
    """As the kernel decides it (linux/can.h)."""
    return any(can_id & each.mask == each.can_id & each.mask for each in one)


def test_only_messages_with_a_wanted_signal_pass_each_once_and_on_their_own_bus() -> None:
    speed, door, long = message("Speed", 0x300), message("Door", 0x100), message("Long", EXTENDED_ID | 0x100)

    assert filters(
        "Speed.a", "Speed.b", "Door.a", "Long.b", drive=(speed, message("Other", 0x301)), body=(door, long), spare=()
    ) == (
        (IdFilter(0x300, EXTENDED_ID | 0x7FF),),
        (IdFilter(0x100, EXTENDED_ID | 0x7FF), IdFilter(EXTENDED_ID | 0x100, WHOLE)),
        (),
    )


def test_a_path_of_several_messages_passes_each_of_them() -> None:
    front, rear, other = message("Front", 0x10), message("Rear", 0x20), message("Other", 0x30)
    terms = tuple(Term({"x": Source(one, one.signals[0])}) for one in (front, rear))
    database = Database("x.dbc", (front, rear, other), computed=(ComputedPath("Vehicle.Speed", "km/h", terms),))
    catalog = Catalog([("spare", []), ("drive", [database])])

    assert id_filters(compile_plan(catalog, ["Vehicle.Speed"]), catalog) == (
        (),
        (IdFilter(0x10, EXTENDED_ID | 0x7FF), IdFilter(0x20, EXTENDED_ID | 0x7FF)),
    )


def test_an_id_of_one_length_does_not_pass_for_the_same_number_in_the_other() -> None:
    (short,) = filters("Door.a", body=(message("Door", 0x100),))
    (long,) = filters("Door.a", body=(message("Door", EXTENDED_ID | 0x100),))

    assert (passes(short, 0x100), passes(short, EXTENDED_ID | 0x100)) == (True, False)
    assert (passes(long, 0x100), passes(long, EXTENDED_ID | 0x100)) == (False, True)


@pytest.mark.parametrize(
    ("wanted", "passing", "held_back"),
    [
        # PDU2: the PDU specific byte is part of the group.
        (EEC1, [0x0CF00400, 0x18F004FE, 0x00F00421], [0x0CF00300, 0x0CF10400, 0x0DF00400, 0x04F00400 | 1 << 25]),
        # PDU1: it is the destination.
        (TSC1, [0x0C000003, 0x18000021, 0x0C00FF31], [0x0C010003, 0x0D000003]),
    ],
)
def test_a_j1939_message_passes_at_any_priority_from_and_to_any_address(
    wanted: int, passing: list[int], held_back: list[int]
) -> None:
    (one,) = filters("Group.a", truck=(message("Group", wanted, j1939=True),))

    assert len(one) == 1 + len(("connection management", "data transfer"))
    assert all(passes(one, EXTENDED_ID | can_id) for can_id in passing)
    assert not any(passes(one, EXTENDED_ID | can_id) for can_id in held_back)
    assert not passes(one, wanted & 0x7FF)


@given(st.integers(0, ID_BITS))
def test_a_wanted_group_passes_its_own_id(can_id: int) -> None:
    (one,) = filters("Group.a", truck=(message("Group", EXTENDED_ID | can_id, j1939=True),))

    assert passes(one, EXTENDED_ID | can_id)


def test_where_a_group_is_wanted_the_transport_protocol_passes_on_its_bus() -> None:
    faults, engine = message("DM1", DM1, j1939=True), message("EEC1", EEC1)
    truck, trailer = filters("DM1.a", "EEC1.a", truck=(faults,), trailer=(engine,))

    for packet in (0x1CECFF00, 0x1CEBFF00, 0x18EC0021):
        assert passes(truck, EXTENDED_ID | packet)
        assert not passes(trailer, EXTENDED_ID | packet)
    assert passes(truck, DM1), "short ones come in a frame of their own"

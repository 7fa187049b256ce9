from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.decoder import decode
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.health import BusLine
from edge_agent.decode.plan import compile_plan
from edge_agent.records import RawKind
from tests.decode.frames import block, data_frame

FIELDS = {"A": BitField(0, 8, big_endian=False), "B": BitField(8, 8, big_endian=False)}
SIGNALS = tuple(Signal(name, field, RawKind.UNSIGNED, 0.5, 0.0, "") for name, field in FIELDS.items())
CATALOG = Catalog([("can0", [Database("a.dbc", (Message("M", 1, 2, SIGNALS),))])])


def test_a_block_is_decoded_by_the_plan_of_its_time() -> None:
    decoding = Decoding(compile_plan(CATALOG, ["M.A"]))
    frames = block([data_frame(1, b"\x04\x06")])

    before = decoding.feed(frames)
    decoding.follow(compile_plan(CATALOG, ["M.B", "M.A"]))
    after = decoding.feed(frames)

    assert before.value.tolist() == [2.0]
    assert after.value.tolist() == [3.0, 2.0]
    assert before.counts == after.counts == decode(compile_plan(CATALOG, []), frames).counts


def test_the_health_of_the_buses_is_watched_where_they_are_named() -> None:
    frames = block([data_frame(1, b"\x04\x06"), data_frame(9, b"")])
    plan = compile_plan(CATALOG, ["M.A"])

    unwatched, watched = Decoding(plan), Decoding(plan, [BusLine("can0")])

    assert unwatched.feed(frames).health == ()
    assert unwatched.rest() is None
    assert len(watched.feed(frames).health) == 1
    rest = watched.rest()
    assert rest is not None
    assert rest.health[0].unknown_ids == (9,)

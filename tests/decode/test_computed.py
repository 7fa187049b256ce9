import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.block import Frame
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Selector, Signal
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.naming import mapped
from edge_agent.decode.plan import compile_plan
from edge_agent.decode.vss import parse_mapping
from edge_agent.records import EXTENDED_ID, RawKind, SampleBlock, SignalInfo
from tests.decode.frames import block, data_frame

SIGNED, UNSIGNED, FLOAT = RawKind.SIGNED, RawKind.UNSIGNED, RawKind.FLOAT
PAGE = BitField(0, 8, big_endian=False)


def signal(name: str, start: int, bits: int = 8, **more: object) -> Signal:
    fields = {"kind": UNSIGNED, "factor": 1.0, "offset": 0.0, "unit": ""} | more
    return Signal(name, BitField(start, bits, big_endian=False), **fields)  # type: ignore[arg-type]  # a test's shorthand


CAR = Database(
    "car.dbc",
    (
        Message("Near", 0x100, 8, (signal("A", 0, factor=0.5), signal("B", 8), signal("R", 16, 32, kind=FLOAT))),
        Message("Paged", 0x200, 8, (signal("C", 8, kind=SIGNED, selectors=(Selector(PAGE, ((1, 1),)),)),)),
        Message("Other", 0x300, 8, (signal("D", 0, kind=SIGNED),)),
        Message("Heavy", 0x18FEEA00 | EXTENDED_ID, 8, (signal("W", 0, 16),), j1939=True),
    ),
)


def catalog_of(*mappings: Mapping[str, object], buses: int = 1) -> tuple[Catalog, tuple[str, ...]]:
    """The car on some buses, by one mapping: path to `dbc2vss`."""
    tree = {path: {"type": "sensor", "dbc2vss": source} for mapping in mappings for path, source in mapping.items()}
    databases, remarks = mapped([CAR], parse_mapping("car.json", json.dumps(tree)))
    return Catalog([(f"can{bus}", databases) for bus in range(buses)]), remarks


def formula(math_: str, trigger: object = (), **signals: object) -> dict[str, object]:
    return {"signals": signals, "transform": {"math": math_}, "trigger": trigger}


MAPPING: dict[str, object] = {
    "V.Sum": formula("a + c / 4", a="A", c={"signal": "C", "transform": {"math": "x + 1"}}),
    "V.Ratio": formula("a / b", a="A", b="B"),
    "V.Apart": formula("a - c", "c", a="A", c="C"),
    "V.Sign": formula("if(d < 0, -b, b)", ["b", "d"], b="B", d={"signal": "D", "message": "Other"}),
    "V.Two": [{"signal": "A"}, {"signal": "D", "transform": {"math": "x * 2"}}],
    "V.Same": [{"signal": "B"}, {"signal": "D"}],
    "V.Any": [formula("a + b", a="A", b="B"), {"signal": "C"}, formula("d", d="D")],
    "V.Plain": {"signal": "B", "transform": {"math": "x / 10"}},
}
CATALOG, REMARKS = catalog_of(MAPPING)
NAMES = ("V.Sum", "V.Ratio", "V.Apart", "V.Sign", "V.Two", "V.Same", "V.Any", "V.Plain", "Near.A", "Paged.C", "Other.D")
Last = Mapping[str, float]


def _quotient(last: Last) -> float:
    if last["B"]:
        return last["A"] / last["B"]
    return math.nan if not last["A"] else math.inf


FORMULAS: dict[str, list[tuple[str, str, Callable[[Last], float]]]] = {
    "V.Sum": [("AC", "AC", lambda last: last["A"] + (last["C"] + 1) / 4)],
    "V.Ratio": [("AB", "AB", _quotient)],
    "V.Apart": [("AC", "C", lambda last: last["A"] - last["C"])],
    "V.Sign": [("BD", "BD", lambda last: -last["B"] if last["D"] < 0 else last["B"])],
    "V.Any": [("AB", "AB", lambda last: last["A"] + last["B"]), ("D", "D", lambda last: last["D"])],
}
"""By path: sources, triggers, value"""
DIRECT: dict[str, dict[str, Callable[[float], float]]] = {
    "V.Two": {"A": lambda x: x, "D": lambda x: x * 2},
    "V.Same": {"B": lambda x: x, "D": lambda x: x},
    "V.Any": {"C": lambda x: x},
    "V.Plain": {"B": lambda x: x * 0.1},
    "Near.A": {"A": lambda x: x},
    "Paged.C": {"C": lambda x: x},
    "Other.D": {"D": lambda x: x},
}
Samples = dict[str, list[tuple[int, float]]]


def said(frame: Frame) -> dict[str, float]:
    """What each signal of a frame is, the obvious way."""
    one, two = frame.data[:2]
    if frame.can_id == 0x100:
        return {"A": one * 0.5, "B": float(two)}
    if frame.can_id == 0x200:
        return {"C": float(two - 256 * (two > 127))} if one == 1 else {}
    return {"D": float(one - 256 * (one > 127))}


def reference(frames: Sequence[Frame], wanted: Sequence[str]) -> Samples:
    """An instant after the other, with a dictionary of what was said last."""
    found: Samples = {name: [] for name in wanted}
    last: dict[str, float] = {}
    for t_ns, instant in groupby(frames, lambda frame: frame.t_ns):
        fresh = set()
        for frame in instant:
            values = said(frame)
            last |= values
            fresh |= set(values)
            for name in wanted:
                found[name] += [(t_ns, of(values[one])) for one, of in DIRECT.get(name, {}).items() if one in values]
        for name in wanted:
            for sources, triggers, value in FORMULAS.get(name, ()):
                if fresh & set(triggers) and set(sources) <= set(last) and math.isfinite(value(last)):
                    found[name].append((t_ns, value(last)))
    return {name: sorted(samples) for name, samples in found.items()}


def by_name(blocks: Sequence[tuple[Sequence[str], SampleBlock]]) -> Samples:
    """Each name's samples; every block is judged on the way."""
    found: Samples = {}
    for wanted, one in blocks:
        assert (np.diff(one.t_ns) >= 0).all()
        for t_ns, index, raw, value in zip(
            *(a.tolist() for a in (one.t_ns, one.signal, one.raw, one.value)), strict=True
        ):
            name = wanted[index]
            info = CATALOG.info(name)
            assert value == (np.int64(raw).view(np.float64) if info.kind is FLOAT else raw * info.factor + info.offset)
            found.setdefault(name, []).append((t_ns, value))
    return {name: sorted(samples) for name, samples in found.items()}


@st.composite
def streams(draw: st.DrawFn) -> list[list[Frame]]:
    """Blocks of frames, cut between instants."""
    frames, t_ns = [], 0
    for gap, can_id, one, two in draw(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from([0x100, 0x200, 0x300]),
                st.sampled_from([0, 1, 2, 255]),
                st.sampled_from([0, 1, 128, 255]),
            ),
            max_size=30,
        )
    ):
        t_ns += gap
        frames.append(data_frame(can_id, bytes([one, two, *bytes(6)]), t_ns=t_ns))
    blocks: list[list[Frame]] = [[]]
    for _, instant in groupby(frames, lambda frame: frame.t_ns):
        if draw(st.booleans()):
            blocks.append([])
        blocks[-1] += instant
    return blocks


@given(streams(), st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_however_a_stream_is_cut_its_samples_are_those_of_an_instant_after_the_other(
    blocks: list[list[Frame]], wanted: list[str], random: "np.random.Generator"
) -> None:
    assert REMARKS == ()
    plan = compile_plan(CATALOG, wanted)
    assert [info.name for info in plan.signals] == wanted
    decoding = Decoding(plan)
    found: list[tuple[Sequence[str], SampleBlock]] = []
    order = list(wanted)
    for frames in blocks:
        found.append((tuple(order), decoding.feed(block(frames))))
        # A configuration that asks for the same in another order takes over with what was said last.
        random.shuffle(order)
        decoding.follow(compile_plan(CATALOG, order))

    expected = reference([frame for frames in blocks for frame in frames], wanted)
    assert by_name(found) == {name: samples for name, samples in expected.items() if samples}


def fed(catalog: Catalog, wanted: Sequence[str], *blocks: Sequence[Frame]) -> list[tuple[int, str, float]]:
    decoding = Decoding(compile_plan(catalog, wanted))
    return list(_samples(decoding, wanted, blocks))


def _samples(
    decoding: Decoding, wanted: Sequence[str], blocks: Sequence[Sequence[Frame]]
) -> Iterator[tuple[int, str, float]]:
    for frames in blocks:
        one = decoding.feed(block(frames, buses=max((frame.bus for frame in frames), default=0) + 1))
        for t_ns, index, value in zip(one.t_ns.tolist(), one.signal.tolist(), one.value.tolist(), strict=True):
            yield t_ns, wanted[index], value


def near(a: int, b: int, t_ns: int, bus: int = 0) -> Frame:
    return data_frame(0x100, bytes([a, b, *bytes(6)]), t_ns=t_ns, bus=bus)


def paged(c: int, t_ns: int, bus: int = 0) -> Frame:
    return data_frame(0x200, bytes([1, c, *bytes(6)]), t_ns=t_ns, bus=bus)


def other(d: int, t_ns: int, bus: int = 0) -> Frame:
    return data_frame(0x300, bytes([d, *bytes(7)]), t_ns=t_ns, bus=bus)


def test_a_computed_path_is_a_float_and_its_sources_do_not_leave() -> None:
    plan = compile_plan(CATALOG, ["V.Sum"])

    assert plan.signals == (SignalInfo("V.Sum", "", 1.0, 0.0, FLOAT, 64),)
    assert fed(CATALOG, ["V.Sum"], [near(10, 0, 1), paged(3, 2)]) == [(2, "V.Sum", 6.0)]


def test_a_plan_without_computed_paths_has_nothing_to_compute() -> None:
    assert compile_plan(CATALOG, ["V.Plain", "V.Same", "Near.A"]).computing is None
    assert compile_plan(CATALOG, ["V.Two"]).computing is not None


def test_nothing_is_said_until_every_source_was_heard() -> None:
    assert fed(CATALOG, ["V.Sum"], [near(10, 0, 1)], [near(12, 0, 2)]) == []


def test_only_a_triggers_samples_give_samples_so_that_halves_of_two_values_never_meet() -> None:
    frames = [near(0, 0, 1), paged(0, 2), near(10, 0, 3), paged(5, 4)]

    assert fed(CATALOG, ["V.Sum"], frames) == [(2, "V.Sum", 0.25), (3, "V.Sum", 5.25), (4, "V.Sum", 6.5)]
    assert fed(CATALOG, ["V.Apart"], frames) == [(2, "V.Apart", 0.0), (4, "V.Apart", 0.0)]


def test_a_source_that_was_not_asked_for_before_is_not_known_and_one_that_stays_is() -> None:
    decoding = Decoding(compile_plan(CATALOG, ["V.Sum"]))
    decoding.feed(block([near(10, 0, 1), paged(0, 1)]))

    decoding.follow(compile_plan(CATALOG, ["V.Sign", "V.Apart", "V.Sum"]))
    assert list(_samples(decoding, ["V.Sign", "V.Apart", "V.Sum"], [[near(20, 0, 2)]])) == [(2, "V.Sum", 10.25)]
    decoding.follow(compile_plan(CATALOG, ["Near.A"]))
    assert list(_samples(decoding, ["Near.A"], [[near(20, 0, 3)]])) == [(3, "Near.A", 10.0)]
    decoding.follow(compile_plan(CATALOG, ["V.Sum"]))
    assert list(_samples(decoding, ["V.Sum"], [[near(20, 0, 4)]])) == []


def test_a_value_that_is_no_number_is_no_sample_and_its_path_is_named_once() -> None:
    decoding = Decoding(compile_plan(CATALOG, ["V.Ratio", "V.Two"]))
    found = list(_samples(decoding, ["V.Ratio", "V.Two"], [[near(1, 0, 1)], [near(0, 0, 2)], [near(4, 4, 3)]]))

    assert [sample for sample in found if sample[1] == "V.Ratio"] == [(3, "V.Ratio", 0.5)]
    assert decoding.left_out == ["V.Ratio"]


def test_an_alternative_that_is_no_number_is_left_out_too() -> None:
    catalog, _ = catalog_of({"V.R": [{"signal": "R"}, {"signal": "A"}]})
    decoding = Decoding(compile_plan(catalog, ["V.R"]))
    infinite = data_frame(0x100, bytes([2, 0, 0, 0, 0x80, 0x7F, 0, 0]), t_ns=1)

    assert list(_samples(decoding, ["V.R"], [[infinite]])) == [(1, "V.R", 1.0)]
    assert decoding.left_out == ["V.R"]


def test_a_j1939_source_is_heard_from_any_sender() -> None:
    catalog, _ = catalog_of({"V.Weight": formula("w * 2 + a", a="A", w="W")})
    weight = data_frame(0x0CFEEA21 | EXTENDED_ID, bytes([7, 0, *bytes(6)]), t_ns=2)

    assert fed(catalog, ["V.Weight"], [near(2, 0, 1), weight]) == [(2, "V.Weight", 15.0)]


def test_two_buses_with_one_mapping_compute_apart() -> None:
    catalog, _ = catalog_of({"V.Sum": MAPPING["V.Sum"]}, buses=2)
    names = ["can0.V.Sum", "can1.V.Sum"]

    assert catalog.match("*V.Sum") == tuple(names)
    assert fed(catalog, names, [near(10, 0, 1), paged(3, 2, bus=1), near(20, 0, 3, bus=1), paged(7, 4)]) == [
        (3, "can1.V.Sum", 11.0),
        (4, "can0.V.Sum", 7.0),
    ]


def test_what_two_formulas_have_in_common_is_decoded_once() -> None:
    plan = compile_plan(CATALOG, ["V.Sum", "V.Ratio", "V.Apart"])

    assert plan.computing is not None
    assert sorted(source.signal.name for _, source in plan.computing.sources) == ["A", "B", "C", "C"]


@pytest.mark.parametrize("wanted", [["V.Sum", "Near.A"], ["Near.A", "V.Sum"]])
def test_a_source_that_is_asked_for_by_itself_leaves_by_its_own_name(wanted: list[str]) -> None:
    found = fed(CATALOG, wanted, [near(10, 0, 1), paged(3, 2)], [near(20, 0, 3)])
    assert found == [(1, "Near.A", 5.0), (2, "V.Sum", 6.0), (3, "Near.A", 10.0), (3, "V.Sum", 11.0)]

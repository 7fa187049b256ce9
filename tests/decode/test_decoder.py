import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.block import Frame
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Selector, Signal
from edge_agent.decode.decoder import decode
from edge_agent.decode.plan import compile_plan
from edge_agent.records import EXTENDED_ID, BusCounts, FrameFlag, RawKind, SampleBlock
from tests.decode.frames import block, data_frame, read_bits, read_number, write_bits

SPEED = Signal("Speed", BitField(0, 16, big_endian=False), RawKind.UNSIGNED, 0.01, 0.0, "km/h")
GEAR = Signal("Gear", BitField(16, 4, big_endian=False), RawKind.SIGNED, 1.0, 0.0, "")
MOTION = Message("Motion", 0x100, 4, (SPEED, GEAR))


def catalog(*messages: Message) -> Catalog:
    return Catalog([("can0", [Database("made.dbc", messages)])])


def plain(samples: SampleBlock, names: list[str]) -> list[tuple[int, str, int, float]]:
    return [
        (t_ns, names[signal], raw, value)
        for t_ns, signal, raw, value in zip(
            samples.t_ns.tolist(), samples.signal.tolist(), samples.raw.tolist(), samples.value.tolist(), strict=True
        )
    ]


def decoded(known: Catalog, *frames: Frame) -> list[tuple[int, str, int, float]]:
    names = list(known)
    return plain(decode(compile_plan(known, names), block(frames)), names)


# --- against a bit-by-bit reference ------------------------------------------------------------


@st.composite
def fields(draw: st.DrawFn, length: int, bits: st.SearchStrategy[int]) -> BitField:
    """Any field that fits into a payload of `length` bytes."""
    size = draw(bits.filter(lambda size: size <= 8 * length))
    first = draw(st.integers(0, 8 * length - size))
    big_endian = draw(st.booleans())
    return BitField(8 * (first // 8) + 7 - first % 8 if big_endian else first, size, big_endian)


@st.composite
def selectors(draw: st.DrawFn, length: int) -> Selector:
    field = draw(fields(length, st.integers(1, 6)))
    most = (1 << field.bits) - 1
    cuts = sorted(draw(st.sets(st.integers(0, most), min_size=1, max_size=5)))
    ranges = [(low, draw(st.integers(low, high - 1))) for low, high in zip(cuts, [*cuts[1:], most + 1], strict=True)]
    return Selector(field, tuple(ranges))


@st.composite
def signals(draw: st.DrawFn, name: str, length: int) -> Signal:
    kind = draw(st.sampled_from(list(RawKind)))
    sizes: st.SearchStrategy[int] = st.sampled_from([16, 32, 64]) if kind is RawKind.FLOAT else st.integers(1, 64)
    if 8 * length < 16:  # no float fits
        kind, sizes = RawKind.SIGNED, st.integers(1, 8 * length)
    return Signal(
        name,
        draw(fields(length, sizes)),
        kind,
        draw(st.sampled_from([1.0, 0.1, -2.5, 1e-7, 1e300])),
        draw(st.sampled_from([0.0, -40.0, 1e9])),
        "",
        tuple(draw(st.lists(selectors(length), max_size=3))),
    )


@st.composite
def messages(draw: st.DrawFn) -> Message:
    length = draw(st.sampled_from([1, 3, 8, 12, 64]))
    names = [f"S{i}" for i in range(draw(st.integers(0, 5)))]
    return Message("M", 0x123, length, tuple(draw(signals(name, length)) for name in names))


@st.composite
def payloads(draw: st.DrawFn, message: Message) -> bytes:
    """Random bytes with, often, the multiplexers of one signal set to values that let it through."""
    data = bytearray(draw(st.binary(min_size=message.length, max_size=message.length)))
    if draw(st.booleans()) and message.signals:
        shown = draw(st.sampled_from(list(message.signals)))
        for selector in shown.selectors:
            write_bits(data, selector.field, draw(st.sampled_from(selector.ranges))[0])
    return bytes(data)


def expected(message: Message, t_ns: int, data: bytes) -> list[tuple[int, str, int, float]]:
    found = []
    for signal in message.signals:
        chosen = [read_bits(data, selector.field) for selector in signal.selectors]
        if all(
            any(low <= value <= high for low, high in selector.ranges)
            for value, selector in zip(chosen, signal.selectors, strict=True)
        ):
            number = read_number(data, signal.field, signal.kind)
            if signal.kind is RawKind.FLOAT:
                raw = int(np.array(number, np.float64).view(np.int64))
            else:
                raw = int(number) - (1 << 64) if number >= 1 << 63 else int(number)
            with np.errstate(all="ignore"):
                value = float(np.float64(number) * signal.factor + signal.offset)
            found.append((t_ns, f"M.{signal.name}", raw, value))
    return found


def comparable(samples: list[tuple[int, str, int, float]], floats: set[str]) -> list[tuple[object, ...]]:
    """NaN is equal to no NaN, and which NaN a number is does not survive a conversion."""
    return sorted(
        (t_ns, name, "nan" if name in floats and math.isnan(_float(raw)) else raw, repr(value))
        for t_ns, name, raw, value in samples
    )


def _float(raw: int) -> float:
    return float(np.array(raw, np.int64).view(np.float64))


@given(data=st.data())
def test_any_signal_in_any_place_reads_as_bit_by_bit(data: st.DataObject) -> None:
    message = data.draw(messages())
    frames = [
        data_frame(message.can_id, payload, t_ns=i)
        for i, payload in enumerate(data.draw(st.lists(payloads(message), min_size=1, max_size=6)))
    ]
    floats = {f"M.{signal.name}" for signal in message.signals if signal.kind is RawKind.FLOAT}

    found = decoded(catalog(message), *frames)

    assert comparable(found, floats) == comparable(
        [sample for frame in frames for sample in expected(message, frame.t_ns, frame.data)], floats
    )


# --- blocks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stream:
    frames: list[Frame]
    cuts: list[int]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Frames of a known and an unknown message, some short, remote or in error, and where to cut them."""
    kinds = st.sampled_from([0, 0, 0, int(FrameFlag.FD), int(FrameFlag.REMOTE), int(FrameFlag.ERROR)])
    frames = [
        data_frame(
            draw(st.sampled_from([0x100, 0x101, 0x100 | EXTENDED_ID])),
            draw(st.binary(max_size=8)),
            t_ns=t_ns,
            bus=draw(st.integers(0, 1)),
            flags=draw(kinds),
        )
        for t_ns in range(draw(st.integers(0, 12)))
    ]
    return Stream(frames, sorted(draw(st.lists(st.integers(0, len(frames)), max_size=3))))


@given(streams())
def test_where_a_stream_is_cut_into_blocks_changes_no_sample_and_no_counter(stream: Stream) -> None:
    two_buses = Catalog([("can0", [Database("a.dbc", (MOTION,))]), ("can1", [Database("b.dbc", (MOTION,))])])
    plan, names = compile_plan(two_buses, list(two_buses)), list(two_buses)
    edges = [0, *stream.cuts, len(stream.frames)]
    parts = [stream.frames[a:b] for a, b in pairwise(edges)]

    whole = decode(plan, block(stream.frames, buses=2))
    pieces = [decode(plan, block(part, buses=2)) for part in parts]

    assert plain(whole, names) == [sample for piece in pieces for sample in plain(piece, names)]
    for bus in range(2):
        counts = sum((piece.counts[bus] for piece in pieces), BusCounts())
        assert whole.counts[bus] == counts
        assert counts.seen == (counts.decoded + counts.unknown + counts.wrong_length + counts.remote + counts.error)
        assert counts.seen == sum(frame.bus == bus for frame in stream.frames)


def test_each_frame_is_counted_once_by_what_became_of_it() -> None:
    frames = [
        data_frame(0x100, bytes(4), bus=0),
        data_frame(0x100, bytes(8), bus=0),
        data_frame(0x100, bytes(3), bus=0),
        data_frame(0x100, b"", bus=0),
        data_frame(0x101, bytes(8), bus=0),
        data_frame(0x100 | EXTENDED_ID, bytes(8), bus=0),
        data_frame(0x100, bytes(8), bus=0, flags=int(FrameFlag.REMOTE)),
        data_frame(0x100, bytes(8), bus=0, flags=int(FrameFlag.ERROR)),
        data_frame(0x101, bytes(8), bus=0, flags=int(FrameFlag.ERROR | FrameFlag.REMOTE)),
        data_frame(0x100, bytes(8), bus=1),
    ]
    two_buses = Catalog([("can0", [Database("a.dbc", (MOTION,))]), ("can1", [])])

    samples = decode(compile_plan(two_buses, list(two_buses)), block(frames, buses=2, dropped=(5, 7)))

    assert samples.counts == (BusCounts(9, 2, 2, 2, 5, remote=1, error=2), BusCounts(1, 0, 1, 0, 7))
    assert len(samples) == 4


def test_a_known_message_counts_as_decoded_though_no_rule_wants_its_signals() -> None:
    samples = decode(compile_plan(catalog(MOTION), []), block([data_frame(0x100, bytes(4))]))

    assert len(samples) == 0
    assert samples.counts == (BusCounts(seen=1, decoded=1),)


def test_only_wanted_signals_are_decoded_in_the_order_they_were_asked_for() -> None:
    plan = compile_plan(catalog(MOTION), ["Motion.Gear"])

    samples = decode(plan, block([data_frame(0x100, bytes.fromhex("10270f00"))]))

    assert [info.name for info in plan.signals] == ["Motion.Gear"]
    assert samples.raw.tolist() == [-1]


def test_a_signal_asked_for_twice_is_decoded_once() -> None:
    plan = compile_plan(catalog(MOTION), ["Motion.Gear", "Motion.Gear"])

    assert len(decode(plan, block([data_frame(0x100, bytes(4))]))) == 1


def test_the_time_and_the_clock_of_a_block_are_passed_on() -> None:
    frames = [data_frame(0x100, bytes(4), t_ns=t_ns) for t_ns in (5, 5, 9)]

    samples = decode(compile_plan(catalog(MOTION), ["Motion.Speed"]), block(frames))

    assert samples.t_ns.tolist() == [5, 5, 9]
    assert (samples.until_ns, samples.uptime_ns) == (9, 9)


def test_an_empty_block_gives_no_sample_and_its_drops() -> None:
    samples = decode(compile_plan(catalog(MOTION), ["Motion.Speed"]), block([], dropped=(3,)))

    assert len(samples) == 0
    assert samples.counts == (BusCounts(dropped=3),)


def test_an_empty_plan_counts_every_frame_as_unknown() -> None:
    samples = decode(compile_plan(Catalog([("can0", [])]), []), block([data_frame(0x1FFFFFFF | EXTENDED_ID, b"x")]))

    assert samples.counts == (BusCounts(seen=1, unknown=1),)


def test_two_buses_with_one_message_stay_apart() -> None:
    other = Message("Motion", 0x100, 4, (Signal("Speed", SPEED.field, RawKind.UNSIGNED, 1.0, 0.0, "mph"),))
    known = Catalog([("front", [Database("a.dbc", (MOTION,))]), ("rear", [Database("b.dbc", (other,))])])
    data = bytes.fromhex("e8030000")

    found = decode(compile_plan(known, list(known)), block([data_frame(0x100, data, bus=b) for b in (0, 1)], buses=2))

    assert {name: value for _, name, _, value in plain(found, list(known))} == {
        "front.Motion.Speed": 10.0,
        "front.Motion.Gear": 0.0,
        "rear.Motion.Speed": 1000.0,
    }


def test_an_unknown_multiplexer_value_leaves_the_signals_that_are_always_there() -> None:
    mode = BitField(0, 8, big_endian=False)
    message = Message(
        "Mixed",
        0x10,
        2,
        (
            Signal("Mode", mode, RawKind.UNSIGNED, 1.0, 0.0, ""),
            Signal(
                "Some", BitField(8, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "", (Selector(mode, ((1, 1),)),)
            ),
        ),
    )

    assert [name for _, name, _, _ in decoded(catalog(message), data_frame(0x10, b"\x01\x07"))] == [
        "Mixed.Mode",
        "Mixed.Some",
    ]
    assert [name for _, name, _, _ in decoded(catalog(message), data_frame(0x10, b"\x02\x07"))] == ["Mixed.Mode"]


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 1.7e308])
def test_a_damaged_float_is_a_sample_like_any_other(number: float) -> None:
    signal = Signal("F", BitField(0, 64, big_endian=False), RawKind.FLOAT, 0.0 if math.isinf(number) else 10.0, 0.0, "")
    message = Message("M", 1, 8, (signal,))

    [(_, _, raw, value)] = decoded(catalog(message), data_frame(1, np.float64(number).tobytes()))

    assert repr(_float(raw)) == repr(number)
    assert not math.isfinite(value)


def test_a_float32_that_is_a_signalling_nan_warns_nobody() -> None:
    message = Message("M", 1, 4, (Signal("F", BitField(0, 32, big_endian=False), RawKind.FLOAT, 1.0, 0.0, ""),))

    [(_, _, _, value)] = decoded(catalog(message), data_frame(1, (0x7FA00000).to_bytes(4, "little")))

    assert math.isnan(value)

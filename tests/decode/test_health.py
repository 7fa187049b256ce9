"""The health of buses against a slow reference over dictionaries, and what each part of it looks at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.block import Frame
from edge_agent.decode.bus_load import BitRates
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.decoder import look_up, samples_of
from edge_agent.decode.health import BusLine, Health
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.records import (
    EXTENDED_ID,
    BusCounts,
    BusHealth,
    BusState,
    FrameBlock,
    FrameFlag,
    RawKind,
    SampleBlock,
)
from tests.decode.frames import block, data_frame

S, MS = 1_000_000_000, 1_000_000
ERROR, REMOTE = FrameFlag.ERROR.value, FrameFlag.REMOTE.value


def signal(name: str, start: int, lowest: int | None = None, highest: int | None = None) -> Signal:
    return Signal(
        name, BitField(start, 8, big_endian=False), RawKind.UNSIGNED, 0.5, -10.0, "", lowest=lowest, highest=highest
    )


MOTION = Message("Motion", 0x10, 2, (signal("Speed", 0, highest=200), signal("Gear", 8)), cycle_ns=20 * MS)
DOOR = Message("Door", 0x20, 1, (signal("Angle", 0, lowest=5, highest=250),), cycle_ns=100 * MS)
EVENT = Message("Event", 0x30, 1, (signal("Kind", 0),))
TWO = Catalog([("drive", [Database("d.dbc", (MOTION, EVENT))]), ("body", [Database("b.dbc", (DOOR,))])])
LINES = (BusLine("drive"), BusLine("body"))


def watched(plan: DecodePlan, health: Health, one: FrameBlock) -> SampleBlock:
    found = look_up(plan, one)
    return health.feed(one, found, samples_of(plan, one, found))


def total(told: Sequence[SampleBlock]) -> tuple[BusCounts, ...]:
    found = told[0].counts
    for one in told[1:]:
        found = tuple(map(add, found, one.counts))
    return found


def followed(
    catalog: Catalog, lines: Sequence[BusLine], blocks: Sequence[FrameBlock]
) -> tuple[tuple[BusCounts, ...], tuple[BusHealth, ...]]:
    """Counters and health at the end of a stream."""
    plan = compile_plan(catalog, list(catalog))
    health = Health(lines, plan)
    told = [watched(plan, health, one) for one in blocks]
    rest = health.rest()
    assert rest is not None
    assert not len(rest)
    return total([*told, rest]), rest.health


# --- against a slow reference --------------------------------------------------------------------


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Frame], list[int]]:
    t_ns, frames = 100 * S, []
    for _ in range(draw(st.integers(0, 50))):
        t_ns += draw(st.sampled_from([1, 15, 21, 31, 95, 160, 900, 12_000])) * MS
        can_id = draw(st.sampled_from([0x10, 0x10, 0x20, 0x30, 0x40, 0x41, 0x42 | EXTENDED_ID]))
        flags = draw(st.sampled_from([0, 0, 0, 0, ERROR, REMOTE]))
        data = bytes(draw(st.lists(st.sampled_from([0, 4, 5, 200, 201, 250, 251, 255]), max_size=2)))
        frames.append(data_frame(can_id, data, t_ns=t_ns, bus=draw(st.integers(0, 1)), flags=flags))
    return frames, sorted(draw(st.sets(st.integers(0, 50), max_size=6)))


def blocks_of(frames: list[Frame], cuts: Sequence[int]) -> list[FrameBlock]:
    ends = [*[cut for cut in cuts if cut < len(frames)], len(frames)]
    return [block(frames[begin:end], buses=2) for begin, end in zip([0, *ends], ends, strict=False)]


def out_of_range(frames: Sequence[Frame], bus: int) -> Counter[str]:
    messages = {message.can_id: message for of_bus, message in TWO.messages if of_bus == bus}
    found: Counter[str] = Counter()
    for frame in frames:
        message = messages.get(frame.can_id)
        if frame.bus != bus or frame.flags or message is None or frame.length < message.length:
            continue
        for one, raw in zip(message.signals, frame.data, strict=False):
            if raw < (one.lowest or 0) or raw > (one.highest or 255):
                found[f"{message.name}.{one.name}"] += 1
    return found


@given(streams())
def test_what_is_out_of_range_or_unknown_is_what_a_slow_count_finds_wherever_blocks_are_cut(
    stream: tuple[list[Frame], list[int]],
) -> None:
    frames, cuts = stream
    counts, health = followed(TWO, LINES, blocks_of(frames, cuts))
    whole, whole_health = followed(TWO, LINES, blocks_of(frames, []))

    assert counts == whole
    assert health == whole_health
    for bus, known in ((0, {0x10, 0x30}), (1, {0x20})):
        expected = out_of_range(frames, bus)
        assert counts[bus].out_of_range == expected.total()
        assert set(health[bus].out_of_range_signals) == set(expected)
        strange = [
            frame.can_id for frame in frames if frame.bus == bus and not frame.flags and frame.can_id not in known
        ]
        assert list(health[bus].unknown_ids) == list(dict.fromkeys(strange))
        of_bus = counts[bus]
        assert of_bus.seen == of_bus.decoded + of_bus.unknown + of_bus.wrong_length + of_bus.remote + of_bus.error


# --- one thing at a time -------------------------------------------------------------------------

ONE = Catalog([("can0", [Database("d.dbc", (MOTION, EVENT))])])
LINE = (BusLine("can0"),)


def motion(*t_ms: int, speed: int = 0) -> list[Frame]:
    return [data_frame(0x10, bytes([speed, 0]), t_ns=100 * S + t * MS) for t in t_ms]


def test_cycles_that_were_missed_are_counted_with_the_messages_name() -> None:
    (counts,), (health,) = followed(ONE, LINE, [block(motion(0, 20, 100, 120)), block(motion(140, 300))])

    assert counts.missed == 3 + 7
    assert health.missed_messages == ("Motion",)


def test_frames_that_we_lost_ourselves_are_not_missed() -> None:
    (counts,), _ = followed(ONE, LINE, [block(motion(0, 20)), block(motion(500, 520), dropped=(24,))])

    assert (counts.missed, counts.dropped) == (0, 24)


def test_a_clock_that_is_set_makes_nobody_late() -> None:
    def at(epoch_s: int, *t_ms: int) -> FrameBlock:
        return replace(block(motion(*(1000 * epoch_s + t for t in t_ms))), epoch_ns=epoch_s * S)

    (counts,), _ = followed(ONE, LINE, [at(0, 0, 20), at(5, 40, 60), at(2, 80, 100, 200)])

    assert counts.missed == 4


@pytest.mark.parametrize(("only_wanted", "missed"), [(False, 4 + 39), (True, 4)])
def test_another_plan_loses_no_count_and_counts_cycles_anew_where_other_messages_come(
    only_wanted: bool, missed: int
) -> None:
    plan = compile_plan(ONE, list(ONE))
    health = Health([BusLine("can0", only_wanted=only_wanted)], plan)
    told = [watched(plan, health, block(motion(0, 100, speed=255)))]
    health.follow(plan)
    told.append(watched(plan, health, block(motion(900, 920, speed=255))))
    rest = health.rest()
    assert rest is not None

    assert (total([*told, rest])[0].missed, total([*told, rest])[0].out_of_range) == (missed, 4)


def test_a_j1939_group_has_no_cycle_for_it_comes_from_several_sources() -> None:
    group = Message("Engine", 0x18FE_CA00 | EXTENDED_ID, 1, (signal("S", 0),), j1939=True, cycle_ns=100 * MS)
    catalog = Catalog([("can0", [Database("t.dbc", (group,))])])

    def frames(source: int) -> list[Frame]:
        return [data_frame(group.can_id | source, b"\0", t_ns=100 * S + t * S) for t in range(3)]

    assert followed(catalog, LINE, [block(frames(0x21))])[0][0].missed == 0
    assert followed(catalog, LINE, [block(frames(0x00))])[0][0].missed == 18


def test_a_message_that_the_kernel_holds_back_is_not_missed() -> None:
    plan = compile_plan(ONE, ["Event.Kind"])
    counts = []
    for line in (BusLine("can0"), BusLine("can0", only_wanted=True)):
        health = Health([line], plan)
        told = [watched(plan, health, block(motion(0, 100)))]
        rest = health.rest()
        assert rest is not None
        counts.append(total([*told, rest])[0].missed)

    assert counts == [4, 0]


def test_the_first_eight_names_and_ids_are_kept() -> None:
    signals = tuple(signal(f"S{i}", 8 * i, highest=1) for i in range(8))
    messages = tuple(Message(f"M{i}", i, 8, signals, cycle_ns=10 * MS) for i in range(3))
    catalog = Catalog([("can0", [Database("m.dbc", messages)])])
    known = [data_frame(i, bytes([255] * 8), t_ns=100 * S + t * S) for t in (0, 1) for i in range(3)]
    strange = [data_frame(0x700 + i, b"", t_ns=102 * S) for i in range(20)]

    (counts,), (health,) = followed(catalog, LINE, [block(known), block(strange), block(strange[::-1])])

    assert (counts.out_of_range, counts.unknown) == (48, 40)
    assert health.out_of_range_signals == tuple(f"M0.S{i}" for i in range(8))
    assert health.unknown_ids == tuple(range(0x700, 0x708))
    assert health.missed_messages == ("M0", "M1", "M2")


def test_a_state_is_told_with_the_block_that_tells_it() -> None:
    plan = compile_plan(ONE, ())
    health = Health((BusLine("can0"), BusLine("other", socketcan_errors=False)), plan)
    passive = [data_frame(0x004, bytes([0, 0x10, 0, 0, 0, 0, 0, 0]), bus=bus, flags=ERROR) for bus in (0, 1)]

    before = watched(plan, health, block(motion(0), buses=2))
    after = watched(plan, health, block(passive, buses=2))

    assert [one.state for one in before.health] == [None, None]
    assert [one.state for one in after.health] == [BusState.PASSIVE, None]


def test_the_load_is_that_of_the_last_whole_minute() -> None:
    plan = compile_plan(ONE, ())
    health = Health((BusLine("can0", BitRates(500_000)), BusLine("other")), plan)
    load = []
    for second in range(125):
        frames = motion(*range(1000 * second, 1000 * second + 1000, 10 if second < 60 else 5))
        load.append([one.load_percent for one in watched(plan, health, block(frames, buses=2)).health])

    # A block holds the frames up to a second after its time; the first block opens the first minute.
    assert load[59] == [None, None]
    assert load[60] == load[119] == [pytest.approx((60 * 100 + 200) * 63 / 5e5 / 60 * 100, abs=0.06), None]
    assert load[120] == [pytest.approx(60 * 200 * 63 / 5e5 / 60 * 100, abs=0.06), None]


def test_at_the_end_of_a_stream_the_load_is_that_of_what_came_since_the_last_minute() -> None:
    blocks = [block(motion(*range(1000 * second, 1000 * second + 1000, 10))) for second in range(41)]
    line = BusLine("can0", BitRates(500_000))

    assert followed(ONE, [line], blocks)[1][0].load_percent == pytest.approx(100 * 63 / 5e5 * 100, rel=0.05)
    assert followed(ONE, [line], blocks[:1])[1][0].load_percent is None


def test_counters_that_wait_are_told_within_seconds_of_the_stream() -> None:
    plan = compile_plan(ONE, list(ONE))
    health = Health(LINE, plan)

    told = [watched(plan, health, block(motion(t, speed=255))).counts[0].out_of_range for t in range(0, 10_001, 50)]

    assert (sum(told[:100]), sum(told[:101]), sum(told)) == (0, 101, 201)


def test_a_stream_without_a_block_leaves_nothing_to_tell() -> None:
    assert Health(LINE, compile_plan(ONE, ())).rest() is None

"""Random frames on random buses: nothing raises or warns, and every frame is counted once, as it should be.

A second for each test here; FUZZ_S says how many it may take: `FUZZ_S=600 pytest tests/decode/test_fuzz.py`.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edge_agent.acquire.block import Frame
from edge_agent.decode.bus_load import BitRates
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Selector, Signal
from edge_agent.decode.decoder import decode
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.health import BusLine
from edge_agent.decode.j1939 import group_of
from edge_agent.decode.plan import compile_plan
from edge_agent.records import EXTENDED_ID, BusCounts, FrameFlag, RawKind, SampleBlock
from tests.decode.frames import block

SECONDS = float(os.environ.get("FUZZ_S", "1"))
PRIORITY = 7 << 26
NO_DATA = FrameFlag.REMOTE | FrameFlag.ERROR


@pytest.mark.timeout(SECONDS + 30)
def test_random_frames_raise_nothing_and_are_counted_once_each() -> None:
    for_a_while(one_round)


@pytest.mark.timeout(SECONDS + 30)
def test_streams_with_packets_in_disorder_raise_nothing_and_are_counted_once_each() -> None:
    for_a_while(one_stream)


def for_a_while(one: Callable[[random.Random], None]) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311  another one each time, and told when it matters
    until = time.monotonic() + SECONDS
    while True:
        try:
            one(random.Random(seed))  # noqa: S311
        except Exception as error:
            raise AssertionError(f"with seed {seed}") from error
        seed += 1
        if time.monotonic() >= until:
            break


def one_round(chance: random.Random) -> None:
    buses = [
        (f"can{bus}", [Database("made.dbc", tuple(random_message(chance, i) for i in range(chance.randint(0, 8))))])
        for bus in range(chance.randint(1, 3))
    ]
    catalog = Catalog(buses)
    wanted = [name for name in catalog if chance.random() < 0.8]
    plan = compile_plan(catalog, wanted)
    for _ in range(20):
        frames = sorted(random_frame(chance, catalog) for _ in range(chance.randint(0, 200)))

        samples = decode(plan, block(frames, buses=len(buses)))

        assert samples.counts == counted(catalog, frames)
        assert_well_formed(samples, len(plan.signals))


def one_stream(chance: random.Random) -> None:
    """All that is remembered from block to block: packets, computed paths, health; rules that change on the way."""
    long = Message("Long", 0x18FECA00 | EXTENDED_ID, chance.randint(9, 200), (), j1939=True)
    fast = Message("Fast", 0x09F80100 | EXTENDED_ID, chance.randint(9, 100), (), j1939=True, fast_packet=True)
    made = [
        replace(random_message(chance, i), cycle_ns=chance.choice([0, 10, 100, 1_000]) * 1_000_000)
        for i in range(chance.randint(0, 8))
    ]
    catalog = Catalog([("can0", [Database("made.dbc", (long, fast, *made))]), ("can1", [])])
    lines = [BusLine("can0", BitRates(500_000, 2_000_000)), BusLine("can1")]
    decoding = Decoding(compile_plan(catalog, ()), lines)
    start_ns = 0
    for _ in range(30):
        if chance.random() < 0.2:
            decoding.follow(compile_plan(catalog, [name for name in catalog if chance.random() < 0.5]))
        start_ns += chance.choice([0, 50, 50, 50, 2_000, 90_000, -3_000]) * 1_000_000
        frames = [random_packet(chance, catalog, start_ns) for _ in range(chance.randint(0, 200))]

        samples = decoding.feed(block(sorted(frames), buses=2))

        for bus, counts in enumerate(samples.counts):
            assert counts.seen == sum(frame.bus == bus for frame in frames)
            assert counts.seen == (counts.decoded + counts.unknown + counts.wrong_length + counts.remote + counts.error)
            assert counts.error == sum(bool(f.flags & FrameFlag.ERROR) for f in frames if f.bus == bus)
        assert_well_formed(samples, 1 << 32)


def random_packet(chance: random.Random, catalog: Catalog, start_ns: int) -> Frame:
    """Half of them of a message in several packets, or nearly so."""
    frame = random_frame(chance, catalog)._replace(t_ns=start_ns + chance.randrange(50_000_000))
    if chance.random() < 0.5:
        return frame
    source, destination = chance.randrange(2), chance.choice([0xFF, 0xFF, 1, 2])
    size = chance.choice([9, 30, 200, 1785, 0xFFFF])
    group = chance.choice([0xFECA, 0xF004, 0x1F801]).to_bytes(3, "little")
    number = chance.randrange(6)
    kind = chance.choice([16, 17, 19, 32, 32, 255])
    control = bytes([kind]) + size.to_bytes(2, "little") + bytes([(size + 6) // 7 & 0xFF, 0xFF]) + group
    can_id, data = chance.choice(
        [
            (0x18EC0000 | destination << 8 | source, control),
            (0x18EB0000 | destination << 8 | source, bytes([number]) + chance.randbytes(7)),
            (0x09F80100 | source, bytes([number]) + chance.randbytes(7)),
        ]
    )
    data = data[: chance.choice([8, 8, 8, chance.randint(0, 8)])]
    return frame._replace(can_id=can_id | EXTENDED_ID, flags=0, length=len(data), data=data)


def random_message(chance: random.Random, number: int) -> Message:
    extended = chance.random() < 0.5
    can_id = chance.randrange(1 << 29) | EXTENDED_ID if extended else chance.randrange(1 << 11)
    length = chance.choice([0, 1, 2, 3, 7, 8, 8, 8, 12, 20, 48, 64])
    signals = [random_signal(chance, f"S{i}", length) for i in range(chance.randint(0, 6) if length else 0)]
    return Message(f"M{number}", can_id, length, tuple(signals), extended and chance.random() < 0.5)


def random_signal(chance: random.Random, name: str, length: int) -> Signal:
    kind = chance.choice(list(RawKind)) if length >= 8 else RawKind.SIGNED
    bits = chance.choice([16, 32, 64]) if kind is RawKind.FLOAT else chance.randint(1, min(64, 8 * length))
    selectors = tuple(
        Selector(random_field(chance, length, chance.randint(1, 4)), ((0, 2), (5, 5)))
        for _ in range(chance.choice([0, 0, 0, 1, 2]))
    )
    factor, offset = chance.choice([1.0, 0.1, -2.5, 1e300]), chance.choice([0.0, -40.0, 1e308])
    return Signal(name, random_field(chance, length, bits), kind, factor, offset, "", selectors)


def random_field(chance: random.Random, length: int, bits: int) -> BitField:
    first = chance.randint(0, 8 * length - bits)
    big_endian = chance.random() < 0.5
    return BitField(8 * (first // 8) + 7 - first % 8 if big_endian else first, bits, big_endian)


def random_frame(chance: random.Random, catalog: Catalog) -> Frame:
    """Mostly of a message that is known, or nearly so."""
    can_id = chance.randrange(1 << 32) & (EXTENDED_ID | (1 << 29) - 1)
    if catalog.messages and chance.random() < 0.8:
        can_id = chance.choice(catalog.messages)[1].can_id
        if chance.random() < 0.4:
            can_id ^= 1 << chance.choice([*range(29), 31])
    flags = int(chance.choice([0, 0, 0, FrameFlag.FD, *FrameFlag, NO_DATA, FrameFlag.FD | FrameFlag.ERROR]))
    length = chance.randint(0, 64 if flags & FrameFlag.FD else 8)
    data = b"" if flags & FrameFlag.REMOTE else chance.randbytes(length)
    return Frame(chance.randrange(1000), chance.randrange(len(catalog.bus_names)), can_id, flags, length, data)


def counted(catalog: Catalog, frames: list[Frame]) -> tuple[BusCounts, ...]:
    """The same, a frame at a time."""
    by_id = {(bus, message.can_id): message for bus, message in catalog.messages}
    by_addresses: dict[tuple[int, int], Message] = {}
    by_group: dict[tuple[int, int], Message] = {}
    for bus, one in catalog.messages:
        if one.j1939:
            by_addresses.setdefault((bus, one.can_id & ~PRIORITY), one)
            by_group.setdefault((bus, group_of(one.can_id)), one)
    fates: Counter[tuple[int, str]] = Counter()
    for frame in frames:
        message = (
            by_id.get((frame.bus, frame.can_id))
            or by_addresses.get((frame.bus, frame.can_id & ~PRIORITY))
            or by_group.get((frame.bus, group_of(frame.can_id)))
        )
        if frame.flags & FrameFlag.ERROR:
            fates[frame.bus, "error"] += 1
        elif frame.flags & FrameFlag.REMOTE:
            fates[frame.bus, "remote"] += 1
        elif message is None:
            fates[frame.bus, "unknown"] += 1
        else:
            fates[frame.bus, "wrong_length" if frame.length < message.length else "decoded"] += 1
    fate_names = ("decoded", "unknown", "wrong_length", "remote", "error")
    return tuple(
        BusCounts(sum(fates[bus, fate] for fate in fate_names), **{fate: fates[bus, fate] for fate in fate_names})
        for bus in range(len(catalog.bus_names))
    )


def assert_well_formed(samples: SampleBlock, signals: int) -> None:
    assert len(samples.t_ns) == len(samples.signal) == len(samples.raw) == len(samples.value)
    assert (np.diff(samples.t_ns) >= 0).all()
    assert not len(samples) or samples.signal.max() < signals

"""A slow packer sends, cantools says what the whole payload means, and nothing wrong may ever come out."""

import random
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.decode.catalog import Catalog, Database, Message
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import look_up, samples_of
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.j1939 import pgn_of
from edge_agent.decode.plan import compile_plan
from edge_agent.decode.reassembly import Reassembly
from edge_agent.records import EXTENDED_ID, BusCounts, FrameFlag, SampleBlock
from tests.decode.frames import block, data_frame, read_bits
from tests.decode.oracle import Oracle, by_signal, same_raw, same_value
from tests.decode.packer import (
    STEP_NS,
    Sent,
    announcement,
    at_times,
    broadcast,
    bus_of,
    connection,
    control_id,
    data_id,
    fast_packet,
    numbers,
    whole_message,
)
from tests.decode.test_corpus import FILES, asked
from tests.journey.recordings import LOGS

PGN = 0xFEE3
LONG_ID = 0x18FEE300 | EXTENDED_ID
FAST_ID = 0x09F80500 | EXTENDED_ID
TO_ONE_ID = 0x18EF0000 | EXTENDED_ID
QUIET_NS = 2_000_000_000
"""longer than any transfer waits"""

TRUCK = LOGS / "j1939_truck_css" / "canmatrix_j1939.dbc"


class Listening:
    """One stream of blocks, and all that came of it."""

    def __init__(self, known: Catalog) -> None:
        self.known = known
        self.plan = compile_plan(known, list(known))
        self.decoding = Decoding(self.plan)
        self.numbers: dict[int, dict[str, int]] = {}
        self.counts = tuple(BusCounts() for _ in known.bus_names)

    def hear(self, sent: Sequence[Sent], *, until_ns: int | None = None) -> SampleBlock:
        frames = block([one.frame for one in sent], buses=len(self.counts))
        samples = self.decoding.feed(replace(frames, until_ns=frames.until_ns if until_ns is None else until_ns))
        for t_ns, found in numbers(self.plan, samples).items():
            self.numbers.setdefault(t_ns, {}).update(found)
        self.counts = tuple(a + b for a, b in zip(self.counts, samples.counts, strict=True))
        assert (samples.t_ns[1:] >= samples.t_ns[:-1]).all()
        for one in samples.counts:
            assert one.seen == one.decoded + one.unknown + one.wrong_length + one.remote + one.error
        return samples

    def follow(self, *wanted: str) -> None:
        self.plan = compile_plan(self.known, wanted)
        self.decoding.follow(self.plan)

    def end(self, at_ns: int) -> None:
        """Nothing more for a long time."""
        self.hear([], until_ns=at_ns + QUIET_NS)


def expected(message: Message, payload: bytes) -> dict[str, int]:
    return {f"{message.name}.{signal.name}": read_bits(payload, signal.field) for signal in message.signals}


def long_message(length: int) -> Message:
    return whole_message("Long", LONG_ID, length)


def test_a_broadcast_of_many_packets_is_decoded_at_the_time_of_its_last() -> None:
    message = long_message(39)
    payload = bytes(range(39))
    listening = Listening(bus_of(message))

    listening.hear(at_times(broadcast(PGN, payload, 0x27), 0))

    assert listening.numbers == {6 * STEP_NS: expected(message, payload)}
    assert listening.counts == (BusCounts(seen=7, decoded=7),)


@pytest.mark.parametrize("again", [(), (0,), (0, 4)])
def test_a_message_to_one_node_is_decoded_however_often_its_receiver_asks_for_packets_again(
    again: tuple[int, ...],
) -> None:
    message = whole_message("ToOne", TO_ONE_ID, 39)
    payload = bytes(range(100, 139))
    listening = Listening(bus_of(message))

    sent = at_times(connection(0xEF00, payload, 0x00, 0xF9, again=again), 0)
    listening.hear(sent)

    assert list(listening.numbers.values()) == [expected(message, payload)]
    listening.end(sent[-1].frame.t_ns)
    assert listening.counts == (BusCounts(seen=len(sent), decoded=len(sent)),)


def test_a_fast_packet_is_decoded_and_none_of_its_frames_is_too_short() -> None:
    message = whole_message("Position", FAST_ID, 51, fast=True)
    payload = bytes(range(51))
    listening = Listening(bus_of(message))

    listening.hear(at_times(fast_packet(FAST_ID | 0x23, payload, 5), 0))

    assert listening.numbers == {7 * STEP_NS: expected(message, payload)}
    assert listening.counts == (BusCounts(seen=8, decoded=8),)


def test_an_announced_transfer_wins_over_fast_packets_for_a_group_that_has_both() -> None:
    message = whole_message("Position", FAST_ID, 51, fast=True)
    ours, theirs = bytes(range(51)), bytes(range(51, 102))
    listening = Listening(bus_of(message))
    announced, fast = broadcast(0x1F805, ours, 0x23), fast_packet(FAST_ID | 0x23, theirs, 5)

    mixed = [frame for pair in zip(announced, fast, strict=False) for frame in pair]
    listening.hear(at_times([*mixed, *announced[8:]], 0))

    assert list(listening.numbers.values()) == [expected(message, theirs), expected(message, ours)]
    assert listening.counts == (BusCounts(seen=17, decoded=17),)


def test_a_frame_as_long_as_its_fast_packet_message_is_that_message() -> None:
    message = whole_message("Position", FAST_ID, 51, fast=True)
    listening = Listening(bus_of(message))

    listening.hear([Sent(data_frame(FAST_ID, bytes(range(51)), t_ns=4, flags=int(FrameFlag.FD)))])

    assert listening.numbers == {4: expected(message, bytes(range(51)))}


def test_a_message_of_one_source_is_known_by_it_though_its_packets_come_at_the_lowest_priority() -> None:
    ours = whole_message("OfRetarder", 0x18FEE30F | EXTENDED_ID, 39)
    listening = Listening(bus_of(long_message(39), ours))

    listening.hear(at_times(broadcast(PGN, bytes(39), 0x0F), 0))

    assert list(listening.numbers.values()) == [expected(ours, bytes(39))]


def test_packets_of_known_messages_are_known_frames_and_of_no_message() -> None:
    known = bus_of(long_message(39))
    plan = compile_plan(known, list(known))
    frames = block([one.frame for one in at_times([*broadcast(PGN, bytes(39), 0), *broadcast(0xFECA, bytes(9), 0)], 0)])
    found = look_up(plan, frames)

    now = Reassembly(plan).feed(plan, frames, found, samples_of(plan, frames, found)).found

    assert now.known.tolist() == [True] * 7 + [False] * 3
    assert set(now.message[:7].tolist()) == {1}
    assert not found.known.any()


def test_packets_of_a_group_no_database_has_are_unknown_and_their_loss_is_nobody_s() -> None:
    listening = Listening(bus_of(long_message(39)))

    sent = at_times(broadcast(0xFECA, bytes(39), 0x27), 0)
    listening.hear(sent[:-1])
    listening.end(sent[-1].frame.t_ns)

    assert listening.counts == (BusCounts(seen=6, unknown=6),)


def test_a_bus_without_groups_takes_no_frame_for_a_packet() -> None:
    plain = Message("Plain", data_id(0, 0xFF), 8, whole_message("", 0, 8).signals)
    known = Catalog([("car", [Database("car.dbc", (plain,))]), ("truck", [Database("truck.dbc", (long_message(9),))])])
    listening = Listening(known)

    listening.hear(at_times(broadcast(PGN, bytes(9), 0), 0))

    assert listening.counts == (BusCounts(seen=3, decoded=2, unknown=1), BusCounts())


def test_the_same_source_on_two_buses_is_two() -> None:
    message = long_message(39)
    known = Catalog([(name, [Database("truck.dbc", (message,))]) for name in ("truck", "trailer")])
    listening = Listening(known)
    payloads = (bytes(39), bytes(range(39)))
    sent = [broadcast(PGN, payload, 0, bus=bus) for bus, payload in enumerate(payloads)]

    listening.hear(at_times([one for pair in zip(*sent, strict=True) for one in pair][:-1], 0))
    listening.end(14 * STEP_NS)

    assert listening.numbers == {
        12 * STEP_NS: {f"truck.{name}": number for name, number in expected(message, payloads[0]).items()}
    }
    assert listening.counts == (BusCounts(seen=7, decoded=7), BusCounts(seen=6, decoded=6, incomplete=1))


def test_transport_frames_a_database_describes_are_decoded_beside_what_they_carry() -> None:
    described = Message("TP_DT", data_id(0xFE, 0xFF), 8, whole_message("", 0, 8).signals, j1939=True)
    message = long_message(20)
    known = bus_of(message, described)
    plan = compile_plan(known, list(known))

    samples = Decoding(plan).feed(block([one.frame for one in at_times(broadcast(PGN, bytes(20), 0x27), 0)]))

    names = [plan.signals[signal].name.partition(".")[0] for signal in samples.signal.tolist()]
    assert names.count("TP_DT") == 3 * len(described.signals)
    assert names[-len(message.signals) :] == ["Long"] * len(message.signals)
    assert samples.counts == (BusCounts(seen=4, decoded=4),)


def test_a_whole_message_shorter_than_the_database_says_is_told_by_its_last_frame() -> None:
    listening = Listening(bus_of(long_message(40), whole_message("Position", FAST_ID, 51, fast=True)))

    listening.hear(at_times([*broadcast(PGN, bytes(39), 0), *fast_packet(FAST_ID, bytes(50), 0)], 0))

    assert not listening.numbers
    assert listening.counts == (BusCounts(seen=15, decoded=13, wrong_length=2),)


def test_a_message_of_one_frame_in_the_database_is_decoded_when_it_comes_in_packets() -> None:
    message = long_message(8)
    listening = Listening(bus_of(message))

    listening.hear(at_times(broadcast(PGN, bytes(range(18)), 0), 0))

    assert list(listening.numbers.values()) == [expected(message, bytes(range(8)))]


def test_remote_and_error_frames_are_no_packets() -> None:
    listening = Listening(bus_of(long_message(9)))
    first, *rest = at_times(broadcast(PGN, bytes(9), 0), 0)
    others = [
        one._replace(frame=one.frame._replace(flags=flag))
        for one in rest
        for flag in (int(FrameFlag.REMOTE), int(FrameFlag.ERROR))
    ]

    listening.hear([first, *others])

    assert listening.counts == (BusCounts(seen=5, decoded=1, remote=2, error=2),)


def test_a_frame_longer_than_a_packet_is_none() -> None:
    listening = Listening(bus_of(long_message(9)))
    first, *rest = at_times(broadcast(PGN, bytes(9), 0), 0)
    longer = [Sent(data_frame(one.frame.can_id, one.frame.data + b"\0", flags=int(FrameFlag.FD))) for one in rest]

    listening.hear([first, *longer])

    assert listening.counts == (BusCounts(seen=3, decoded=1, unknown=2),)


def test_a_change_of_the_wall_clock_ends_no_transfer_and_keeps_none_for_ever() -> None:
    known = bus_of(long_message(39))
    decoding = Decoding(compile_plan(known, list(known)))
    years_ns = 10**18
    sent = [one.frame for one in at_times(broadcast(PGN, bytes(39), 0), 0)]
    later = block([frame._replace(t_ns=frame.t_ns + years_ns) for frame in sent[3:]])

    decoding.feed(block(sent[:3]))
    samples = decoding.feed(replace(later, epoch_ns=years_ns))

    assert samples.counts == (BusCounts(seen=4, decoded=4),)
    assert set(samples.t_ns.tolist()) == {sent[-1].t_ns + years_ns}


def test_what_is_under_way_goes_on_under_a_new_plan() -> None:
    message = long_message(39)
    listening = Listening(bus_of(message))
    sent = at_times(broadcast(PGN, bytes(39), 0), 0)

    listening.hear(sent[:3])
    listening.follow("Long.First")
    listening.hear(sent[3:])

    assert listening.numbers == {sent[-1].frame.t_ns: {"Long.First": 0}}


LENGTHS = st.integers(9, 1785)
FAST_LENGTHS = st.integers(9, 223)


@st.composite
def drives(draw: st.DrawFn) -> tuple[Catalog, list[Sent], dict[int, dict[str, int]]]:
    """Several sources talk at once in every way, with single frames between; what the last packets must give."""
    chance = draw(st.randoms(use_true_random=False))
    short = whole_message("Short", 0x18FEF100 | EXTENDED_ID, 8)
    messages, streams = [short], []
    for number, (way, length) in enumerate(
        draw(
            st.lists(
                st.one_of(
                    st.tuples(st.sampled_from(["broadcast", "connection"]), LENGTHS),
                    st.tuples(st.just("fast"), FAST_LENGTHS),
                ),
                min_size=1,
                max_size=4,
            )
        )
    ):
        payload = chance.randbytes(length)
        if way == "fast":
            message = whole_message(f"M{number}", 0x09F80000 | number << 8 | EXTENDED_ID, length, fast=True)
            frames = fast_packet(message.can_id | number, payload, chance.randrange(8))
        else:
            message = whole_message(f"M{number}", 0x18FE0000 | number << 8 | EXTENDED_ID, length)
            pgn = 0xFE00 | number
            if way == "broadcast":
                frames = broadcast(pgn, payload, number)
            else:
                frames = connection(pgn, payload, number, 0x80 | number, window=chance.randrange(1, 9))
        messages.append(message)
        streams.append((message, payload, frames))
    streams.append((short, b"", [Sent(data_frame(short.can_id, chance.randbytes(8))) for _ in range(20)]))
    sent: list[Sent] = []
    answers: dict[int, dict[str, int]] = {}
    waiting = [(message, payload, list(frames)) for message, payload, frames in streams]
    while waiting:
        at = chance.randrange(len(waiting))
        message, payload, frames = waiting[at]
        t_ns = len(sent) * 100_000
        frame = frames.pop(0).frame._replace(t_ns=t_ns)
        sent.append(Sent(frame))
        if message is short:
            answers[t_ns] = expected(message, frame.data)
        elif not any(one.needed for one in frames) and expected(message, payload) not in answers.values():
            answers[t_ns] = expected(message, payload)
        if not frames:
            waiting.pop(at)
    return bus_of(*messages), sent, answers


@settings(max_examples=60)
@given(drives(), st.lists(st.integers(0, 300)))
def test_interleaved_messages_are_put_together_wherever_blocks_are_cut(
    drive: tuple[Catalog, list[Sent], dict[int, dict[str, int]]], cuts: list[int]
) -> None:
    known, sent, answers = drive
    listening = Listening(known)

    for part in in_parts(sent, cuts):
        listening.hear(part)

    assert listening.numbers == answers
    assert listening.counts == (BusCounts(seen=len(sent), decoded=len(sent)),)


def in_parts(sent: Sequence[Sent], cuts: Sequence[int]) -> Iterator[Sequence[Sent]]:
    ends = sorted({min(cut, len(sent)) for cut in cuts} | {len(sent)})
    for begin, end in zip([0, *ends], ends, strict=False):
        yield sent[begin:end]


WAYS = st.sampled_from(["broadcast", "connection", "fast"])


def transfer(way: str, payload: bytes, counter: int) -> list[Sent]:
    if way == "broadcast":
        return broadcast(PGN, payload, 0x27)
    if way == "connection":
        return connection(PGN, payload, 0x27, 0x03)
    return fast_packet(FAST_ID | 0x27, payload, counter)


def both(length: int) -> tuple[Message, Message]:
    return long_message(length), whole_message("Position", FAST_ID, length, fast=True)


def answer(way: str, payload: bytes, length: int) -> dict[str, int]:
    return expected(both(length)[way == "fast"], payload)


@given(
    st.lists(st.tuples(WAYS, st.sets(st.integers(0, 12)), st.binary(min_size=30, max_size=30)), min_size=1, max_size=5),
    st.lists(st.integers(0, 60)),
)
def test_each_message_a_packet_of_which_is_lost_is_counted_once_and_the_others_are_right(
    messages: list[tuple[str, set[int], bytes]], cuts: list[int]
) -> None:
    listening = Listening(bus_of(*both(30)))
    sent: list[Sent] = []
    right: list[dict[str, int]] = []
    incomplete = 0
    for number, (way, lost, payload) in enumerate(messages):
        frames = at_times(transfer(way, payload, number % 8), number * QUIET_NS)
        came = [one for i, one in enumerate(frames) if i not in lost]
        needed = [one for one in came if one.needed]
        if needed == [one for one in frames if one.needed]:
            right.append(answer(way, payload, 30))
        elif needed:
            incomplete += 1
        sent += came

    for part in in_parts(sent, cuts):
        listening.hear(part)
    listening.end(len(messages) * QUIET_NS)

    assert list(listening.numbers.values()) == right
    assert listening.counts[0].incomplete == incomplete


@given(WAYS, st.binary(min_size=9, max_size=60), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3))))
@example("fast", bytes(30), [(0, 2), (4, 3)])
@example("broadcast", bytes(30), [(0, 2), (5, 2)])
@example("connection", bytes(30), [(0, 2), (2, 2)])
def test_a_frame_that_comes_twice_in_a_row_changes_nothing(
    way: str, payload: bytes, twice: list[tuple[int, int]]
) -> None:
    times = dict(twice)
    once = transfer(way, payload, 3)
    sent = at_times([one for i, one in enumerate(once) for _ in range(times.get(i, 1))], 0)
    listening = Listening(bus_of(*both(len(payload))))

    listening.hear(sent)
    listening.end(sent[-1].frame.t_ns)

    assert list(listening.numbers.values()) == [answer(way, payload, len(payload))]
    assert listening.counts == (BusCounts(seen=len(sent), decoded=len(sent)),)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(WAYS, st.binary(min_size=9, max_size=40)), min_size=1, max_size=3, unique_by=lambda one: one[0]),
    st.data(),
)
def test_whatever_is_lost_repeated_or_out_of_order_no_wrong_payload_is_decoded(
    messages: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    frames = [one for way, payload in messages for one in transfer(way, payload, 3)]
    sent = at_times(data.draw(st.lists(st.sampled_from(frames), max_size=40)), 0, 1_000_000)
    listening = Listening(bus_of(*both(9)))

    listening.hear(sent)

    rights = [answer(way, payload, 9) for way, payload in messages]
    assert all(found in rights for found in listening.numbers.values())


CONTROLS = st.sampled_from([0, 16, 17, 19, 32, 255])


@given(st.lists(st.tuples(CONTROLS, st.binary(max_size=8), st.booleans()), max_size=60))
def test_no_frame_whatever_it_holds_brings_down_the_stream(frames: list[tuple[int, bytes, bool]]) -> None:
    listening = Listening(bus_of(*both(9)))
    ids = [control_id(0x27, 0x03), control_id(0x27, 0xFF), data_id(0x27, 0x03), data_id(0x27, 0xFF), FAST_ID]
    sent = []
    for i, (kind, rest, counts) in enumerate(frames):
        data = (bytes([kind]) + rest)[:8] if counts else rest
        sent.append(Sent(data_frame(ids[len(rest) % len(ids)], data)))
        if i % 5 == 0:
            sent.append(Sent(data_frame(ids[i % 2], announcement(kind, PGN, bytes(9 + i)))))

    listening.hear(at_times(sent, 0))
    listening.end(len(sent) * STEP_NS)


GROUPED = [path for path in FILES if b"VFrameFormat" in path.read_bytes()]
"""No other has groups."""


@pytest.mark.parametrize("path", [*GROUPED, TRUCK], ids=lambda path: path.name)
def test_long_groups_of_a_corpus_decode_as_cantools_decodes_the_whole_payload(path: Path) -> None:
    if not path.exists():
        warnings.warn(f"no {path}: long messages were NOT held to a truck's database", stacklevel=1)
        pytest.skip("no truck's database")
    theirs = asked(path)
    if isinstance(theirs, str):
        return
    database = load_database(path)
    by_id = {one.frame_id | EXTENDED_ID: one for one in reversed(theirs.messages) if one.is_extended_frame}
    catalog = Catalog([("can0", [database])])
    chance = random.Random(path.name)  # noqa: S311  a seed that says the file
    for message in (one for one in database.messages if one.j1939 and one.length > 8):
        payloads = [bytes(message.length), b"\xff" * message.length]
        payloads += [chance.randbytes(message.length) for _ in range(20)]
        assert_as_cantools(catalog, message, Oracle(by_id[message.can_id], message.length), payloads)


def ways_of(message: Message, payload: bytes, number: int) -> Iterator[list[Sent]]:
    """All ways a group may come in several packets."""
    pgn = pgn_of(message.can_id)
    if pgn >> 8 & 0xFF < 240:
        yield connection(pgn, payload, number, 0xF9)
    else:
        yield broadcast(pgn, payload, number)
    if message.fast_packet:
        yield fast_packet(message.can_id ^ number, payload, number % 8)


def assert_as_cantools(catalog: Catalog, message: Message, oracle: Oracle, payloads: list[bytes]) -> None:
    said = {f"{message.name}.{name}": column for name, column in oracle.says(payloads).items()}
    said = {name: column for name, column in said.items() if name in catalog}
    plan = compile_plan(catalog, list(catalog))
    for way in zip(*(ways_of(message, payload, i) for i, payload in enumerate(payloads)), strict=True):
        sent = [one for i, frames in enumerate(way) for one in at_times(frames, i * QUIET_NS)]
        samples = Decoding(plan).feed(block([one.frame for one in sent]))
        found = by_signal(plan, replace(samples, t_ns=samples.t_ns // QUIET_NS))
        assert found.keys() == said.keys()
        for name, ours in found.items():
            assert ours.at.tolist() == said[name].at.tolist(), name
            assert same_raw(ours, said[name], catalog[name].signal.kind), name
            assert same_value(ours, said[name]), name
        assert samples.counts == (BusCounts(seen=len(sent), decoded=len(sent)),)

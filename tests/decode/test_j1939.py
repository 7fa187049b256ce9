"""cantools' reading of a 29-bit id is the oracle; a truck's database, with frames from any source, is the example."""

import random
import warnings
from pathlib import Path

import cantools
import numpy as np
import pytest
from cantools import j1939
from cantools.database.can import Database as CantoolsDatabase
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.acquire.block import Frame
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.j1939 import group_of, groups_of, id_of, pgn_of, without_priority
from edge_agent.decode.plan import compile_plan
from edge_agent.records import EXTENDED_ID, BusCounts, FrameFlag, RawKind
from tests.decode.frames import block, data_frame
from tests.journey.recordings import LOGS

IDS = st.integers(0, 0x1FFF_FFFF)
BYTE = Signal("Byte", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "")

EEC1 = 0x0CF004FE | EXTENDED_ID
"""PDU2: engine speed, in the database from the null address"""
TSC1 = 0x0C000003 | EXTENDED_ID
"""PDU1: torque and speed control, addressed to the engine"""


def parameter_group_number(can_id: int) -> int:
    number: int = j1939.pgn_from_frame_id(can_id)  # type: ignore[no-untyped-call]  # cantools types not all of itself
    return number


def message(name: str, can_id: int, *, length: int = 8, is_j1939: bool = True) -> Message:
    return Message(name, can_id, length, (BYTE,), is_j1939)


def bus(*messages: Message) -> Catalog:
    return Catalog([("can0", [Database("truck.dbc", messages)])])


def names_of(known: Catalog, *can_ids: int) -> list[str]:
    """The message of each frame, "" where it is none."""
    frames = [data_frame(can_id, bytes(8), t_ns=i) for i, can_id in enumerate(can_ids)]
    samples = decode(compile_plan(known, list(known)), block(frames))
    found = [""] * len(frames)
    for t_ns, signal in zip(samples.t_ns.tolist(), samples.signal.tolist(), strict=True):
        found[t_ns] = list(known)[signal].removesuffix(".Byte")
    assert samples.counts == (BusCounts(len(frames), len(samples), len(frames) - len(samples)),)
    return found


@given(st.lists(IDS))
@example([0x18EFFFFE, 0x18F0FFFE])
def test_a_group_is_what_cantools_calls_the_parameter_group_number(can_ids: list[int]) -> None:
    groups = [parameter_group_number(can_id) << 8 for can_id in can_ids]

    assert [group_of(can_id) for can_id in can_ids] == groups
    assert groups_of(np.array(can_ids, np.uint64)).tolist() == groups


@given(IDS, IDS)
def test_an_id_is_made_again_of_its_group_and_of_a_carrier_with_its_addresses(can_id: int, other: int) -> None:
    extended = can_id | EXTENDED_ID
    carrier = other & ~0x1C00FFFF | can_id & 0x1C00FFFF

    assert pgn_of(extended) == parameter_group_number(can_id)
    assert id_of(pgn_of(extended), carrier) == extended
    if can_id >> 16 & 0xFF < 240:  # what stands where a group has no number is not part of it
        assert id_of(pgn_of(extended) | other & 0xFF, carrier) == extended
    assert without_priority(extended) == can_id % (1 << 26) | EXTENDED_ID


def test_a_broadcast_group_is_known_from_any_source_and_at_any_priority() -> None:
    known = bus(message("EEC1", EEC1))

    assert names_of(known, EEC1, 0x0CF00400 | EXTENDED_ID, 0x18F0043D | EXTENDED_ID) == ["EEC1"] * 3
    assert names_of(known, 0x0CF00500 | EXTENDED_ID, 0x0DF00400 | EXTENDED_ID, 0x0EF00400 | EXTENDED_ID) == [""] * 3


def test_an_addressed_group_is_known_from_any_source_to_any_destination() -> None:
    known = bus(message("TSC1", TSC1))

    assert names_of(known, TSC1, 0x0C000B27 | EXTENDED_ID, 0x04FFFFFF & 0x1C00FFFF | EXTENDED_ID) == ["TSC1"] * 3
    assert names_of(known, 0x0C010003 | EXTENDED_ID, 0x000) == ["", ""]


def test_of_several_messages_of_a_group_that_of_the_source_is_meant_at_whatever_priority() -> None:
    known = bus(
        message("Engine", EEC1),
        message("Retarder", 0x0CF0040F | EXTENDED_ID),
        message("Private", 0x18F00427 | EXTENDED_ID, is_j1939=False),
    )
    sources = [0x0CF004FE, 0x0CF0040F, 0x18F0040F, 0x18F00427, 0x0CF00427, 0x0CF00400]

    assert names_of(known, *(one | EXTENDED_ID for one in sources)) == [
        "Engine",
        "Retarder",
        "Retarder",
        "Private",
        "Engine",
        "Engine",
    ]


def test_of_several_messages_of_an_addressed_group_that_of_both_addresses_is_meant() -> None:
    known = bus(message("ToEngine", TSC1), message("ToRetarder", 0x0C000F03 | EXTENDED_ID))
    sent = [0x0C000F03, 0x00000F03, 0x00000F04, 0x00000003]

    assert names_of(known, *(one | EXTENDED_ID for one in sent)) == ["ToRetarder", "ToRetarder", "ToEngine", "ToEngine"]


def test_a_message_that_is_no_group_is_known_by_its_whole_id_alone() -> None:
    assert names_of(bus(message("Plain", EEC1, is_j1939=False)), EEC1, EEC1 ^ 1) == ["Plain", ""]


@given(
    st.lists(st.tuples(IDS, st.booleans()), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), IDS, IDS), max_size=20),
)
def test_each_frame_is_the_message_that_cantools_reading_of_its_id_says(
    ids: list[tuple[int, bool]], frames: list[tuple[int, int, int]]
) -> None:
    by_id = dict(ids)
    known = bus(*(message(f"M{can_id}", can_id | EXTENDED_ID, is_j1939=any_) for can_id, any_ in by_id.items()))
    groups = [can_id for can_id in reversed(by_id) if by_id[can_id]]
    by_group = {parameter_group_number(can_id): can_id for can_id in groups}
    by_addresses = {can_id % (1 << 26): can_id for can_id in groups}
    # Near a message that is known: some of its bits changed.
    sent = [list(by_id)[near % len(by_id)] ^ (flips & mask) for near, flips, mask in frames]

    expected = [
        one if one in by_id else by_addresses.get(one % (1 << 26), by_group.get(parameter_group_number(one)))
        for one in sent
    ]

    assert names_of(known, *(one | EXTENDED_ID for one in sent)) == [
        "" if one is None else f"M{one}" for one in expected
    ]


def test_the_frames_of_a_group_are_counted_as_those_of_an_id() -> None:
    two_buses = Catalog(
        [("truck", [Database("truck.dbc", (message("EEC1", EEC1, length=4),))]), ("trailer", [Database("t.dbc", ())])]
    )
    anybody = 0x0CF00400 | EXTENDED_ID
    frames = [
        data_frame(anybody, bytes(8)),
        data_frame(anybody, bytes(3)),
        data_frame(anybody, bytes(8), flags=int(FrameFlag.ERROR)),
        data_frame(anybody, bytes(8), flags=int(FrameFlag.REMOTE)),
        data_frame(0x400, bytes(8)),
        data_frame(anybody, bytes(8), bus=1),
    ]

    samples = decode(compile_plan(two_buses, list(two_buses)), block(frames, buses=2))

    assert samples.counts == (BusCounts(5, 1, 1, 1, remote=1, error=1), BusCounts(1, 0, 1))


def test_two_buses_each_know_a_group_by_their_own_database() -> None:
    def database(name: str) -> Database:
        return Database(f"{name}.dbc", (message(name, EEC1),))

    known = Catalog([("truck", [database("Truck")]), ("trailer", [database("Trailer")])])
    frames = [data_frame(0x0CF00400 | EXTENDED_ID, bytes([9 + on]), t_ns=on, bus=on) for on in (0, 1)]
    frames = [one._replace(data=one.data + bytes(7), length=8) for one in frames]

    samples = decode(compile_plan(known, ["Truck.Byte", "Trailer.Byte"]), block(frames, buses=2))

    assert list(zip(samples.signal.tolist(), samples.raw.tolist(), strict=True)) == [(0, 9), (1, 10)]


@pytest.mark.parametrize("name", ["CSS-Electronics-SAE-J1939-DEMO.dbc", "canmatrix_j1939.dbc"])
def test_every_group_of_a_truck_s_database_decodes_as_cantools_whoever_sends_it(name: str) -> None:
    path = truck_database(name)
    oracle = cantools.database.load_file(str(path), strict=False)
    assert isinstance(oracle, CantoolsDatabase)
    database = load_database(path)
    known = Catalog([("truck", [database])])
    chance = random.Random(name)  # noqa: S311  a seed that says the file
    frames: list[Frame] = []
    expected: list[object] = []
    told = {remark.partition(": ")[0].removeprefix("signal ") for remark in database.remarks}
    for theirs in oracle.messages:
        if theirs.length > 8 or any(f"{theirs.name}.{signal.name}" in told for signal in theirs.signals):
            continue
        for source in (0x00, 0x27, 0xFE):
            destination = 0 if theirs.frame_id >> 16 & 0xFF >= 240 else chance.randrange(256) << 8
            sent = theirs.frame_id & 0x03FFFF00 ^ destination | chance.randrange(8) << 26 | source
            payload = chance.randbytes(theirs.length)
            try:
                answer = theirs.decode(payload, decode_choices=False, scaling=False)
            except cantools.database.DecodeError:
                continue  # its signals overlap: see test_corpus.py
            frames.append(data_frame(sent | EXTENDED_ID, payload, t_ns=len(frames)))
            expected.append(answer)

    samples = decode(compile_plan(known, list(known)), block(frames))

    found: list[dict[str, int]] = [{} for _ in frames]
    names = [known[one].signal.name for one in known]
    for t_ns, signal, raw in zip(samples.t_ns.tolist(), samples.signal.tolist(), samples.raw.tolist(), strict=True):
        found[t_ns][names[signal]] = raw % (1 << 64)
    assert len(frames) >= 6
    assert found == expected
    assert samples.counts == (BusCounts(len(frames), len(frames)),)


def truck_database(name: str) -> Path:
    path = LOGS / "j1939_truck_css" / name
    if not path.exists():
        warnings.warn(f"no {path}: J1939 was NOT held to a truck's database", stacklevel=2)
        pytest.skip("no truck's database")
    return path

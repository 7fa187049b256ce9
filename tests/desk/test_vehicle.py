import itertools
import time
import warnings
from collections import defaultdict

import cantools
import pytest
from cantools.database.can import Database
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.desk.vehicle import JITTER, VALUES, Vehicle, database_path
from edge_agent.records import EXTENDED_ID


@pytest.fixture(scope="module")
def database() -> Database:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = cantools.database.load_file(database_path(), strict=True)
    assert isinstance(loaded, Database)
    return loaded


def test_the_database_has_one_of_each_kind_a_decoder_must_know(database: Database) -> None:
    signals = [signal for message in database.messages for signal in message.signals]

    assert {signal.byte_order for signal in signals} == {"little_endian", "big_endian"}
    assert {signal.is_signed for signal in signals} == {True, False}
    assert any(signal.is_float for signal in signals)
    assert any(signal.is_multiplexer for signal in signals)
    assert any(signal.choices for signal in signals)
    assert {message.is_extended_frame for message in database.messages} == {True, False}
    assert all(message.cycle_time for message in database.messages)
    assert {message.name for message in database.messages} == set(VALUES)


def test_every_frame_decodes_within_its_signals_ranges(database: Database) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for _, can_id, data in Vehicle(3).frames(0, 120):
        message = database.get_message_by_frame_id(can_id & ~EXTENDED_ID)
        assert message.is_extended_frame == bool(can_id & EXTENDED_ID)
        assert len(data) == message.length
        values = message.decode(data, decode_choices=False)
        assert isinstance(values, dict)
        for signal in message.signals:
            if signal.name in values:
                value, low, high = (float(str(one)) for one in (values[signal.name], signal.minimum, signal.maximum))
                assert low <= value <= high, (message.name, signal.name)
        seen[message.name] |= set(values)

    assert seen == {message.name: {signal.name for signal in message.signals} for message in database.messages}


def test_messages_come_at_their_cycle_times_with_a_little_lateness(database: Database) -> None:
    frames = Vehicle(3).frames(0, 20)
    assert frames == sorted(frames, key=lambda frame: frame[0])

    times: dict[int, list[float]] = defaultdict(list)
    for t_s, can_id, _ in frames:
        times[can_id & ~EXTENDED_ID].append(t_s)
    for message in database.messages:
        cycle_s = (message.cycle_time or 0) / 1000
        steps_s = [there - here for here, there in itertools.pairwise(times[message.frame_id])]
        assert min(steps_s) >= cycle_s * (1 - JITTER) - 1e-9
        assert max(steps_s) <= cycle_s * (1 + JITTER) + 1e-9
        assert abs(len(times[message.frame_id]) - 20 / cycle_s) <= 1


def test_the_rate_is_that_of_a_car() -> None:
    assert 400 <= len(Vehicle(1).frames(0, 10)) / 10 <= 800


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 8), max_size=6))
def test_the_drive_is_the_same_however_it_is_cut_into_windows(cuts_s: list[float]) -> None:
    edges = [0.0, *sorted(cuts_s), 8.0]
    vehicle = Vehicle(11)
    pieces = [frame for t0_s, t1_s in itertools.pairwise(edges) for frame in vehicle.frames(t0_s, t1_s)]

    assert pieces == Vehicle(11).frames(0, 8)


def test_a_window_that_begins_later_leaves_out_what_is_before_it() -> None:
    whole = Vehicle(4).frames(0, 12)

    assert Vehicle(4).frames(7, 12) == [frame for frame in whole if frame[0] >= 7]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    assert Vehicle(8).frames(0, 15) == Vehicle(8).frames(0, 15)
    assert Vehicle(8).frames(0, 15) != Vehicle(9).frames(0, 15)


def test_it_is_made_twenty_times_faster_than_it_is_driven() -> None:
    vehicle = Vehicle(1)
    begun_s = time.process_time()
    vehicle.frames(0, 20)

    assert time.process_time() - begun_s < 1.0


def test_one_drive_shows_doors_gears_speed_and_a_falling_charge(database: Database) -> None:
    doors, gears, speeds, charges = set(), set(), [], []
    for _, can_id, data in Vehicle(2).frames(0, 120):
        message = database.get_message_by_frame_id(can_id & ~EXTENDED_ID)
        if message.name in ("Body", "Drive", "Motion", "Battery"):
            values = message.decode(data)
            assert isinstance(values, dict)
            doors.add(str(values.get("DriverDoorOpen")))
            gears.add(str(values.get("Gear")))
            speeds.append(float(str(values.get("VehicleSpeed", 0))))
            charges += [float(str(values["StateOfCharge"]))] if "StateOfCharge" in values else []

    assert {"Open", "Closed"} <= doors
    assert {"P", "D"} <= gears
    assert max(speeds) > 25
    assert charges[-1] < charges[0]

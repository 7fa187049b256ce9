"""Recorded MF4 logs through our reader and decoder: a truck, a car, its diagnostics. Needs asammdf: `make mf4`."""

import gc
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import can
import cantools
import numpy as np
import pytest
from cantools.database.can import Database as CantoolsDatabase
from cantools.j1939 import pgn_from_frame_id

from edge_agent.acquire.block import Frame
from edge_agent.acquire.logreader import read_log
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.plan import compile_plan
from edge_agent.errors import LogRefused
from edge_agent.records import EXTENDED_ID, BusCounts
from tests.decode.frames import block
from tests.decode.oracle import Oracle, Said, by_signal, same_raw, same_value
from tests.journey.recordings import LOGS

TRUCK = LOGS / "j1939_truck_css" / "00000001.MF4"
CAR = LOGS / "vw_group_obd2_gnss"
DIAGNOSTICS = LOGS / "hyundai_uds_css"
KMH = 3.6
SECOND_NS = 1_000_000_000
SINCE_NS = (0, 1, 100_000_000, 1_123_456_789, 86_400 * SECOND_NS + 1)
IN_UTC = 2
"""the flag of a start that is in UTC, with the zone told; 1 is a start in local time"""

pytestmark = [
    pytest.mark.skipif(find_spec("asammdf") is None, reason="asammdf is not here: make mf4"),
    pytest.mark.timeout(60),
    # asammdf 8.8 leaves an object half made, and its end fails, where a file is no MF4 at all.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
recordings = pytest.mark.skipif(not TRUCK.exists(), reason="no recordings beside the repository")


@pytest.fixture(autouse=True)
def left_behind() -> Iterator[None]:
    """What asammdf leaves ends within its test: at the session's end the mark above no longer holds."""
    yield
    gc.collect()


def decoded(frames: list[Frame], database: Path) -> tuple[Catalog, dict[str, Said], BusCounts]:
    """Samples by signal, at the frame's number."""
    catalog = Catalog([("log", [load_database(database)])])
    plan = compile_plan(catalog, list(catalog))
    samples = decode(plan, block([frame._replace(t_ns=i, bus=0) for i, frame in enumerate(frames)]))
    return catalog, by_signal(plan, samples), samples.counts[0]


def frames_of(log: Path, channel: int) -> list[Frame]:
    return list(read_log(log, {str(channel): 0}))


def assert_as_cantools(frames: list[Frame], database: Path, *, groups: bool = False) -> Mapping[str, Said]:
    """Each frame of each message gives what cantools says of it, found by its whole id or its parameter group."""
    theirs = cantools.database.load_file(str(database), strict=False)
    assert isinstance(theirs, CantoolsDatabase)
    catalog, found, counts = decoded(frames, database)

    def name_of(can_id: int) -> int:
        if groups and can_id & EXTENDED_ID:
            number: int = pgn_from_frame_id(can_id & ~EXTENDED_ID)  # type: ignore[no-untyped-call]
            return number
        return can_id

    by_name: dict[int, list[int]] = {}
    for i, frame in enumerate(frames):
        by_name.setdefault(name_of(frame.can_id), []).append(i)
    compared = decoded_frames = 0
    for message in theirs.messages:
        marked = message.frame_id | (EXTENDED_ID if message.is_extended_frame else 0)
        at = np.array([i for i in by_name.get(name_of(marked), []) if frames[i].length >= message.length], np.int64)
        decoded_frames += len(at)
        said = Oracle(message, message.length).says([frames[i].data for i in at])
        for name, column in said.items():
            public = f"{message.name}.{name}"
            if public not in catalog:
                continue  # told at load; test_corpus.py sees to that
            ours = found.pop(public)
            assert np.array_equal(ours.at, at[column.at]), public
            assert same_raw(ours, column, catalog[public].signal.kind), public
            assert same_value(ours, column), public
            compared += len(ours.at)
    assert not found
    assert compared
    assert (counts.seen, counts.decoded) == (len(frames), decoded_frames)
    return decoded(frames, database)[1]


@recordings
@pytest.mark.parametrize("name", ["CSS-Electronics-SAE-J1939-DEMO.dbc", "canmatrix_j1939.dbc"])
def test_a_recorded_truck_decodes_as_cantools_by_parameter_group(name: str) -> None:
    found = assert_as_cantools(frames_of(TRUCK, 1), TRUCK.with_name(name), groups=True)

    if name.startswith("CSS"):
        speed, engine = found["CCVS1.WheelBasedVehicleSpeed"], found["EEC1.EngineSpeed"]
        assert (len(speed.at), speed.value.max()) == (1272, 0.0)
        assert (len(engine.at), engine.value.min(), engine.value.max()) == (12719, 646.5, 653.75)


@recordings
def test_a_recorded_truck_s_messages_in_several_packets_decode_as_cantools() -> None:
    """25 times the engine's configuration in 6 packets; 127 broadcasts of a group that the database has not."""
    path = TRUCK.with_name("canmatrix_j1939.dbc")
    frames = frames_of(TRUCK, 1)
    payloads = list(broadcasts(frames, 0xFEE3))
    theirs = cantools.database.load_file(str(path), strict=False)
    assert isinstance(theirs, CantoolsDatabase)
    said = Oracle(theirs.get_message_by_name("EC1"), 39).says([payload for _, payload in payloads])
    catalog = Catalog([("log", [load_database(path)])])
    plan = compile_plan(catalog, catalog.match("EC1.*"))
    decoding = Decoding(plan)
    blocks = [decoding.feed(block(frames[at : at + 1000])) for at in range(0, len(frames), 1000)]
    samples = replace(
        blocks[0],
        t_ns=np.concatenate([one.t_ns for one in blocks]),
        signal=np.concatenate([one.signal for one in blocks]),
        raw=np.concatenate([one.raw for one in blocks]),
        value=np.concatenate([one.value for one in blocks]),
    )
    found = by_signal(plan, samples)
    counts = sum((one.counts[0] for one in blocks), BusCounts())

    assert len(payloads) == 25
    assert len(found) == len(said) == 27
    for name, theirs_of_it in said.items():
        ours = found[f"EC1.{name}"]
        assert ours.at.tolist() == [payloads[i][0] for i in theirs_of_it.at.tolist()], name
        assert same_raw(ours, theirs_of_it, catalog[f"EC1.{name}"].signal.kind), name
        assert same_value(ours, theirs_of_it), name
    single = decoded(frames, path)[2]
    assert counts == replace(single, decoded=single.decoded + 25 * 7, unknown=single.unknown - 25 * 7)


def broadcasts(frames: list[Frame], pgn: int) -> Iterator[tuple[int, bytes]]:
    """The slow, obvious way, for a recording in which nothing is lost and one source sends: when whole, and what."""
    size, payload = 0, b""
    for frame in frames:
        if frame.can_id >> 16 & 0xFF == 0xEC:
            announced = int.from_bytes(frame.data[5:], "little") == pgn
            size, payload = int.from_bytes(frame.data[1:3], "little") * announced, b""
        elif frame.can_id >> 16 & 0xFF == 0xEB and size:
            payload += frame.data[1:]
            if len(payload) >= size:
                yield frame.t_ns, payload[:size]


@recordings
def test_a_recorded_car_s_diagnostics_decode_as_cantools_by_extended_multiplexing() -> None:
    found = assert_as_cantools(frames_of(CAR / "00000001-60FE3F04.MF4", 1), CAR / "OBD-v4.4.dbc")

    assert len(found["OBD_RX.S01PID0D_VehicleSpeed"].at) > 100


@recordings
@pytest.mark.parametrize("name", ["00000001-60FE3F04.MF4", "00000002-60FE415D.MF4"])
def test_the_speed_by_diagnostics_is_the_speed_by_satellite(name: str) -> None:
    cars, satellites = frames_of(CAR / name, 1), frames_of(CAR / name, 2)
    by_car = decoded(cars, CAR / "OBD-v4.4.dbc")[1]["OBD_RX.S01PID0D_VehicleSpeed"]
    gnss = decoded(satellites, CAR / "canmod-gps.dbc")[1]
    has_fix = gnss["gnss_speed.SpeedValid"].value == 1
    gnss_s = np.array([satellites[i].t_ns for i in gnss["gnss_speed.Speed"].at])[has_fix] / 1e9
    gnss_kmh = gnss["gnss_speed.Speed"].value[has_fix] * KMH
    car_s = np.array([cars[i].t_ns for i in by_car.at]) / 1e9
    after = gnss_s.searchsorted(car_s).clip(1, len(gnss_s) - 1)
    seen = (gnss_s[after - 1] <= car_s) & (car_s <= gnss_s[after]) & (gnss_s[after] - gnss_s[after - 1] < 1.5)
    car_kmh = by_car.value[seen]

    apart = abs(np.interp(car_s[seen], gnss_s, gnss_kmh) - car_kmh)

    assert len(apart) > 700
    assert car_kmh.max() > 70
    # The car tells whole km/h twice a second, the satellites' speed is about half a second old.
    assert np.median(apart) < 1
    assert apart.max() < 6


@recordings
def test_frames_of_a_message_in_several_packets_are_counted_as_too_short() -> None:
    _, found, counts = decoded(list(read_log(DIAGNOSTICS / "00000170.MF4")), DIAGNOSTICS / "tp_uds.dbc")

    assert not found
    assert counts == BusCounts(seen=2010, wrong_length=2010)


def test_an_mf4_log_that_python_can_wrote_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "drive.mf4"
    sent = [
        can.Message(
            timestamp=1_700_000_000 + i / 100,
            arbitration_id=0x18FEF100 + i,
            is_extended_id=i % 2 == 0,
            data=bytes(range(i % 9)),
            channel=i % 2,
        )
        if i % 2 == 0
        else can.Message(timestamp=1_700_000_000 + i / 100, arbitration_id=i, is_extended_id=False, data=b"\x01")
        for i in range(20)
    ]
    with can.Logger(path) as logger:
        for message in sent:
            logger(message)

    found = list(read_log(path))

    assert [(frame.can_id & ~EXTENDED_ID, frame.can_id >= EXTENDED_ID, frame.data) for frame in found] == [
        (message.arbitration_id, message.is_extended_id, bytes(message.data)) for message in sent
    ]


@recordings
@pytest.mark.parametrize(
    ("log", "start_ns"),
    [(TRUCK, 1_635_188_454 * SECOND_NS), (CAR / "00000001-60FE3F04.MF4", 1_627_274_454 * SECOND_NS)],
)
def test_times_of_a_recorded_mf4_log_stand_in_its_bytes_and_are_python_cans_to_a_microsecond(
    log: Path, start_ns: int
) -> None:
    found = [frame.t_ns for frame in read_log(log)]
    with can.LogReader(log) as reader:
        theirs = [message.timestamp for message in reader]

    content = log.read_bytes()
    # This recorder writes nanoseconds since its start, as a float64 that holds them whole. Some are off its 50 us step.
    odd = [t_ns for t_ns in found if t_ns % 50_000]
    assert odd
    assert all(struct.pack("<d", t_ns - start_ns) in content for t_ns in [*found[::500], *odd])
    assert all(abs(t_ns - timestamp_s * 1e9) < 1000 for t_ns, timestamp_s in zip(found, theirs, strict=True))


@pytest.mark.parametrize("start_ns", [1_700_000_000_123_456_789, 1_700_000_000_999_999_500, 1_700_000_000 * SECOND_NS])
@pytest.mark.parametrize(("minutes_east", "flags"), [(0, 2), (-90, 2), (0, 1)], ids=["utc", "zone", "local"])
def test_an_mf4_log_keeps_the_nanoseconds_of_its_start_and_of_its_frames(
    tmp_path: Path, start_ns: int, minutes_east: int, flags: int
) -> None:
    path = tmp_path / "drive.mf4"
    with can.MF4Writer(path) as writer:
        writer._start_time = 0.0  # it would take it from each time, and leave the rounding of two of today's floats
        for since_ns in SINCE_NS:
            writer.on_message_received(can.Message(timestamp=since_ns / 1e9, arbitration_id=1, data=b"a"))
    content = bytearray(path.read_bytes())
    # ASAM's block HD stands at 64; behind its six links: the start, the zone and the summer time in minutes, flags.
    struct.pack_into("<QhhB", content, 64 + 24 + 48, start_ns, minutes_east, 0, flags)
    path.write_bytes(content)

    said = datetime.fromtimestamp(start_ns // SECOND_NS, UTC)
    utc_s = round((said if flags == IN_UTC else said.replace(tzinfo=None)).timestamp())
    begun_ns = utc_s * SECOND_NS + start_ns % SECOND_NS
    assert [frame.t_ns for frame in read_log(path)] == [begun_ns + since_ns for since_ns in SINCE_NS]


def test_an_mf4_log_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole, cut = tmp_path / "drive.mf4", tmp_path / "cut.mf4"
    with can.Logger(whole) as logger:
        for i in range(300):
            logger(can.Message(timestamp=1_700_000_000 + i / 100, arbitration_id=i, data=bytes(8)))
    content = whole.read_bytes()

    for size in range(0, len(content), 199):
        cut.write_bytes(content[:size])
        with pytest.raises(LogRefused, match=r"cut\.mf4: "):
            list(read_log(cut))


@recordings
def test_an_mf4_log_its_recorder_never_finished_gives_no_wrong_frame_where_it_is_cut(tmp_path: Path) -> None:
    whole = list(read_log(TRUCK))
    cut = tmp_path / "cut.mf4"
    for size in range(19_990, 20_010):
        cut.write_bytes(TRUCK.read_bytes()[:size])
        try:
            found = list(read_log(cut))
        except LogRefused:
            continue
        # Channels stand in blocks of their own, so what is left need not be the first frames over all.
        assert set(found) <= set(whole)


def test_what_is_no_mf4_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.mf4"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 100)

    with pytest.raises(LogRefused, match="not as its format says"):
        list(read_log(path))

"""Recorded drives become the trips in golden/. After a change that is meant: GOLDEN=write pytest this file."""

import json
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cantools
import pytest
from cantools.database.can import Database

from cabin.trips.machine import TripMachine
from cabin.trips.summary import record_of
from tests.cabin.trips.recorded import (
    DATA,
    LOGS,
    Said,
    Signal,
    difference,
    integral_km,
    looked_at,
    of_candump,
    of_frames,
    of_truck,
)

GOLDEN = Path(__file__).with_name("golden")
NOW_MS = 1_795_000_000_000
SILENT_S = 3_700
MS_TO_KMH = 3.6
pytestmark = pytest.mark.skipif(not LOGS.exists(), reason="no recordings beside the repository")


def trips_of(said: Sequence[Said], from_up_ms: int = 1_000_000) -> list[dict[str, Any]]:
    machine = TripMachine("p1", new_id=iter(map(str, range(1, 100))).__next__)
    looks = looked_at(said, from_up_ms, SILENT_S)
    ended = (machine.look(vehicle, now_ms=NOW_MS + up_ms, up_ms=up_ms, location=False) for vehicle, up_ms in looks)
    trips = [dict(record_of(one.summary)) | {"kept": one.is_kept} for one in ended if one is not None]
    assert machine.open() is None
    return trips


def assert_golden(name: str, trips: list[dict[str, Any]]) -> None:
    path = GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(json.dumps(trips, indent=2) + "\n")
    assert json.loads(json.dumps(trips)) == json.loads(path.read_text())


def mustang() -> list[Said]:
    folder = LOGS / "ford_mustang_s550"
    return of_candump(
        folder / "mustang_s550.log",
        folder / "ford_lincoln_base_pt.dbc",
        [
            Signal("BrakeSysFeatures", "Veh_V_ActlBrk", "speed_kmh"),
            Signal("TransGearData", "GearLvrPos_D_Actl", "in_park", lambda lever: float(lever == 0)),
            Signal("BodyInfo_3_FD1", "Ignition_Status", "ignition", lambda status: float(status == 4)),
        ],
    )


def model_3() -> list[Said]:
    folder = LOGS / "tesla_model3_kuksa"
    return of_candump(
        folder / "it-candump0.log",
        folder / "it-can.dbc",
        [
            Signal("ID257DIspeed", "DI_vehicleSpeed", "speed_kmh"),
            Signal("ID118DriveSystemStatus", "DI_gear", "in_park", lambda gear: float(gear == 1)),
            Signal("ID266RearInverterPower", "RearPower266", "pack_power_kw"),
        ],
    )


def test_a_truck_s_quarter_of_an_hour_by_its_odometer() -> None:
    said = of_truck(DATA / "decoded_traces" / "fms_truck" / "signalsFmsRecording.csv")
    (trip,) = trips_of(said)
    assert trip["distance_source"] == "odometer"
    assert trip["distance_km"] == pytest.approx(difference(said, "odometer_km"), rel=0.01)
    assert trip["distance_km"] == pytest.approx(integral_km(said), rel=0.01)
    assert_golden("fms_truck", [trip])


def test_a_minute_in_a_car_with_ignition_and_gear() -> None:
    said = mustang()
    (trip,) = trips_of(said)
    assert trip["distance_km"] == pytest.approx(integral_km(said), rel=0.01)
    assert trip["end"] == "standstill"
    assert_golden("mustang", [trip])


def test_forty_seconds_of_a_motorway_in_an_electric_car() -> None:
    said = model_3()
    (trip,) = trips_of(said)
    power = [(t_ms, "speed_kmh", value) for t_ms, role, value in said if role == "pack_power_kw"]
    assert trip["distance_km"] == pytest.approx(integral_km(said), rel=0.01)
    assert trip["energy_kwh"] == pytest.approx(integral_km(power), abs=0.003)
    assert (trip["end"], trip["energy_source"]) == ("silence", "measured")
    assert_golden("model_3", [trip])


def test_an_electric_car_that_stands_for_six_minutes_makes_no_trip() -> None:
    folder = LOGS / "hyundai_kona_ev_2021"
    said = of_candump(
        folder / "221217-1-2021-pcan-bcan-no-key.log",
        folder / "pcan_fixed.dbc",
        [Signal("CGW_450", "Speed", "speed_kmh"), Signal("Odometer", "Odometer", "odometer_km")],
    )
    assert len(said) > 1000
    assert trips_of(said) == []


def test_two_drives_with_a_short_stop_are_one_trip_and_with_a_long_one_two() -> None:
    said = mustang()
    for stop_s, trips in ((200, 1), (400, 2)):
        behind = max(t_ms for t_ms, _, _ in said) + stop_s * 1000
        off = [(behind - stop_s * 1000 + 100 + 500 * k, "ignition", 0.0) for k in range(stop_s * 2 - 1)]
        again = [(behind + t_ms, role, value) for t_ms, role, value in said]
        found = trips_of([*said, *off, *again])
        assert len(found) == trips
        assert sum(trip["distance_km"] for trip in found) == pytest.approx(2 * integral_km(said), rel=0.01)


@pytest.mark.skipif(find_spec("asammdf") is None, reason="asammdf is not here: make mf4")
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("name", "log", "database", "signals"),
    [
        (
            "vw_gnss",
            "00000002-60FE415D.MF4",
            "canmod-gps.dbc",
            [
                Signal("gnss_speed", "Speed", "speed_kmh", lambda speed: speed * MS_TO_KMH),
                Signal("gnss_odo", "DistanceTrip", "odometer_km", lambda metres: metres / 1000),
            ],
        ),
        ("vw_obd", "00000001-60FE3F04.MF4", "OBD-v4.4.dbc", [Signal("OBD_RX", "S01PID0D_VehicleSpeed", "speed_kmh")]),
    ],
)
def test_a_drive_is_as_long_as_the_satellites_say(name: str, log: str, database: str, signals: list[Signal]) -> None:
    import can  # noqa: PLC0415  with asammdf alone

    folder = LOGS / "vw_group_obd2_gnss"
    loaded = cantools.database.load_file(str(folder / database), strict=False)
    assert isinstance(loaded, Database)
    with can.LogReader(folder / log) as reader:
        frames = [(one.timestamp, one.arbitration_id, bytes(one.data)) for one in reader]
    begun = frames[0][0]
    said = of_frames([(t_s - begun, number, data) for t_s, number, data in frames], loaded, signals)
    (trip,) = trips_of(said)
    assert trip["distance_km"] == pytest.approx(integral_km(said), rel=0.01)
    if name == "vw_gnss":
        assert trip["distance_km"] == pytest.approx(difference(said, "odometer_km"), rel=0.01)
    assert_golden(name, [trip])

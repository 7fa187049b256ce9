import math
from collections.abc import Callable, Mapping, Sequence

import cantools
import numpy as np
import pytest
from cantools.database.can import Database

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.load import read_mapping
from edge_agent.decode.naming import mapped
from edge_agent.desk.check import check
from edge_agent.desk.driving import STEP_S, Driving
from edge_agent.desk.second_make import SECOND_MAKE
from edge_agent.desk.vehicle import FIRST_MAKE, VALUES, Make, Vehicle
from edge_agent.policy.collector import Collector
from edge_agent.records import CloseReason
from edge_agent.spool.columns import seal
from edge_agent.spool.reading import ReadSample, read_payloads
from edge_agent.twin.compilation import compile_document
from edge_agent.twin.document import judge
from tests.decode.frames import block, data_frame
from tests.spool.batches import BOOT, SENDER

SEED, SECONDS = 2, 212
BATTERY = "Vehicle.Powertrain.TractionBattery."
MAKES = (FIRST_MAKE, SECOND_MAKE)
DOCUMENT = {
    "schema_version": 1,
    "rules": {
        "all": {"kind": "on_change", "signals": ["Vehicle.*"], "time_unit": "ns", "batch": {"max_bytes": 500_000}}
    },
}

Truth = Callable[[Driving], float]


def body(name: str, *values: float) -> Truth:
    return lambda car: float(VALUES["Body"](car, 0)[name] in values)


TRUTH: dict[str, tuple[str, Truth]] = {
    "Vehicle.Speed": ("km/h", lambda car: car.speed_mps * 3.6),
    "Vehicle.TraveledDistance": ("km", lambda car: car.odometer_m / 1000),
    "Vehicle.Acceleration.Longitudinal": ("m/s^2", lambda car: car.acceleration_mps2),
    "Vehicle.AngularVelocity.Yaw": ("degrees/s", lambda car: math.degrees(car.place.curvature_per_m * car.speed_mps)),
    "Vehicle.Chassis.SteeringWheel.Angle": ("degrees", lambda car: VALUES["Motion"](car, 0)["SteeringAngle"]),
    "Vehicle.Chassis.Accelerator.PedalPosition": ("percent", lambda car: min(max(0.0, car.motor_n) / 60, 100)),
    "Vehicle.Chassis.ParkingBrake.IsEngaged": ("", lambda car: float(not car.ready)),
    "Vehicle.Powertrain.Transmission.CurrentGear": ("", lambda car: float(car.ready)),
    "Vehicle.Powertrain.Transmission.IsParkLockEngaged": ("", lambda car: float(not car.ready)),
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current": ("percent", lambda car: car.charge * 100),
    "Vehicle.Powertrain.TractionBattery.CurrentVoltage": ("V", lambda car: car.voltage_v),
    "Vehicle.Powertrain.TractionBattery.CurrentCurrent": ("A", lambda car: -car.current_a),
    "Vehicle.Powertrain.TractionBattery.CurrentPower": ("W", lambda car: -car.voltage_v * car.current_a),
    "Vehicle.Powertrain.TractionBattery.Temperature.Average": ("celsius", lambda car: car.battery_c),
    "Vehicle.Powertrain.TractionBattery.Range": ("m", lambda car: VALUES["Trip"](car, 0)["Range"] * 1000),
    "Vehicle.Powertrain.TractionBattery.Charging.IsCharging": ("", lambda car: float(car.charging)),
    "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen": ("", body("DriverDoorOpen", 1)),
    "Vehicle.Cabin.Door.Row1.PassengerSide.IsOpen": ("", body("PassengerDoorOpen", 1)),
    "Vehicle.Body.Trunk.Rear.IsOpen": ("", body("TailgateOpen", 1)),
    "Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted": ("", body("DriverBeltFastened", 1)),
    "Vehicle.Body.Lights.DirectionIndicator.Left.IsSignaling": ("", body("Indicator", 1, 3)),
    "Vehicle.Body.Lights.DirectionIndicator.Right.IsSignaling": ("", body("Indicator", 2, 3)),
    "Vehicle.Body.Lights.Brake.IsActive": ("", body("BrakeLights", 1)),
    "Vehicle.Body.Windshield.Front.Wiping.Mode": ("", body("Wiper", 1)),
    "Vehicle.CurrentLocation.Latitude": ("degrees", lambda car: car.position_deg[0]),
    "Vehicle.CurrentLocation.Longitude": ("degrees", lambda car: car.position_deg[1]),
    "Vehicle.CurrentLocation.Heading": ("degrees", lambda car: math.degrees(car.place.heading_rad)),
    "Vehicle.Exterior.AirTemperature": ("celsius", lambda car: car.outside_c),
    "Vehicle.Cabin.HVAC.AmbientAirTemperature": ("celsius", lambda car: car.cabin_c),
}
"""Each path's unit and what it is in the car itself, whoever made it; places in `allowed` for texts"""

RESOLUTION = {
    "Vehicle.Speed": (0.01, 0.100584),
    "Vehicle.TraveledDistance": (0.01, 0.1609344),
    "Vehicle.Chassis.SteeringWheel.Angle": (0.1, -0.5),
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current": (0.01, 0.4),
    "Vehicle.Powertrain.TractionBattery.CurrentCurrent": (-0.1, 0.05),
    "Vehicle.Powertrain.TractionBattery.Range": (100.0, 1609.344),
    "Vehicle.CurrentLocation.Latitude": (1e-7, 1e-5 / 60),
    "Vehicle.Exterior.AirTemperature": (0.1, 0.5 / 1.8),
}
"""The factors of some paths, by make: what one step of the number on the bus is worth"""


def catalog_of(make: Make) -> Catalog:
    databases, remarks = mapped([load_database(make.database)], read_mapping(make.mapping))
    assert remarks == ()
    return Catalog([("car", databases)])


def telemetry(make: Make, catalog: Catalog) -> list[ReadSample]:
    """What a drive becomes in the cloud: frames, decoded, kept by the rule, sealed, read back."""
    config = compile_document(judge(DOCUMENT), catalog, 1)
    collector = Collector(["car"])
    sealed = collector.reconfigure(1, config.plan.signals, config.rules)
    frames = [
        data_frame(can_id, data, t_ns=round(t_s * 1e9)) for t_s, can_id, data in Vehicle(SEED, make).frames(0, SECONDS)
    ]
    decoding = Decoding(config.plan)
    for at in range(0, len(frames), 100):
        sealed += collector.feed(decoding.feed(block(frames[at : at + 100])))
    sealed += collector.flush(CloseReason.STOPPED)
    payloads = [payload for one in sealed for payload in read_payloads(seal(one, SENDER, BOOT, ()).payload, "test")]
    return [sample for payload in payloads for sample in payload.samples]


@pytest.fixture(scope="module")
def catalogs() -> list[Catalog]:
    return [catalog_of(make) for make in MAKES]


@pytest.fixture(scope="module")
def drives(catalogs: Sequence[Catalog]) -> list[list[ReadSample]]:
    return [telemetry(make, catalog) for make, catalog in zip(MAKES, catalogs, strict=True)]


def states(times_ns: Sequence[int]) -> dict[int, dict[str, float]]:
    """What each path is in the car at these times."""
    car, steps = Driving(SEED), 0
    found = {}
    for t_ns in sorted(set(times_ns)):
        while (steps + 1) * STEP_S <= t_ns / 1e9:
            car.step()
            steps += 1
        found[t_ns] = {path: truth(car) for path, (_, truth) in TRUTH.items()}
    return found


def test_two_makes_give_the_same_names_and_units(drives: Sequence[Sequence[ReadSample]]) -> None:
    first, second = ({(sample.name, sample.unit) for sample in samples} for samples in drives)

    assert first == second == {(path, unit) for path, (unit, _) in TRUTH.items()}


@pytest.mark.parametrize("which", [0, 1])
def test_each_makes_values_are_the_cars_within_half_a_step(
    which: int, catalogs: Sequence[Catalog], drives: Sequence[Sequence[ReadSample]]
) -> None:
    truth = states([sample.t_ns for sample in drives[which]])

    for sample in drives[which]:
        car = truth[sample.t_ns]
        assert abs(sample.value - car[sample.name]) <= half_a_step(catalogs[which], sample, car), sample


def half_a_step(catalog: Catalog, sample: ReadSample, car: Mapping[str, float]) -> float:
    if not sample.unit:
        return 0.0  # a state, and exact
    if sample.name == f"{BATTERY}CurrentPower":
        # A product is as far off as half a step of either of its factors makes it.
        half_v, half_a = (catalog.info(f"{BATTERY}{name}").factor / 2 for name in ("CurrentVoltage", "CurrentCurrent"))
        volts, amperes = (abs(car[f"{BATTERY}{name}"]) for name in ("CurrentVoltage", "CurrentCurrent"))
        return volts * abs(half_a) + amperes * abs(half_v) + abs(half_a * half_v) + 1e-6
    return abs(catalog.info(sample.name).factor) / 2 + 1e-9


def test_the_drive_shows_what_a_drive_has(drives: Sequence[Sequence[ReadSample]]) -> None:
    for samples in drives:
        seen = {name: {sample.value for sample in samples if sample.name == name} for name in TRUTH}
        assert max(seen["Vehicle.Speed"]) > 25
        for name in (
            "Powertrain.TractionBattery.Charging.IsCharging",
            "Body.Lights.DirectionIndicator.Left.IsSignaling",
            "Cabin.Door.Row1.DriverSide.IsOpen",
            "Cabin.Seat.Row1.DriverSide.IsBelted",
            "Powertrain.Transmission.CurrentGear",
            "Body.Lights.Brake.IsActive",
        ):
            assert seen[f"Vehicle.{name}"] == {0.0, 1.0}, name


def test_the_makes_resolutions_are_as_stated(catalogs: Sequence[Catalog]) -> None:
    for path, factors in RESOLUTION.items():
        assert [catalog[path].signal.factor for catalog in catalogs] == pytest.approx(factors, rel=1e-15), path


def test_texts_are_one_number_for_both_makes(catalogs: Sequence[Catalog]) -> None:
    for path in ("Vehicle.Body.Lights.Brake.IsActive", "Vehicle.Body.Windshield.Front.Wiping.Mode"):
        first, second = (catalog[path].signal.labels for catalog in catalogs)
        assert first == second
    wiping = catalogs[1]["Vehicle.Body.Windshield.Front.Wiping.Mode"].signal.relabel
    assert wiping is not None
    assert dict(zip(wiping.old.tolist(), wiping.new.tolist(), strict=True)) == {0: 5, 1: 0, 2: 1, 4: 3}


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.name)
def test_the_files_of_a_make_hold_no_mistake(make: Make) -> None:
    assert list(check([make.database], None, settings=False, vss=make.mapping)) == []
    loaded = cantools.database.load_file(make.database, strict=True)
    assert isinstance(loaded, Database)
    assert {message.name for message in loaded.messages} == set(make.values)
    assert all(message.cycle_time for message in loaded.messages)


def test_the_makes_share_no_id_and_no_layout() -> None:
    first, second = ({m.can_id: m for m in load_database(make.database).messages} for make in MAKES)

    assert not set(first) & set(second)
    fields = [{s.field for m in messages.values() for s in m.signals} for messages in (first, second)]
    assert len(fields[1] - fields[0]) > len(fields[1]) / 2
    assert np.all([m.length <= 8 for m in second.values()])

import pytest

from cabin.records import Reading, SignalInfo
from cabin.tapin.roles import Roles

SPEED = "Vehicle.Speed"
GEAR = {0: "P", 1: "R", 2: "N", 3: "D"}


def readings(**values: float) -> dict[str, Reading]:
    return {name.replace("_", "."): Reading(value, 7) for name, value in values.items()}


def test_vss_names_are_found_without_a_binding() -> None:
    roles = Roles({SPEED: SignalInfo("km/h")}, {})
    assert roles.vehicle({SPEED: Reading(50.0, 7)}).speed_kmh == Reading(50.0, 7)


def test_the_twins_binding_goes_before_the_vss_name() -> None:
    roles = Roles({SPEED: SignalInfo("km/h"), "Dash.SPD": SignalInfo("mph")}, {"speed": "Dash.SPD"})
    speed = roles.vehicle({SPEED: Reading(1.0, 7), "Dash.SPD": Reading(100.0, 7)}).speed_kmh
    assert speed is not None
    assert speed.value == pytest.approx(160.9344)


def test_a_binding_to_what_is_not_tapped_leaves_the_role_missing() -> None:
    assert Roles({SPEED: SignalInfo()}, {"speed": "Nowhere"}).missing == ("speed", "park_lock")


def test_a_gear_with_labels_says_park_and_neutral() -> None:
    roles = Roles({"Drive.Gear": SignalInfo(labels=GEAR)}, {"gear": "Drive.Gear"})
    for number, label in GEAR.items():
        vehicle = roles.vehicle({"Drive.Gear": Reading(float(number), 7)})
        assert vehicle.in_park == Reading(float(label == "P"), 7)
        assert vehicle.in_neutral == Reading(float(label == "N"), 7)


def test_a_gear_without_labels_or_with_an_unknown_one_says_nothing() -> None:
    bare = Roles({"Drive.Gear": SignalInfo()}, {"gear": "Drive.Gear"})
    assert bare.vehicle({"Drive.Gear": Reading(0.0, 7)}).in_park is None
    labelled = Roles({"Drive.Gear": SignalInfo(labels=GEAR)}, {"gear": "Drive.Gear"})
    assert labelled.vehicle({"Drive.Gear": Reading(9.0, 7)}).in_park is None


def test_a_park_lock_goes_before_a_gear() -> None:
    lock, gear = "Vehicle.Powertrain.Transmission.IsParkLockEngaged", "Vehicle.Powertrain.Transmission.CurrentGear"
    roles = Roles({lock: SignalInfo(), gear: SignalInfo()}, {})
    assert roles.vehicle({lock: Reading(1.0, 7), gear: Reading(0.0, 7)}).in_park == Reading(1.0, 7)
    assert roles.missing == ("speed",)


def test_power_in_watts_into_the_battery_is_turned_to_kilowatts_out_of_it() -> None:
    name = "Vehicle.Powertrain.TractionBattery.CurrentPower"
    power = Roles({name: SignalInfo("W")}, {}).vehicle({name: Reading(-15_000.0, 7)}).pack_power_kw
    assert power == Reading(15.0, 7)


def test_what_a_unit_makes_too_large_for_a_number_says_nothing() -> None:
    assert Roles({SPEED: SignalInfo("m/s")}, {}).vehicle({SPEED: Reading(1.7e308, 7)}).speed_kmh is None


def test_one_open_door_is_an_open_door() -> None:
    left, right = "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen", "Vehicle.Cabin.Door.Row1.PassengerSide.IsOpen"
    roles = Roles({left: SignalInfo(), right: SignalInfo()}, {})
    assert roles.vehicle({left: Reading(0.0, 5), right: Reading(1.0, 3)}).door_open == Reading(1.0, 3)
    assert roles.vehicle({left: Reading(0.0, 5), right: Reading(0.0, 3)}).door_open == Reading(0.0, 3)

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_agent.desk.check import Finding, check, summary
from edge_agent.desk.vehicle import database_path
from edge_agent.uplink.edge_environment import DESK, WORKLOAD

OVERLAPPING = """VERSION ""

BU_: Car

BO_ 256 Motor: 2 Car
 SG_ Speed : 0|12@1+ (1,0) [0|0] "rpm" Car
 SG_ Torque : 8|8@1- (1,0) [0|0] "Nm" Car
 SG_ Power : 12|8@1+ (1,0) [0|0] "kW" Car
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process environment in which the agent would run."""
    bus = {"name": "car", "channel": "can0", "dbc": [str(database_path())]}
    monkeypatch.setenv("BUSES", json.dumps([bus]))
    monkeypatch.setenv("DATA_FOLDER", str(tmp_path / "data"))
    for name in DESK:
        monkeypatch.setenv(name, "given")
    return monkeypatch


def twin_of(folder: Path, **rules: object) -> Path:
    path = folder / "twin.json"
    path.write_text(json.dumps({"schema_version": 1, "rules": rules}))
    return path


def test_what_is_right_gives_no_finding(tmp_path: Path) -> None:
    twin = twin_of(tmp_path, trip={"kind": "periodic", "every_ms": 1000, "signals": ["Motion.*"]})
    assert list(check([database_path()], twin, settings=False)) == []


def test_a_signal_that_costs_only_itself_is_a_remark(tmp_path: Path) -> None:
    database = tmp_path / "car.dbc"
    database.write_text(OVERLAPPING)
    findings = list(check([database], None, settings=False))

    assert {finding.place for finding in findings} == {str(database)}
    assert any("Motor.Power: does not fit in its message of 2 bytes" in finding.sentence for finding in findings)
    assert summary(findings) == "0 mistakes, 2 remarks"


def test_every_mistake_is_found_in_one_go(tmp_path: Path) -> None:
    twin = twin_of(
        tmp_path,
        trip={"kind": "periodic", "every_ms": 1000, "signals": ["Motion.Sped", "Nothing.*"]},
        body={"kind": "on_change", "signals": ["Bodi.Wiper"]},
    )
    findings = list(check([tmp_path / "absent.dbc", database_path()], twin, settings=False))

    assert [finding.place for finding in findings] == [
        str(tmp_path / "absent.dbc"),
        f"{twin} rules.trip.signals[0]",
        f"{twin} rules.trip.signals[1]",
        f"{twin} rules.body.signals[0]",
    ]
    assert summary(findings) == "4 mistakes, 0 remarks"
    assert summary(findings[:1]) == "1 mistake, 0 remarks"


def test_a_twin_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"\xff"')
    said = {
        "absent.json": "cannot be read: No such file or directory",
        ".": "cannot be read: Is a directory",
        "latin.json": "is not UTF-8 at byte 2",
    }
    for name, sentence in said.items():
        findings = list(check([database_path()], tmp_path / name, settings=False))
        assert findings == [Finding(str(tmp_path / name), sentence, is_mistake=True)]


def test_a_twin_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    twin = twin_of(tmp_path, trip={"kind": "on_change", "signals": ["Motion.VehicleSpeed"]})
    twin.write_text(twin.read_text(), encoding="utf-8-sig")
    assert list(check([database_path()], twin, settings=False)) == []


@pytest.mark.usefixtures("environment")
def test_a_twin_is_judged_against_the_databases_of_the_settings(tmp_path: Path) -> None:
    twin = twin_of(tmp_path, trip={"kind": "on_change", "signals": ["Motion.VehicleSpeed", "Absent.Signal"]})
    findings = list(check([], twin, settings=True))
    assert [finding.place for finding in findings] == [f"{twin} rules.trip.signals[1]"]


def test_settings_that_are_wrong_are_named_by_their_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TICK_MS", "0")
    environment.setenv("KEEP_ALIVE_S", "long")
    assert [finding.place for finding in check([], None, settings=True)] == ["TICK_MS", "KEEP_ALIVE_S"]


def test_an_environment_that_is_not_iot_edge_s_is_a_mistake_as_it_is_for_the_agent(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.delenv(DESK[1])
    (finding,) = check([], None, settings=True)
    assert finding == Finding(DESK[1], "must be set too, as IoT Edge's other variables are", is_mistake=True)


GATEWAYS = [
    ({"UPLINK": "hub", "HUB_CONNECTION_STRING": "HostName=h;DeviceId=car;SharedAccessKey=AAEC"}, ()),
    ({"UPLINK": "hub"}, ("HUB_CONNECTION_STRING",)),
    ({"UPLINK": "hub", "HUB_CONNECTION_STRING": "HostName=h;DeviceId=car"}, ("HUB_CONNECTION_STRING",)),
    ({"UPLINK": "mqtt", "MQTT_HOST": "broker", "IOTEDGE_DEVICEID": "car", "IOTEDGE_MODULEID": "m"}, ()),
    ({"UPLINK": "mqtt", "IOTEDGE_MODULEID": "m"}, ("MQTT_HOST", "IOTEDGE_DEVICEID")),
]


@pytest.mark.parametrize(("variables", "places"), GATEWAYS)
def test_of_a_gateway_that_is_not_iot_edge_its_own_settings_are_judged(
    variables: Mapping[str, str], places: tuple[str, ...], environment: pytest.MonkeyPatch
) -> None:
    for name in (*DESK, *WORKLOAD):
        environment.delenv(name, raising=False)
    for name, value in variables.items():
        environment.setenv(name, value)
    findings = list(check([], None, settings=True))
    assert [(finding.place, finding.is_mistake) for finding in findings] == [(place, True) for place in places]


def test_what_belongs_to_no_local_broker_is_a_mistake(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TAP_USER", "agent")
    (finding,) = check([], None, settings=True)
    assert finding == Finding("TAP_USER", "means nothing without TAP_BROKER", is_mistake=True)


def test_an_interface_nobody_knows_is_a_mistake(environment: pytest.MonkeyPatch) -> None:
    buses = [{"name": "a", "channel": "can0"}, {"name": "b", "channel": "x", "interface": "telepathy"}]
    environment.setenv("BUSES", json.dumps(buses))
    (finding,) = check([], None, settings=True)
    assert (finding.place, finding.is_mistake) == ("BUSES[1].interface", True)
    assert finding.sentence.startswith("no such interface as 'telepathy'; known are ")


@pytest.mark.usefixtures("environment")
def test_a_file_where_the_data_folder_should_be_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert list(check([], None, settings=True)) == [
        Finding("DATA_FOLDER", f"{tmp_path / 'data'} is not a folder that can be written", is_mistake=True)
    ]

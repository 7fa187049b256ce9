import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from edge_agent.errors import BadSettings
from edge_agent.settings import VARIABLES, BusSettings, Settings, load_settings, settings_of_environment

IOT_EDGES_OWN = {
    "IOTEDGE_DEVICEID": "v1",
    "IOTEDGE_MODULEID": "agent",
    "IOTEDGE_WORKLOADURI": "unix:///var/run/iotedge/workload.sock",
    "IOTEDGE_APIVERSION": "2020-07-07",
    "IOTEDGE_MODULEGENERATIONID": "637",
}
ONE_BUS = '[{"name": "can0", "channel": "can0"}]'


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the shell that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    for name in (*IOT_EDGES_OWN, "EdgeHubConnectionString", "RuntimeLogLevel"):
        monkeypatch.delenv(name, raising=False)


def faults(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    for name, value in ({"BUSES": ONE_BUS} | environment).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as refused:
        load_settings()
    return [str(fault) for fault in refused.value.faults]


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in ({"BUSES": ONE_BUS} | environment).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_a_bus_is_all_that_must_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)

    assert settings.buses == (BusSettings(name="can0", channel="can0"),)
    assert (settings.buses[0].interface, settings.buses[0].fd, settings.buses[0].dbc) == ("socketcan", False, ())
    assert settings.data_folder == Path("/var/lib/edge-agent")
    assert (settings.tick_ms, settings.commit_s, settings.spool_cap_bytes) == (100, 1.0, 1 << 30)
    assert (settings.spool_min_free_bytes, settings.spool_memory_bytes) == (64 << 20, 16 << 20)
    assert (settings.device, settings.module, settings.runtime_log_level) == ("", "", "info")
    assert settings.replay_log is None


def test_every_field_is_a_variable_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(
        monkeypatch,
        BUSES='[{"name": "a", "interface": "pcan", "channel": "U1", "bitrate": 500000, "fd": true, "dbc": ["/x.dbc"]}]',
        DATA_FOLDER="/tmp/x",  # noqa: S108  only its name
        SPOOL_CAP_BYTES="2000000",
        SPOOL_MIN_FREE_BYTES="0",
        SPOOL_MEMORY_BYTES="300000",
        COMMIT_S="0.5",
        TICK_MS="20",
        REPLAY_LOG="/drive.blf",
        REPLAY_SPEED="0",
        OUTPUT="cabin",
        KEEP_ALIVE_S="60",
        DRAIN_S="3",
        IOTEDGE_DEVICEID="car-1",
        IOTEDGE_MODULEID="agent",
        RuntimeLogLevel="debug",
    )

    [bus] = settings.buses
    assert (bus.interface, bus.bitrate, bus.fd, bus.dbc) == ("pcan", 500_000, True, (Path("/x.dbc"),))
    assert (settings.spool_cap_bytes, settings.commit_s, settings.tick_ms) == (2_000_000, 0.5, 20)
    assert (settings.spool_min_free_bytes, settings.spool_memory_bytes) == (0, 300_000)
    assert (settings.replay_log, settings.replay_speed) == (Path("/drive.blf"), 0.0)
    assert (settings.output, settings.keep_alive_s, settings.drain_s) == ("cabin", 60, 3.0)
    assert (settings.device, settings.module, settings.runtime_log_level) == ("car-1", "agent", "debug")


def test_buses_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "buses.json"
    path.write_text(ONE_BUS)

    assert loaded(monkeypatch, BUSES=str(path)).buses[0].name == "can0"


def test_buses_may_be_given_as_they_are() -> None:
    settings = load_settings(buses=[{"name": "a", "channel": "x"}], device="given")

    assert (settings.buses[0].channel, settings.device) == ("x", "given")


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOTEDGE_DEVICEID", "car-1")
    monkeypatch.setenv("TICK_MS", "100")

    settings = load_settings(buses=[{"name": "a", "channel": "x"}], device="given", tick_ms=20)

    assert (settings.device, settings.tick_ms) == ("given", 20)


def test_a_connection_string_names_device_and_module(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "HostName=hub;GatewayHostName=gw;DeviceId=car-2;ModuleId=telematics;SharedAccessKey=a2V5PT0="

    settings = loaded(monkeypatch, EdgeHubConnectionString=text)

    assert (settings.device, settings.module) == ("car-2", "telematics")


def test_what_iot_edge_sets_goes_before_the_connection_string(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "HostName=hub;DeviceId=car-2;ModuleId=telematics;SharedAccessKey=a2V5PT0="

    settings = loaded(monkeypatch, EdgeHubConnectionString=text, IOTEDGE_DEVICEID="car-1", IOTEDGE_MODULEID="agent")

    assert (settings.device, settings.module) == ("car-1", "agent")


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("TICK_MS", "9", "TICK_MS: must be >= 10"),
        ("TICK_MS", "soon", "TICK_MS: input should be a valid integer, unable to parse string as an integer"),
        ("COMMIT_S", "0", "COMMIT_S: must be > 0"),
        ("COMMIT_S", "nan", "COMMIT_S: must be <= 60"),
        ("COMMIT_BYTES", "0", "COMMIT_BYTES: must be >= 1"),
        ("SPOOL_CAP_BYTES", "5", "SPOOL_CAP_BYTES: must be >= 1048576"),
        ("SPOOL_MIN_FREE_BYTES", "-1", "SPOOL_MIN_FREE_BYTES: must be >= 0"),
        ("SPOOL_MEMORY_BYTES", "2000000000", "SPOOL_MEMORY_BYTES: must be <= 1073741824"),
        ("REPLAY_SPEED", "-1", "REPLAY_SPEED: must be >= 0"),
        ("OUTPUT", "a b", "OUTPUT: string should match pattern '^[A-Za-z0-9_]{1,64}$'"),
        ("DRAIN_S", "61", "DRAIN_S: must be <= 60"),
        (
            "MODEL_ID",
            "dtmi:com:example:car",
            "MODEL_ID: must be like dtmi:com:example:vehicle;1, with at most 128 characters",
        ),
        ("KEEP_ALIVE_S", "0", "KEEP_ALIVE_S: must be >= 1"),
        (
            "RuntimeLogLevel",
            "loud",
            "RuntimeLogLevel: input should be 'fatal', 'error', 'warning', 'info', 'debug' or 'verbose'",
        ),
        ("BUSES", "[]", "BUSES: must not be empty"),
        ("BUSES", "[{]", "BUSES: not JSON: Expecting property name enclosed in double quotes at line 1 column 3"),
        ("BUSES", '[{"name": "a",\n "name": "b"}]', "BUSES: 'name' stands twice in one object at line 2 column 2"),
        (
            "BUSES",
            '[{"bitrate": %s}]' % ("1" * 4301),
            "BUSES: a number of more than 4,300 digits at line 1 column 14",
        ),
        ("BUSES", '[{"name": "can0"}]', "BUSES[0].channel: must be given"),
        ("BUSES", '[{"name": "can0", "channel": "a", "speed": 1}]', "BUSES[0].speed: no such field here"),
        (
            "BUSES",
            '[{"name": "a.b", "channel": "a"}]',
            r"BUSES[0].name: string should match pattern '^[^.\s@$#\x00-\x1f\x7f]{1,32}$'",
        ),
        (
            "BUSES",
            '[{"name": "a", "channel": "x"}, {"name": "a", "channel": "y"}]',
            "BUSES: two buses have one name: a, a",
        ),
        (
            "BUSES",
            '[{"name": "a", "channel": "x", "interface": "pcan", "only_wanted": true}]',
            "BUSES[0].only_wanted: only SocketCAN's buses are filtered by the kernel",
        ),
        (
            "BUSES",
            "/no/such/file",
            "BUSES: neither a JSON list nor a readable file: /no/such/file: No such file or directory",
        ),
    ],
)
def test_a_mistake_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str) -> None:
    assert faults(monkeypatch, **{name: value}) == [fault]


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_empty_variable_is_as_none_where_none_is_the_default_and_a_mistake_elsewhere(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = loaded(monkeypatch)
    name = next(name for name, field in Settings.model_fields.items() if variable.lower() in names_of(name, field))
    default = getattr(without, name)

    if default is None or (isinstance(default, str | SecretStr) and not default):
        assert loaded(monkeypatch, **{variable: ""}) == without
    elif variable == "BUSES":
        assert faults(monkeypatch, BUSES="") == ["BUSES: must not be empty"]
    else:
        assert faults(monkeypatch, **{variable: ""}) == [f"{variable}: must not be empty, leave it out for its default"]


def names_of(name: str, field: FieldInfo) -> set[str]:
    return {name, str(field.validation_alias).lower()}


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if "Path" in str(field.annotation)]
)
def test_no_empty_variable_is_the_working_directory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        found = getattr(loaded(monkeypatch, **{name.upper(): ""}), name)
    except BadSettings:
        return
    assert found is None


@pytest.mark.parametrize(("field", "place"), [('"vss": ""', "vss"), ('"dbc": ["a.dbc", ""]', "dbc[1]")])
def test_no_empty_path_of_a_bus_is_the_working_directory(
    field: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buses = f'[{{"name": "a", "channel": "x", {field}}}]'
    assert faults(monkeypatch, BUSES=buses) == [f"BUSES[0].{place}: must not be empty"]


def test_an_empty_connection_string_and_an_empty_name_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "HostName=hub;DeviceId=car-2;SharedAccessKey=a2V5PT0="

    settings = loaded(monkeypatch, EdgeHubConnectionString="", HUB_CONNECTION_STRING=text, IOTEDGE_DEVICEID="")

    assert settings.device == "car-2"


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUSES", raising=False)

    with pytest.raises(BadSettings, match=r"^BUSES: must be given$"):
        load_settings()


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(faults(monkeypatch, TICK_MS="0", DRAIN_S="0", BUSES="[]")) == 3


def test_a_file_that_holds_no_list_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "buses.json"
    path.write_text(json.dumps({"name": "can0"}))

    assert faults(monkeypatch, BUSES=str(path)) == ["BUSES: must be a list"]


def test_a_file_that_is_no_text_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "buses.json"
    path.write_bytes(b"\xff\xfe\x00")

    [fault] = faults(monkeypatch, BUSES=str(path))

    assert fault == f"BUSES: neither a JSON list nor a readable file: {path} is not UTF-8 at byte 0"


def test_a_file_that_begins_with_a_byte_order_mark_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "buses.json"
    path.write_text(ONE_BUS, encoding="utf-8-sig")

    assert loaded(monkeypatch, BUSES=str(path)).buses[0].name == "can0"


def test_what_was_read_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)

    with pytest.raises(ValidationError, match="frozen"):
        settings.tick_ms = 20  # type: ignore[misc]  # that it cannot be is the point
    with pytest.raises(ValidationError, match="frozen"):
        settings.buses[0].fd = True  # type: ignore[misc]


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, IOTEDGE_WORKLOADURI="unix:///x", PATH_TO_SOMETHING="y").buses


def test_buses_nested_without_end_are_a_mistake_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, BUSES="[" * 100_000) == ["BUSES: nested too deeply"]


def test_payloads_lie_on_disk_as_they_are_unless_something_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch).spool_encryption == "off"


def test_encrypting_with_a_file_needs_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, SPOOL_ENCRYPTION="file") == [
        "SPOOL_ENCRYPTION: the file of the key is missing, SPOOL_KEY_FILE must name it"
    ]


def test_encrypting_with_the_workload_api_needs_all_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, SPOOL_ENCRYPTION="workload", **IOT_EDGES_OWN)
    assert (settings.workload_uri, settings.module_generation) == ("unix:///var/run/iotedge/workload.sock", "637")

    monkeypatch.delenv("IOTEDGE_MODULEGENERATIONID")
    assert faults(monkeypatch, SPOOL_ENCRYPTION="workload") == [
        "SPOOL_ENCRYPTION: only IoT Edge's own runtime offers a workload API, in its variables: use `file` here"
    ]


def test_settings_of_another_process_are_judged_by_its_variables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_PORT", "none")
    monkeypatch.setenv("BUSES", "none")
    elsewhere = {"BUSES": '[{"name": "car", "channel": "can0"}]', "tick_ms": "50", "RuntimeLogLevel": "debug", "X": ""}
    found = settings_of_environment(elsewhere)
    assert (found.buses[0].name, found.tick_ms, found.metrics_port, found.runtime_log_level) == ("car", 50, 0, "debug")
    with pytest.raises(BadSettings) as refused:
        settings_of_environment({"TICK_MS": "0", "RuntimeLogLevel": "loud"})
    assert [fault.loc for fault in refused.value.faults] == ["BUSES", "TICK_MS", "RuntimeLogLevel"]


def test_every_variable_is_known_by_its_name() -> None:
    assert len(VARIABLES) == len(Settings.model_fields)
    assert {"BUSES", "SPOOL_CAP_BYTES", "IOTEDGE_DEVICEID", "RuntimeLogLevel"} < VARIABLES.keys()

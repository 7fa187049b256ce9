import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import BadSettings
from edge_agent.settings import Settings, load_settings
from edge_agent.twin.reported import Reported
from edge_agent.uplink.edge_environment import DESK, WORKLOAD
from edge_agent.uplink.late import LateUplink
from edge_agent.uplink.mqtt import MqttUplink
from edge_agent.wiring.uplink import tariff_of, uplink_of
from tests.uplink.fakes import Told

KEY = "HostName=h.azure-devices.net;DeviceId=car;ModuleId=telematics;SharedAccessKey=c2VjcmV0PT0="


@pytest.fixture(autouse=True)
def _nothing_of_iot_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*WORKLOAD, *DESK):
        monkeypatch.delenv(name, raising=False)


def settings(**fields: Any) -> Settings:
    return load_settings(buses=[{"name": "can0", "channel": "can0"}], **fields)


def test_without_more_it_is_iot_edge_whose_variables_must_be_there() -> None:
    with pytest.raises(BadSettings, match="not IoT Edge's"):
        uplink_of(settings(), Told())


def test_the_hub_itself_needs_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_CONNECTION_STRING", KEY)
    monkeypatch.setenv("UPLINK", "hub")

    read = settings()

    assert isinstance(uplink_of(read, Told()), LateUplink)
    assert (read.device, read.module) == ("car", "telematics")


def test_the_sdk_comes_with_nothing_that_guesses_encodings_and_warns_of_nothing() -> None:
    code = (
        "import asyncio, sys\n"
        "from edge_agent.observe import logs\n"
        "from edge_agent.wiring.uplink import uplink_of\n"
        "from edge_agent.settings import load_settings\n"
        "uplink = uplink_of(load_settings(), logs.configure('info'))\n"
        "async def connect():\n"
        "    try:\n"
        "        await uplink.connect(None)\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
        "asyncio.run(connect())\n"
        "print('requests' in sys.modules, 'charset_normalizer' in sys.modules, 'can' in sys.modules)\n"
    )
    nobody = KEY.replace("h.azure-devices.net", "127.0.0.241")
    run = subprocess.run(  # noqa: S603  our own text
        (sys.executable, "-c", code),
        capture_output=True,
        text=True,
        check=True,
        timeout=15,
        env={"UPLINK": "hub", "HUB_CONNECTION_STRING": nobody, "BUSES": '[{"name": "can0", "channel": "can0"}]'},
    )

    assert (run.stdout, run.stderr) == ("HubUnreachable\nTrue False False\n", "")


def test_the_hub_itself_cannot_be_reached_without_a_connection_string() -> None:
    with pytest.raises(BadSettings, match="HUB_CONNECTION_STRING: must be given with UPLINK=hub"):
        uplink_of(settings(uplink="hub"), Told())


def test_settings_that_are_printed_tell_no_key(tmp_path: Path) -> None:
    printed = repr(settings(uplink="hub", hub_connection_string=KEY, data_folder=tmp_path))

    assert "c2VjcmV0" not in printed


MQTT = {"uplink": "mqtt", "mqtt_host": "broker.example", "device": "car", "module": "telematics"}


def test_a_broker_is_named_by_its_own_settings() -> None:
    assert isinstance(uplink_of(settings(**MQTT), Told()), MqttUplink)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({**MQTT, "mqtt_host": ""}, "MQTT_HOST: must be given with UPLINK=mqtt"),
        ({**MQTT, "device": ""}, "IOTEDGE_DEVICEID: must be given with UPLINK=mqtt"),
        ({**MQTT, "mqtt_key_file": Path(__file__)}, "MQTT_CERTIFICATE_FILE, MQTT_KEY_FILE: go together"),
        ({**MQTT, "mqtt_ca_file": Path("/no/where.pem")}, "MQTT_CA_FILE: there is no file /no/where.pem"),
    ],
)
def test_what_a_broker_needs_and_has_not_is_named(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadSettings, match=sentence):
        uplink_of(settings(**fields), Told())


def test_a_topic_that_is_none_is_named() -> None:
    with pytest.raises(BadSettings, match=r"MQTT_TOPIC: .*\{vin\} is none of device"):
        settings(**{**MQTT, "mqtt_topic": "a/{vin}"})


def test_what_a_link_costs_is_read_from_the_file_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "link.json").write_text('{"metered": false}')
    read = settings(link_file=tmp_path / "link.json", data_folder=tmp_path)

    assert not tariff_of(read, Reported(), SystemClock(), Told()).link.metered
    assert tariff_of(settings(data_folder=tmp_path), Reported(), SystemClock(), Told()).link.metered

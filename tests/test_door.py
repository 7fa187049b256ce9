from pathlib import Path
from typing import Any

import pytest

from edge_agent.door import uplink_of
from edge_agent.errors import BadSettings
from edge_agent.settings import Settings, load_settings
from edge_agent.uplink.edge_environment import DESK, WORKLOAD
from edge_agent.uplink.iotedge import IotEdge
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

    assert isinstance(uplink_of(read, Told()), IotEdge)
    assert (read.device, read.module) == ("car", "telematics")


def test_the_hub_itself_cannot_be_reached_without_a_connection_string() -> None:
    with pytest.raises(BadSettings, match="HUB_CONNECTION_STRING: must be given with UPLINK=hub"):
        uplink_of(settings(uplink="hub"), Told())


def test_settings_that_are_printed_tell_no_key(tmp_path: Path) -> None:
    printed = repr(settings(uplink="hub", hub_connection_string=KEY, data_folder=tmp_path))

    assert "c2VjcmV0" not in printed

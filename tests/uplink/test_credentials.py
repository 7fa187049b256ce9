from pathlib import Path

import pytest

from edge_agent.errors import BadSettings
from edge_agent.uplink.credentials import HubCertificate, HubKey, connection_parts, hub_credentials

KEY = "HostName=h.azure-devices.net;DeviceId=car;SharedAccessKey=c2VjcmV0PT0="


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "any.pem"
    path.write_text("-----BEGIN")
    return path


def test_a_key_is_handed_on_as_it_stands(pem: Path) -> None:
    assert hub_credentials(KEY, authority=pem) == HubKey(KEY, pem)


def test_a_key_is_of_the_module_that_is_named_and_else_of_the_device() -> None:
    of_device = HubKey("HostName=h;DeviceId=NoModuleId=;SharedAccessKey=c2VjcmV0PT0=")
    of_module = HubKey("HostName=h;DeviceId=car;ModuleId=telematics;SharedAccessKey=c2VjcmV0PT0=")

    assert (of_device.module, of_module.module) == ("", "telematics")


def test_the_value_of_a_part_may_hold_what_ends_a_name() -> None:
    assert connection_parts("a=b==;c") == [("a", "b=="), ("c", "")]


def test_a_certificate_comes_with_its_files(pem: Path) -> None:
    text = "HostName=h;DeviceId=car;ModuleId=telematics;x509=true"

    assert hub_credentials(text, pem, pem) == HubCertificate("h", "car", "telematics", pem, pem)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("DeviceId=car;SharedAccessKey=c2VjcmV0", "HUB_CONNECTION_STRING: HostName is missing"),
        ("HostName=h;SharedAccessKey=c2VjcmV0", "HUB_CONNECTION_STRING: DeviceId is missing"),
        ("HostName=h;DeviceId=car", "HUB_CONNECTION_STRING: SharedAccessKey is missing"),
        (f"{KEY};", "HUB_CONNECTION_STRING: part 4 is none of HostName=, DeviceId=,"),
        (f"{KEY};GatewayHostName=g", "HUB_CONNECTION_STRING: part 4 is none of HostName=, DeviceId=,"),
        ("c2VjcmV0PT0=", "HUB_CONNECTION_STRING: part 1 is none of HostName=, DeviceId=,"),
        ("HostName=h;DeviceId=car;SharedAccessKey;c2VjcmV0PT0=", "HUB_CONNECTION_STRING: part 4 is none of HostName="),
        ("HostName=h;DeviceId=car;x509=true", "HUB_CERTIFICATE_FILE: must be given with x509=true"),
    ],
)
def test_what_is_missing_or_strange_is_named_and_no_value_told(text: str, sentence: str) -> None:
    with pytest.raises(BadSettings) as refused:
        hub_credentials(text)

    assert sentence in str(refused.value)
    assert "c2VjcmV0" not in str(refused.value)


def test_a_key_is_in_no_text_of_its_credentials() -> None:
    assert "c2VjcmV0" not in repr(hub_credentials(KEY))


def test_a_file_that_is_not_there_is_named(tmp_path: Path, pem: Path) -> None:
    with pytest.raises(BadSettings, match=r"HUB_KEY_FILE: there is no file .*nowhere\.key"):
        hub_credentials("HostName=h;DeviceId=car;x509=true", pem, tmp_path / "nowhere.key")

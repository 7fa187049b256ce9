from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import BadSettings
from edge_agent.settings import Settings, load_settings
from edge_agent.wiring.local_bus import local_bus_faults, local_bus_of
from tests.uplink.fakes import Told

BROKER = {"tap_broker": "mosquitto:1883"}


def settings(**fields: Any) -> Settings:
    return load_settings(buses=[{"name": "can0", "channel": "can0"}], **fields)


def test_without_a_broker_there_is_no_bus() -> None:
    assert not local_bus_of(settings(), SystemClock(), Told()).exists


def test_a_broker_is_named_by_its_own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    monkeypatch.setenv("TAP_BROKER", "mqtts://head-unit")
    monkeypatch.setenv("TAP_USER", "agent")
    monkeypatch.setenv("TAP_PASSWORD_FILE", str(tmp_path / "password"))

    assert local_bus_of(settings(), SystemClock(), Told()).exists


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"tap_user": "agent"}, "TAP_USER: means nothing without TAP_BROKER"),
        ({**BROKER, "tap_password": "a"}, "TAP_USER: must be given with a password"),
        (
            {**BROKER, "tap_user": "a", "tap_password": "a", "tap_password_file": Path(__file__)},
            "TAP_PASSWORD, TAP_PASSWORD_FILE: say the same: give one of them",
        ),
        ({**BROKER, "tap_ca": Path(__file__)}, "TAP_CA: is for a broker behind TLS"),
        (
            {"tap_broker": "mqtts://a", "tap_ca": Path("/no/where.pem")},
            "TAP_CA: /no/where.pem cannot be read: No such file",
        ),
        ({**BROKER, "tap_user": "a", "tap_password_file": Path("/dev/null")}, "TAP_PASSWORD_FILE: /dev/null is empty"),
    ],
)
def test_what_does_not_go_together_is_named(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadSettings, match=sentence):
        local_bus_of(settings(**fields), SystemClock(), Told())


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(BadSettings, match="TAP_BROKER: must be host:port"):
        settings(tap_broker="ws://head-unit")


def test_settings_that_are_printed_tell_no_password() -> None:
    assert "hidden" not in repr(settings(**BROKER, tap_user="agent", tap_password="hidden"))  # noqa: S106  an example


def test_a_password_file_that_is_no_text_is_told_by_its_byte_alone(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"hidden\xff")
    given = settings(**BROKER, tap_user="agent", tap_password_file=tmp_path / "password")

    assert [str(fault) for fault in local_bus_faults(given)] == [
        f"TAP_PASSWORD_FILE: {tmp_path / 'password'} is not UTF-8 at byte 6"
    ]

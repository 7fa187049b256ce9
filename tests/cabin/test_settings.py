from dataclasses import fields
from pathlib import Path

import pytest

from cabin.errors import BadSettings
from cabin.records import Market
from cabin.settings import Settings, read_settings


def test_without_variables_all_has_its_default() -> None:
    settings = read_settings({})
    assert (settings.market, settings.web_port, settings.runtime_log_level) == (Market.STRICT, 8087, "info")


def test_each_variable_is_read_as_what_it_is_in_any_case() -> None:
    settings = read_settings(
        {
            "CABIN_MARKET": "standard",
            "cabin_web_port": "0",
            "CABIN_WEB_HOSTS": '["localhost", "unit.example"]',
            "CABIN_BATTERY_KWH": "77.5",
            "CABIN_DATA_FOLDER": "/data",
            "CABIN_BROKER_PASSWORD": "secret",
            "RuntimeLogLevel": "debug",
            "CABIN_OF_ANOTHER_RELEASE": "1",
        }
    )
    assert (settings.market, settings.web_port, settings.battery_kwh) == (Market.STANDARD, 0, 77.5)
    assert (settings.web_hosts, settings.data_folder) == (("localhost", "unit.example"), Path("/data"))
    assert (settings.broker_password_now(), settings.runtime_log_level) == ("secret", "debug")
    assert "secret" not in repr(settings)


def test_the_process_environment_is_read_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CABIN_LANGUAGE", "de")
    assert read_settings().language == "de"


def test_a_password_in_a_file_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    settings = read_settings({"CABIN_BROKER_PASSWORD": "no", "CABIN_BROKER_PASSWORD_FILE": str(tmp_path / "password")})
    (tmp_path / "password").write_text("first\n")
    assert settings.broker_password_now() == "first"
    (tmp_path / "password").write_text("second\n")
    assert settings.broker_password_now() == "second"


def test_every_mistake_is_told_by_the_name_of_its_variable() -> None:
    variables = {"CABIN_WEB_PORT": "x", "CABIN_WEB_HOSTS": "localhost", "RuntimeLogLevel": "loud"}
    with pytest.raises(BadSettings) as refused:
        read_settings(variables)
    assert all(f"{name}: " in refused.value.sentence() for name in variables)


def test_a_mistake_in_a_list_is_told_with_its_place() -> None:
    with pytest.raises(BadSettings, match=r"CABIN_WEB_HOSTS\.1: "):
        read_settings({"CABIN_WEB_HOSTS": '["localhost", 7]'})


@pytest.mark.parametrize("field", [one.name for one in fields(Settings)])
def test_an_empty_variable_is_as_none_where_none_is_the_default_and_a_mistake_elsewhere(field: str) -> None:
    variable = "RuntimeLogLevel" if field == "runtime_log_level" else f"CABIN_{field.upper()}"

    if getattr(read_settings({}), field) in {None, ""}:
        assert read_settings({variable: ""}) == read_settings({})
    else:
        with pytest.raises(BadSettings, match=rf": {variable}: must not be empty, leave it out for its default$"):
            read_settings({variable: ""})


def test_an_empty_variable_is_told_with_the_other_mistakes() -> None:
    with pytest.raises(BadSettings, match=r"CABIN_DATA_FOLDER: must not be empty.*; CABIN_WEB_PORT: must be a whole"):
        read_settings({"CABIN_DATA_FOLDER": "", "CABIN_WEB_PORT": "x"})

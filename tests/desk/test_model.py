import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.desk.model import model_text
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import BadSettings, DocumentRefused
from tests.desk.dtdl_rules import mistakes

MODEL = "dtmi:com:example:vehicle;1"


def model(twin: Path | None = None, vss: Path | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(model_text([database_path()], vss, twin, MODEL))
    return found


def telemetries(found: dict[str, Any]) -> dict[str, Any]:
    return {one["displayName"]: one["schema"] for one in found["contents"] if "Telemetry" in one["@type"]}


@pytest.fixture
def twin(tmp_path: Path) -> Path:
    path = tmp_path / "twin.json"
    rules = {
        "speed": {"kind": "periodic", "every_ms": 1000, "keep": ["max", "mean"], "signals": ["Motor.Speed"]},
        "brake": {"kind": "on_change", "signals": ["Brake.*"], "while": "Motion.VehicleSpeed > 1"},
    }
    path.write_text(json.dumps({"schema_version": 1, "rules": rules}))
    return path


def test_every_signal_of_a_vehicle_is_in_its_model() -> None:
    found = model()

    assert found["@id"] == MODEL
    assert len(telemetries(found)) == 63
    assert list(mistakes([found])) == []


def test_with_a_twin_only_what_its_rules_keep_is_and_a_mean_is_no_integer(twin: Path) -> None:
    found = telemetries(model(twin))

    assert next(iter(found)) == "Motor.Speed"
    assert all(name.startswith("Brake.") for name in list(found)[1:])
    assert found["Motor.Speed"] == "double"
    assert telemetries(model())["Motor.Speed"] == "integer"


def test_a_mapping_gives_the_names() -> None:
    found = telemetries(model(vss=database_path().with_name("demo-vehicle.vss.json")))

    assert "Vehicle.Speed" in found
    assert "Motion.VehicleSpeed" not in found


def test_the_identifier_of_the_environment_is_used_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ID", "dtmi:com:example:other;3")

    assert json.loads(model_text([database_path()], None, None, ""))["@id"] == "dtmi:com:example:other;3"


def test_without_an_identifier_there_is_no_model() -> None:
    with pytest.raises(BadSettings, match=r"^--id: must be like dtmi:com:example:vehicle;1, with at most"):
        model_text([database_path()], None, None, "")


def test_a_twin_with_a_mistake_is_refused(twin: Path) -> None:
    twin.write_text(twin.read_text().replace("Motor.Speed", "No.Such"))

    with pytest.raises(DocumentRefused, match=r"twin\.json rules\.speed\.signals\[0\]: no signal 'No\.Such'"):
        model(twin)

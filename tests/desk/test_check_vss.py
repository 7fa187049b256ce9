import json
from pathlib import Path

import pytest

from edge_agent.decode.dbc import load_database
from edge_agent.desk.check import check
from edge_agent.desk.check_vss import judge_mapping
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import MappingRefused
from edge_agent.uplink.edge_environment import DESK


def mapping_of(folder: Path, **signals: dict[str, object]) -> Path:
    """`{"Vehicle": {... "Speed": {"type": "sensor", **fields}}}`, each signal under the one branch."""
    leaves = {name: {"type": "sensor", "datatype": "float"} | fields for name, fields in signals.items()}
    path = folder / "vss.json"
    path.write_text(json.dumps({"Vehicle": {"type": "branch", "children": leaves}}))
    return path


def catalogue_of(folder: Path, **units: str) -> Path:
    path = folder / "catalogue.json"
    leaves = {name: {"type": "sensor", "unit": unit} for name, unit in units.items()}
    path.write_text(json.dumps({"Vehicle": {"type": "branch", "children": leaves}}))
    return path


def test_a_mapping_that_is_right_gives_nothing(tmp_path: Path) -> None:
    mapping = mapping_of(
        tmp_path,
        Speed={"unit": "km/h", "dbc2vss": {"signal": "VehicleSpeed"}},
        Charge={"unit": "percent", "dbc2vss": {"signal": "StateOfCharge"}},
    )
    catalogue = catalogue_of(tmp_path, Speed="km/h", Charge="percent", Mass="kg")

    assert list(check([database_path()], None, settings=False, vss=mapping, vss_catalogue=catalogue)) == []


def test_every_path_without_a_signal_or_without_a_place_in_the_catalogue_is_named(tmp_path: Path) -> None:
    mapping = mapping_of(
        tmp_path,
        Speed={"dbc2vss": {"signal": "VehicelSpeed"}},
        Charrge={"dbc2vss": {"signal": "StateOfCharge"}},
        Mass={"unit": "g", "dbc2vss": {"signal": "Odometer", "transform": {"math": "x * 1000"}}},
    )
    catalogue = catalogue_of(tmp_path, Speed="km/h", Charge="percent", Mass="kg")

    found = list(check([database_path()], None, settings=False, vss=mapping, vss_catalogue=catalogue))

    assert [(finding.sentence, finding.is_mistake) for finding in found] == [
        ("Vehicle.Charrge: no such path in catalogue.json; nearest: Vehicle.Charge, Vehicle.Mass, Vehicle.Speed", True),
        ("Vehicle.Mass: its unit is 'kg' in catalogue.json, not 'g'", True),
        ("Vehicle.Speed: no signal 'VehicelSpeed' in the databases; nearest: VehicleSpeed", False),
    ]
    assert {finding.place for finding in found} == {str(mapping)}


def test_a_unit_that_nothing_converts_is_named(tmp_path: Path) -> None:
    mapping = mapping_of(
        tmp_path,
        Speed={"unit": "mph", "dbc2vss": {"signal": "VehicleSpeed"}},
        Converted={"unit": "mph", "dbc2vss": {"signal": "VehicleSpeed", "transform": {"math": "x / 1.609344"}}},
        Outside={"unit": "celsius", "dbc2vss": {"signal": "OutsideTemperature"}},
        Gear={"unit": "m", "dbc2vss": {"signal": "Gear"}},
    )

    judged = judge_mapping(mapping, [load_database(database_path())], None)

    assert judged.remarks == ("Vehicle.Speed: 'km/h' of the database is called 'mph' without a transform",)


def test_mistakes_in_formulas_and_alternatives_are_named_by_their_places(tmp_path: Path) -> None:
    mapping = mapping_of(
        tmp_path,
        Power={
            "dbc2vss": {"signals": {"u": "Voltage", "i": "Curent"}, "transform": {"math": "u * i"}},
        },
        Half={"dbc2vss": {"signals": {"u": "Voltage"}, "transform": {"math": "u / n"}}},
        Speed={"unit": "mph", "dbc2vss": [{"signal": "VehicleSpeed"}, {"signal": "Velocity"}]},
        Outside={"dbc2vss": [{"signal": "OutsideTemperature"}, {"signal": "VehicleSpeed"}]},
        Lost={"dbc2vss": [{"signals": {"a": {"message": "M"}}, "transform": {"math": "a"}}]},
    )

    judged = judge_mapping(mapping, [load_database(database_path())], None)

    assert [remark.partition(";")[0].partition(" with ")[0] for remark in judged.remarks] == [
        "Vehicle.Lost: dbc2vss[0].signals.a.signal: must be given",
        "Vehicle.Power: dbc2vss.signals.i: no signal 'Curent' in the databases",
        "Vehicle.Half: dbc2vss.transform.math: 'n' is more than a formula of u",
        "Vehicle.Speed: dbc2vss[1]: no signal 'Velocity' in the databases",
        "Vehicle.Speed: 'km/h' of the database is called 'mph' without a transform",
        "Vehicle.Outside: its alternatives have the units 'celsius', 'km/h'",
    ]


def test_a_mapping_alone_is_judged_by_itself(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, Speed={"dbc2vss": {"signal": "Anything"}}, Bad={"dbc2vss": {}})

    assert [finding.sentence for finding in check([], None, settings=False, vss=mapping)] == [
        "Vehicle.Bad: dbc2vss.signal: must be given"
    ]


@pytest.mark.parametrize("text", ["{}", "[]", "not json"])
def test_a_catalogue_that_is_none_is_a_mistake_with_its_place(tmp_path: Path, text: str) -> None:
    mapping = mapping_of(tmp_path, Speed={"dbc2vss": {"signal": "VehicleSpeed"}})
    catalogue = tmp_path / "tree.json"
    catalogue.write_text(text)

    with pytest.raises(MappingRefused, match=r"tree\.json"):
        judge_mapping(mapping, [], catalogue)
    (finding,) = check([], None, settings=False, vss=mapping, vss_catalogue=catalogue)
    assert (finding.is_mistake, finding.place.startswith(str(catalogue))) == (True, True)


def test_a_twin_may_name_the_paths_of_the_mapping_and_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = mapping_of(tmp_path, Speed={"dbc2vss": {"signal": "VehicleSpeed"}})
    twin = tmp_path / "twin.json"
    rule = {"kind": "on_change", "signals": ["Vehicle.Speed", "Motion.VehicleSpeed", "Vehicle.Sped"]}
    twin.write_text(json.dumps({"schema_version": 1, "rules": {"trip": rule}}))
    bus = {"name": "car", "channel": "can0", "dbc": [str(database_path())], "vss": str(mapping)}
    monkeypatch.setenv("BUSES", json.dumps([bus]))
    monkeypatch.setenv("DATA_FOLDER", str(tmp_path))
    for name in DESK:
        monkeypatch.setenv(name, "given")

    for found in (check([database_path()], twin, settings=False, vss=mapping), check([], twin, settings=True)):
        (finding,) = found
        assert finding.place == f"{twin} rules.trip.signals[2]"
        assert "nearest: Vehicle.Speed" in finding.sentence

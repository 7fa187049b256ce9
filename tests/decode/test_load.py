from pathlib import Path

from edge_agent.decode.load import load_catalog
from tests.acquire.told import Told

GOOD = 'VERSION ""\nBU_: A\nBO_ 1 M: 8 A\n SG_ V : 0|8@1+ (1,0) [0|0] "" A\n'


def test_every_database_that_loads_is_told_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "good.dbc"
    path.write_text(GOOD + ' SG_ Far : 64|8@1+ (1,0) [0|0] "" A\n')
    told = Told()

    catalog, refusals = load_catalog([("can0", [path])], told)

    assert (list(catalog), refusals) == (["M.V"], ())
    assert catalog.complete
    assert told.lines == [
        (
            "info",
            "decode.database_loaded",
            {
                "bus": "can0",
                "path": str(path),
                "messages": 1,
                "signals": 1,
                "remarks": 1,
                "first_remarks": ["signal M.Far: does not fit in its message of 8 bytes"],
            },
        )
    ]


def test_a_database_that_is_refused_costs_only_itself(tmp_path: Path) -> None:
    good, bad, gone = tmp_path / "good.dbc", tmp_path / "bad.dbc", tmp_path / "gone.dbc"
    good.write_text(GOOD)
    bad.write_text("BO_ what: is this\n")
    told = Told()

    catalog, refusals = load_catalog([("can0", [bad, good]), ("can1", [gone])], told)

    assert catalog.bus_names == ("can0", "can1")
    assert list(catalog) == ["M.V"]
    assert not catalog.complete
    assert [refusal.path for refusal in refusals] == [str(bad), str(gone)]
    assert [(fields["bus"], fields["reason"]) for fields in told.fields("decode.database_refused")] == [
        ("can0", refusals[0].sentence()),
        ("can1", f"{gone}: no such file"),
    ]
    assert told.levels("decode.database_refused") == ["error", "error"]
    assert told.levels("decode.database_loaded") == ["info"]


def test_a_message_whose_id_an_earlier_file_of_the_bus_has_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "first.dbc", tmp_path / "second.dbc"
    first.write_text(GOOD)
    second.write_text(GOOD.replace(" M:", " N:"))
    told = Told()

    load_catalog([("can0", [first, second]), ("can1", [second])], told)

    assert [fields.get("first_remarks") for fields in told.fields("decode.database_loaded")] == [
        None,
        ["message N: its id 1 is M's in an earlier file, which is used"],
        None,
    ]


MAPPING = '{"Vehicle.Speed": {"type": "sensor", "unit": "km/h", "dbc2vss": {"signal": "V"}}}'


def test_a_mapping_gives_a_buss_signals_their_paths_and_tells_what_it_leaves_out(tmp_path: Path) -> None:
    database, mapping = tmp_path / "good.dbc", tmp_path / "vss.json"
    database.write_text(GOOD)
    mapping.write_text(MAPPING[:-1] + ', "Vehicle.Mass": {"type": "sensor", "dbc2vss": {"signal": "W"}}}')
    told = Told()

    catalog, refusals = load_catalog([("can0", [database]), ("can1", [database])], told, mappings={"can0": mapping})

    assert (list(catalog), refusals) == (["Vehicle.Speed", "can1.M.V"], ())
    assert catalog.match("can0.M.V") == ("Vehicle.Speed",)
    assert told.fields("decode.mapping_loaded") == [
        {
            "bus": "can0",
            "path": str(mapping),
            "signals": 1,
            "remarks": 1,
            "first_remarks": ["Vehicle.Mass: no signal 'W' in the databases"],
        }
    ]
    assert told.levels("decode.mapping_loaded") == ["info"]


def test_computed_paths_count_among_those_that_were_loaded(tmp_path: Path) -> None:
    database, mapping = tmp_path / "good.dbc", tmp_path / "vss.json"
    database.write_text(GOOD)
    half = '"Vehicle.Half": {"type": "sensor", "dbc2vss": {"signals": {"v": "V"}, "transform": {"math": "v / 2"}}}'
    mapping.write_text(f"{MAPPING[:-1]}, {half}}}")
    told = Told()

    catalog, _ = load_catalog([("can0", [database])], told, mappings={"can0": mapping})

    assert list(catalog) == ["Vehicle.Speed", "Vehicle.Half"]
    assert [fields["signals"] for fields in told.fields("decode.mapping_loaded")] == [2]


def test_a_mapping_that_is_refused_costs_only_the_paths(tmp_path: Path) -> None:
    database = tmp_path / "good.dbc"
    database.write_text(GOOD)
    (tmp_path / "bad.json").write_bytes(b'{"Vehicle\xff')
    (tmp_path / "text.json").write_text("Vehicle.Speed: sensor")
    refused = {
        "gone.json": "no such file",
        "bad.json": "not UTF-8 at byte 9",
        "text.json": "not JSON: Expecting value",
        ".": "Is a directory",
    }
    for name, reason in refused.items():
        told = Told()
        catalog, refusals = load_catalog([("can0", [database])], told, mappings={"can0": tmp_path / name})

        assert list(catalog) == ["M.V"]
        assert not catalog.complete
        assert [reason in refusal.sentence() for refusal in refusals] == [True]
        assert [fields["reason"] for fields in told.fields("decode.mapping_refused")] == [refusals[0].sentence()]
        assert told.levels("decode.mapping_refused") == ["error"]

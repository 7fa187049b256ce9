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
    assert [refusal.path for refusal in refusals] == [str(bad), str(gone)]
    assert [(fields["bus"], fields["reason"]) for fields in told.fields("decode.database_refused")] == [
        ("can0", refusals[0].sentence()),
        ("can1", f"{gone}: no such file"),
    ]
    assert told.levels("decode.database_refused") == ["error", "error"]
    assert told.levels("decode.database_loaded") == ["info"]

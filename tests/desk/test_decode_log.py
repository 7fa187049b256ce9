import csv
import io
import json
from pathlib import Path

import pytest

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.desk.decode_log import COLUMNS, Decoded, Format, decode_log, wanted
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import DatabaseRefused, DocumentRefused, LogRefused
from edge_agent.records import BusCounts
from tests.acquire.told import Told

DATABASE = """VERSION ""

BU_: Car

BO_ 256 Motor: 2 Car
 SG_ Mode : 0|8@1+ (1,0) [0|0] "" Car
 SG_ Torque : 8|8@1- (0.5,-1) [0|0] "Nm" Car

BO_ 257 Counter: 8 Car
 SG_ Total : 0|64@1+ (1,0) [0|0] "" Car

BO_ 258 Climate: 4 Car
 SG_ Inside : 0|32@1- (1,0) [0|0] "°C" Car

SIG_VALTYPE_ 258 Inside : 1;
VAL_ 256 Mode 1 "sport" 2 "eco" ;
"""
LOG = """(1.000001) can0 100#01FE
(1.100000) can0 101#FFFFFFFFFFFFFFFF
(1.200000) can0 102#0000A841
(1.300000) can0 100#01
(1.400000) can0 7FF#00
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "car.dbc"
    path.write_text(DATABASE)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "drive.log"
    path.write_text(LOG)
    return path


async def decoded(
    log: Path, database: Path, form: Format, *patterns: str, channel: str | None = None
) -> tuple[Decoded, str, list[int]]:
    out, progress = io.StringIO(), list[int]()
    done = await decode_log(
        log,
        [database],
        patterns or ("*",),
        out=out,
        form=form,
        channel=channel,
        progress=progress.append,
        log=Told(),
    )
    return done, out.getvalue(), progress


async def test_a_log_becomes_a_table_with_labels_and_exact_numbers(log: Path, database: Path) -> None:
    done, text, progress = await decoded(log, database, "csv")

    assert list(csv.reader(io.StringIO(text))) == [
        list(COLUMNS),
        ["1000001000", "Motor.Mode", "1.0", "", "1", "sport"],
        ["1000001000", "Motor.Torque", "-2.0", "Nm", "-2", ""],
        ["1100000000", "Counter.Total", repr(2.0**64), "", str(2**64 - 1), ""],
        ["1200000000", "Climate.Inside", "21.0", "°C", "21.0", ""],
    ]
    assert done == Decoded(4, BusCounts(seen=5, decoded=3, unknown=1, wrong_length=1), channels={"can0": 5})
    assert progress[-1] == 5


async def test_json_lines_hold_the_same(log: Path, database: Path) -> None:
    _, text, _ = await decoded(log, database, "jsonl", "Motor.Mode", "Climate.*")

    assert [json.loads(line) for line in text.splitlines()] == [
        dict(zip(COLUMNS, (1000001000, "Motor.Mode", 1.0, "", 1, "sport"), strict=True)),
        dict(zip(COLUMNS, (1200000000, "Climate.Inside", 21.0, "°C", 21.0, ""), strict=True)),
    ]


async def test_a_mapping_gives_paths_units_and_texts(log: Path, database: Path, tmp_path: Path) -> None:
    mapping = {
        "V.Mode": {
            "type": "sensor",
            "datatype": "string",
            "allowed": ["CALM", "KEEN"],
            "dbc2vss": {"signal": "Mode", "transform": {"mapping": [{"from": "sport", "to": "KEEN"}]}},
        },
        "V.Torque": {
            "type": "sensor",
            "unit": "kNm",
            "dbc2vss": {"signal": "Torque", "transform": {"math": "x / 1000"}},
        },
    }
    (tmp_path / "vss.json").write_text(json.dumps(mapping))
    out = io.StringIO()

    await decode_log(
        log, [database], ["V.*"], out=out, form="csv", vss=tmp_path / "vss.json", progress=lambda _: None, log=Told()
    )

    assert list(csv.reader(io.StringIO(out.getvalue())))[1:] == [
        ["1000001000", "V.Mode", "1.0", "", "1", "KEEN"],
        ["1000001000", "V.Torque", "-0.002", "kNm", "-2", ""],
    ]


async def test_a_path_computed_from_several_signals_is_a_column_like_any_other(
    log: Path, database: Path, tmp_path: Path
) -> None:
    source = {"signals": {"m": "Mode", "t": "Torque"}, "transform": {"math": "t * 10 + m"}}
    (tmp_path / "vss.json").write_text(json.dumps({"V.Sum": {"type": "sensor", "unit": "Nm", "dbc2vss": source}}))
    out = io.StringIO()

    done = await decode_log(
        log, [database], ["V.Sum"], out=out, form="csv", vss=tmp_path / "vss.json", progress=lambda _: None, log=Told()
    )

    assert list(csv.reader(io.StringIO(out.getvalue())))[1:] == [["1000001000", "V.Sum", "-19.0", "Nm", "-19.0", ""]]
    assert done.samples == 1


async def test_of_a_log_with_several_channels_one_is_decoded_or_all_with_a_remark(
    database: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.log"
    both.write_text(LOG + "(1.500000) can1 100#02FE\n(1.600000) can1 100#02FE\n")

    one, *_ = await decoded(both, database, "csv", channel="can0")
    mixed, *_ = await decoded(both, database, "csv")

    assert (one.counts.seen, one.mixture()) == (5, "")
    assert mixed.counts.seen == 7
    assert mixed.mixture() == (
        "several channels were decoded with the same databases: can0 (5 frames), can1 (2 frames); "
        "--channel takes one of them"
    )


async def test_an_unknown_name_is_refused_with_the_nearest_ones(log: Path, database: Path) -> None:
    with pytest.raises(
        DocumentRefused, match=r"--signal Motor\.Torqe: no such signal in the databases; nearest: Motor\.Torque"
    ):
        await decoded(log, database, "csv", "Motor.Torqe")


async def test_a_missing_log_and_a_missing_database_are_refused(log: Path, database: Path, tmp_path: Path) -> None:
    with pytest.raises(LogRefused, match="No such file"):
        await decoded(tmp_path / "absent.log", database, "csv")
    with pytest.raises(DatabaseRefused, match="no such file"):
        await decoded(log, tmp_path / "absent.dbc", "csv")


async def test_nothing_is_written_for_a_log_that_cannot_be_opened(database: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    with pytest.raises(LogRefused):
        await decode_log(
            tmp_path / "absent.log", [database], ["*"], out=out, form="csv", progress=lambda _: None, log=Told()
        )
    assert out.getvalue() == ""


def test_overlapping_patterns_name_a_signal_once() -> None:
    catalog = Catalog([("car", [load_database(database_path())])])
    names = wanted(catalog, ["Motion.VehicleSpeed", "Motion.*", "*.VehicleSpeed"])
    assert names[0] == "Motion.VehicleSpeed"
    assert len(names) == len(set(names)) == len(catalog.match("Motion.*"))


def test_the_last_sentence_names_every_frame_that_gave_nothing() -> None:
    counts = BusCounts(seen=20, decoded=9, unknown=5, wrong_length=3, remote=2, error=1, incomplete=4)

    assert Decoded(40, counts).sentence() == (
        "40 samples of 20 frames: 9 decoded, 5 of unknown ids, 3 too short, 2 remote, 1 error"
        "; 4 messages in several packets incomplete"
    )
    assert Decoded(4, BusCounts(seen=2, decoded=2)).sentence() == "4 samples of 2 frames: 2 decoded"


async def test_paths_of_a_mapping_that_cannot_be_used_are_told(log: Path, database: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "car.vss.json"
    good, bad = ({"type": "sensor", "datatype": "float", "dbc2vss": {"signal": name}} for name in ("Torque", "Tork"))
    mapping.write_text(json.dumps({"Vehicle.Torque": good, "Vehicle.Speed": bad}))

    done = await decode_log(
        log, [database], ("*",), out=io.StringIO(), form="csv", vss=mapping, progress=lambda _: None, log=Told()
    )

    [sentence] = done.left_out
    assert sentence.startswith("Vehicle.Speed: no signal 'Tork' in the databases")

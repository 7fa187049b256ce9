"""Commands as somebody at a desk types them, one after the other."""

import csv
import json
from pathlib import Path

import pytest

from edge_agent.desk.vehicle import database_path
from edge_agent.records import EXTENDED_ID
from tests.journey.line import (
    EVERYTHING,
    VEHICLE,
    agent_process,
    buses_variable,
    command,
    desire,
    document,
    local_hub,
    shell,
)
from tests.journey.oracle import bit_by_bit, loaded, truth
from tests.journey.recordings import recorded, write_drive

ADDRESS = "127.0.0.69"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drive(tmp_path_factory.mktemp("drive") / "drive.log", seed=3, seconds=4)


def rows_by_cantools(log: Path) -> list[tuple[int, str, float, str, float, str]]:
    """(t_ns, name, value, unit, raw, label) of every signal, in the order of the log and of the database."""
    expected = truth(recorded(log), VEHICLE)
    messages = {
        message.frame_id | (EXTENDED_ID if message.is_extended_frame else 0): message
        for message in loaded(database_path()).messages
    }
    rows = []
    for frame in recorded(log):
        message = messages[frame.can_id]
        for name, raw in bit_by_bit(message, frame.data).items():
            signal = message.get_signal_by_name(name)
            labels = {int(value): str(label) for value, label in (signal.choices or {}).items()}
            label = "" if signal.is_float else labels.get(int(raw), "")
            public = f"{message.name}.{name}"
            rows.append(
                (frame.t_ns, public, float(raw * signal.scale + signal.offset), expected.units[public], raw, label)
            )
    return rows


async def test_decode_writes_what_cantools_reads_as_csv(log: Path, tmp_path: Path) -> None:
    code, said = await command("decode", str(log), "--dbc", str(database_path()), "--output", "drive.csv", cwd=tmp_path)

    assert code == 0, said
    with (tmp_path / "drive.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["t_ns", "signal", "value", "unit", "raw", "label"]
    found = [(int(t), name, float(value), unit, float(raw), label) for t, name, value, unit, raw, label in rows]
    assert sorted(found) == sorted(rows_by_cantools(log))
    assert f"{len(rows)} samples of {sum(1 for _ in recorded(log))} frames" in said


async def test_decode_writes_the_signals_asked_for_as_json_lines(log: Path, tmp_path: Path) -> None:
    wanted = ("--signal", "Motion.*", "--signal", "Body.Wiper", "--format", "jsonl", "--output", "drive.jsonl")
    code, said = await command("decode", str(log), "--dbc", str(database_path()), *wanted, cwd=tmp_path)

    assert code == 0, said
    rows = [json.loads(line) for line in (tmp_path / "drive.jsonl").read_text().splitlines()]
    found = [tuple(row[key] for key in ("t_ns", "signal", "value", "unit", "raw", "label")) for row in rows]
    asked = [row for row in rows_by_cantools(log) if row[1].startswith("Motion.") or row[1] == "Body.Wiper"]
    assert sorted(found) == sorted(asked)


async def test_decode_of_an_unknown_signal_names_the_nearest(log: Path, tmp_path: Path) -> None:
    code, said = await command(
        "decode", str(log), "--dbc", str(database_path()), "--signal", "Motion.VehicelSpeed", cwd=tmp_path
    )

    assert code == 1
    assert "error: --signal Motion.VehicelSpeed: no such signal in the databases; nearest: Motion.VehicleSpeed" in said


async def test_replay_onto_a_virtual_bus_says_how_many_frames_it_sent(log: Path, tmp_path: Path) -> None:
    arguments = ("--interface", "virtual", "--channel", "desk", "--speed", "0")
    code, said = await command("replay", str(log), *arguments, cwd=tmp_path)

    assert code == 0, said
    assert f"{sum(1 for _ in recorded(log))} frames sent" in said


async def test_replay_with_an_interface_nobody_knows_fails(log: Path, tmp_path: Path) -> None:
    code, said = await command("replay", str(log), "--interface", "telepathy", cwd=tmp_path)

    assert code == 1
    assert "telepathy" in said
    assert "Traceback" not in said


async def test_a_session_at_the_desk(tmp_path: Path) -> None:
    log = write_drive(tmp_path / "drive.log", seed=1, seconds=120)
    async with local_hub(tmp_path / "edge-hub", ADDRESS) as hub:
        code, said = await command("twin", "set", "-", cwd=tmp_path, stdin=json.dumps(document(all=EVERYTHING)))
        assert code == 0, said
        assert json.loads(said)["desired"]["rules"] == {"all": EVERYTHING}

        # A minute of driving: six commands are typed meanwhile, and a busy machine takes seconds for each.
        variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": "2"}
        async with agent_process(tmp_path, variables | hub.environment("workload")) as agent:
            await agent.told("uplink.batch_acked")
            code, said = await command("method", "status", cwd=tmp_path)
            assert code == 0, said
            status = json.loads(said)
            assert status["link_up"] is True
            assert status["boot"] == 1
            assert status["kept_samples"] > 0

            code, said = await command("method", "latest", cwd=tmp_path)
            assert code == 0, said
            assert json.loads(said)["Motion.VehicleSpeed"]["unit"] == "km/h"

            code, said = await command("method", "dance", cwd=tmp_path)
            assert code == 1
            known = "flush, latest, rules.test, snapshot, status"
            assert json.loads(said) == {"error": f"no method 'dance'; there are: {known}"}

            (tmp_path / "patch.json").write_text('{"rules": {"all": null}}')
            code, said = await command("twin", "set", "patch.json", cwd=tmp_path)
            assert code == 0, said
            await agent.told("twin.document_applied", times=2)

            code, said = await command("twin", "get", cwd=tmp_path)
            assert code == 0, said
            twin = json.loads(said)
            assert twin["desired"]["rules"] == {}
            assert twin["reported"]["config"]["status"] == "applied"

        code, said = await command("method", "status", cwd=tmp_path)
        assert code == 1
        assert "error: the local hub answered 404" in said
        await assert_shown(tmp_path)


async def test_a_patch_that_is_no_object_is_refused_by_the_hub(tmp_path: Path) -> None:
    async with local_hub(tmp_path / "edge-hub", ADDRESS) as hub:
        for text in ("[1]", "{", '{"rules": {"a.b": 1}}'):
            code, said = await command("twin", "set", "-", cwd=tmp_path, stdin=text)
            assert code == 1
            assert "error: the local hub answered 400" in said
        await desire(hub.folder, {})


async def assert_shown(folder: Path) -> None:
    """Both forms of what arrived."""
    code, batches = await command("show", "edge-hub/arrived.jsonl", "--batches", cwd=folder)
    assert code == 0
    first = batches.splitlines()[0]
    assert first.startswith("demo-vehicle 1/0  rule all  ")
    assert "given up before it: nothing" in first

    code, samples = await command("show", "edge-hub/arrived.jsonl", cwd=folder)
    assert code == 0
    line = next(line for line in samples.splitlines() if "Motion.VehicleSpeed" in line)
    assert line.startswith("2023-11-14T22:13:")
    assert "km/h" in line
    assert line.endswith("all 1/0")


async def test_a_reader_that_has_enough_ends_decode_and_show_without_a_word(log: Path, tmp_path: Path) -> None:
    typed = f"set -o pipefail; edge-agent decode {log} --dbc {database_path()} | head -1"
    code, said = await shell(typed, cwd=tmp_path)

    assert code == 141
    assert "t_ns,signal,value,unit,raw,label\n" in said
    assert "rror" not in said


async def test_on_one_terminal_no_bar_is_drawn_into_the_table(log: Path, tmp_path: Path) -> None:
    code, said = await shell(f"script -qec 'edge-agent decode {log} --dbc {database_path()}' /dev/null", cwd=tmp_path)

    assert code == 0, said
    assert said.startswith("t_ns,signal")
    assert "━" not in said

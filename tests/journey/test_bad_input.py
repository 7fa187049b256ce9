"""Whatever is wrong is said in one clear sentence that names the place; what can go on goes on."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from edge_agent.desk.vehicle import database_path
from tests.journey.line import (
    EVERYTHING,
    VEHICLE,
    agent_process,
    buses_variable,
    command,
    delivered,
    desire,
    document,
    eager,
    local_hub,
    reported,
    shell,
    until,
)
from tests.journey.recordings import write_drive

ADDRESS = "127.0.0.66"
NO_HUB = {
    "EdgeHubConnectionString": (
        "HostName=localhub;GatewayHostName=127.0.0.67;DeviceId=demo-vehicle;ModuleId=telematics;"
        "SharedAccessKey=AAECAwQFBgcICQoLDA0ODw=="
    ),
}
"""a hub that is not there"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def one_bus(**changed: object) -> str:
    return json.dumps([{"name": "car", "interface": "virtual", "channel": "car", **changed}])


@pytest.fixture
def broken_database(tmp_path: Path) -> Path:
    path = tmp_path / "broken.dbc"
    path.write_text('VERSION ""\n\nBO_ 256 Motor: 8 Car\n SG_ Speed : 0|16@1+ (0.1,0 [0|100] "rpm" Car\n')
    return path


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A file for the CA's certificate, which nobody comes to read."""
    path = tmp_path / "ca.pem"
    path.write_text("")
    return path


async def test_a_missing_database_is_named(tmp_path: Path) -> None:
    code, said = await command("check", "--dbc", "absent.dbc", cwd=tmp_path)

    assert code == 1
    assert said == "mistake absent.dbc: no such file\n1 mistake, 0 remarks\n"


async def test_the_line_of_a_broken_database_is_named(tmp_path: Path, broken_database: Path) -> None:
    code, said = await command("check", "--dbc", broken_database.name, cwd=tmp_path)

    assert code == 1
    assert re.match(r"mistake broken\.dbc:4: .*Invalid syntax at line 4", said)
    assert "Traceback" not in said


async def test_an_agent_with_a_broken_and_a_missing_database_says_so_and_goes_on_with_the_good_one(
    tmp_path: Path, broken_database: Path
) -> None:
    log = write_drive(tmp_path / "drive.log", seed=1, seconds=5)
    buses = one_bus(dbc=["absent.dbc", str(broken_database), str(database_path())])
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=EVERYTHING))
        variables = {"BUSES": buses, "REPLAY_LOG": str(log), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            assert await agent.ended(30) == 0
            reasons = [event["reason"] for event in agent.events("decode.database_refused")]
            assert "Traceback" not in agent.text()
        twin = await reported(hub.folder)
    assert reasons[0] == "absent.dbc: no such file"
    assert str(reasons[1]).startswith(f"{broken_database}:4: ")
    *refused, good = cast("list[dict[str, object]]", twin["databases"])
    assert [item["path"] for item in refused] == ["absent.dbc", str(broken_database)]
    assert (good["path"], "error" in good) == (str(database_path()), False)
    assert delivered(hub.folder).payloads


async def test_an_unknown_signal_is_answered_with_the_nearest_names(tmp_path: Path) -> None:
    (tmp_path / "twin.json").write_text(json.dumps(document(trip={**EVERYTHING, "signals": ["Motion.VehicelSpeed"]})))
    code, said = await command("check", "--dbc", str(database_path()), "--twin", "twin.json", cwd=tmp_path)

    assert code == 1
    assert said.startswith(
        "mistake twin.json rules.trip.signals[0]: no signal 'Motion.VehicelSpeed' in the databases; "
        "nearest: Motion.VehicleSpeed"
    )


async def test_a_twin_file_that_is_no_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "twin.json").write_text('{"schema_version": 1,\n "rules": {]}')
    code, said = await command("check", "--dbc", str(database_path()), "--twin", "twin.json", cwd=tmp_path)

    assert code == 1
    assert said.startswith("mistake twin.json line 2 column 12: ")


TRIP_GONE: dict[str, object] = {"rules": {"trip": None}}
REFUSED: tuple[tuple[dict[str, object], str, dict[str, object]], ...] = (
    ({"rules": {"trip": {**EVERYTHING, "signals": ["Motion.Sped"]}}}, "rules.trip.signals[0]", TRIP_GONE),
    ({"rules": {"trip": {"kind": "periodic", "every_ms": 1, "signals": ["*"]}}}, "rules.trip.every_ms", TRIP_GONE),
    ({"rules": {"trip": {"kind": "sometimes", "signals": ["*"]}}}, "rules.trip", TRIP_GONE),
    ({"rules": "all"}, "rules", {"rules": {"everything": eager(EVERYTHING)}}),
    ({"schema_version": 2}, "schema_version", {"schema_version": 1}),
    ({"rulez": {}}, "rulez", {"rulez": None}),
)
"""a patch, the place of its mistake, and the patch that mends it"""


async def test_documents_that_are_refused_are_reported_with_their_place_and_the_old_one_goes_on(tmp_path: Path) -> None:
    log = write_drive(tmp_path / "drive.log", seed=1, seconds=120)
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=eager(EVERYTHING)))
        variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": "8"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            await agent.told("uplink.batch_acked")
            for times, (wrong, loc, mended) in enumerate(REFUSED, start=1):
                await desire(hub.folder, wrong)
                await agent.told("twin.document_refused", times=times)
                await agent.told("uplink.batch_acked", times=len(agent.events("uplink.batch_acked")) + 2)
                await assert_refused(hub.folder, loc, running=2 * times)
                await desire(hub.folder, mended)
                await agent.told("twin.document_applied", times=times + 1)
            alarms = {alarm["event"] for alarm in agent.alarms()}
    assert alarms == {"twin.document_refused"}
    assert {payload.header["config"] for payload in delivered(hub.folder).payloads} >= {2, 4, 6, 8, 10, 12}


async def assert_refused(hub_folder: Path, loc: str, *, running: int) -> None:
    config = (await reported(hub_folder))["config"]
    assert config["status"] == "refused"
    assert (config["version"], config["running_version"]) == (running + 1, running)
    assert [error["loc"] for error in config["errors"]] == [loc]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("absent.log", None, "absent.log: No such file or directory"),
        ("odd.log", "(1.0) can0 123#01\n(1.1) can0 not a frame\n", r"odd.log: .*line 2.*"),
        ("empty.log", "", "empty.log: no frame in it"),
        ("drive.xyz", "", r"drive.xyz: no known log format: .xyz, known are .*"),
        ("drive.blf", "no blf", r"drive.blf: .*"),
    ],
)
@pytest.mark.parametrize("way", ["decode", "replay", "run"])
async def test_a_log_that_cannot_be_read_ends_every_command_with_its_sentence(  # noqa: PLR0917
    way: str, name: str, content: str | None, sentence: str, tmp_path: Path, authority: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    if way == "run":
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "twin.json").write_text(json.dumps({"$version": 1, **document(everything=EVERYTHING)}))
    arguments = {
        "decode": ("decode", name, "--dbc", str(database_path())),
        "replay": ("replay", name, "--interface", "virtual", "--speed", "0"),
        "run": ("run",),
    }
    variables = {
        "BUSES": buses_variable(VEHICLE),
        "REPLAY_LOG": name,
        "DATA_FOLDER": "data",
        "EdgeModuleCACertificateFile": str(authority),
    }
    code, said = await command(*arguments[way], cwd=tmp_path, variables=variables | NO_HUB)

    assert code == 1
    assert re.search(f"error: {sentence}", said), said
    assert "Traceback" not in said


async def test_what_a_damaged_log_holds_before_the_damage_arrives_before_it_is_refused(tmp_path: Path) -> None:
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=EVERYTHING))
        (tmp_path / "cut.log").write_text("(1.0) can0 110#0000000000000000\n(1.1) can0 110#01020304\n(1.2) can0 odd\n")
        variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": "cut.log", "REPLAY_SPEED": "0"}
        code, said = await command(
            "run", cwd=tmp_path, variables=variables | {"DATA_FOLDER": "data"} | hub.environment("connection_string")
        )

    assert code == 1
    assert re.search(r"error: cut\.log: .*line 3.*\(after 2 frames\)", said), said
    (payload,) = delivered(hub.folder).payloads
    counts = {"seen": 2, "decoded": 1, "unknown": 0, "wrong_length": 1, "dropped": 0}
    assert payload.kept == 4
    (bus,) = cast("list[dict[str, object]]", payload.header["buses"])
    assert bus | counts == bus


async def test_an_agent_without_its_bus_says_so_once_and_stays_connected(tmp_path: Path) -> None:
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        variables = {"BUSES": one_bus(interface="socketcan", channel="absent0"), **hub.environment("connection_string")}
        async with agent_process(tmp_path, variables) as agent:
            lost = await agent.told("acquire.bus_lost")
            await agent.told("uplink.link_up")
            await agent.told("acquire.bus_lost", times=3)
            assert agent.running
            alarms = [alarm["event"] for alarm in agent.alarms()]
            assert "Traceback" not in agent.text()
    # What the kernel says differs: no such device, or no CAN at all.
    assert lost["bus"] == "car"
    assert lost["reason"]
    assert alarms == ["acquire.bus_lost"]


async def test_replaying_onto_a_bus_that_does_not_exist_fails_with_a_sentence(tmp_path: Path) -> None:
    log = write_drive(tmp_path / "drive.log", seed=1, seconds=1)
    code, said = await command("replay", log.name, "--channel", "absent0", cwd=tmp_path)

    assert code == 1
    assert re.search(r"error: bus 'absent0' cannot be opened: .*Check the interface", said), said
    assert "Traceback" not in said


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/edge-agent"])
async def test_a_data_folder_that_cannot_be_written_ends_the_agent_with_its_name(
    folder: str, tmp_path: Path, authority: Path
) -> None:
    (tmp_path / "file").write_text("")
    variables = {"BUSES": one_bus(), "DATA_FOLDER": folder, "EdgeModuleCACertificateFile": str(authority)}
    code, said = await command("run", cwd=tmp_path, variables=variables | NO_HUB)

    assert code == 1
    assert re.search(f"error: the spool in {folder}/spool cannot be used: ", said), said
    assert "Traceback" not in said


async def test_check_names_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    variables = {"BUSES": one_bus(), "DATA_FOLDER": "file"}
    code, said = await command("check", "--settings", cwd=tmp_path, variables=variables | NO_HUB)

    assert code == 1
    assert "mistake DATA_FOLDER: file is not a folder that can be written" in said


async def test_a_wrong_key_is_told_as_such_and_the_batches_are_kept(tmp_path: Path) -> None:
    log = write_drive(tmp_path / "drive.log", seed=1, seconds=20)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "twin.json").write_text(json.dumps({"$version": 1, **document(everything=eager(EVERYTHING))}))
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        right = hub.environment("connection_string")
        identity = right["EdgeHubConnectionString"].partition("SharedAccessKey=")[0]
        wrong = {"EdgeHubConnectionString": f"{identity}SharedAccessKey={'A' * 43}="}
        variables = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), "REPLAY_SPEED": "4", **right}
        async with agent_process(tmp_path, variables | wrong) as agent:
            down = await agent.told("uplink.link_down")
            kept = await agent.told("spool.batches_appended", times=3)
            agent.terminate()
            assert await agent.ended(8) == 0
            assert "Traceback" not in agent.text()
        assert delivered(hub.folder).payloads == ()
        async with agent_process(tmp_path, variables) as agent:
            opened = await agent.told("spool.opened")
            assert await agent.ended(30) == 0
    assert "Check the module's identity and key at the hub" in str(down["reason"])
    assert int(str(opened["pending"])) > int(str(kept["last_seq"]))
    assert len(delivered(hub.folder).boot(1)) == opened["pending"]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "BUSES: must be given"),
        ({"BUSES": "[{]"}, r"BUSES: not JSON: .* at line 1 column \d"),
        ({"BUSES": "absent.json"}, "BUSES: neither a JSON list nor a readable file: .*absent.json"),
        ({"BUSES": "[]"}, r"BUSES: must not be empty"),
        ({"BUSES": '[{"name": "car"}]'}, r"BUSES\[0\].channel: must be given"),
        ({"BUSES": one_bus(colour="red")}, r"BUSES\[0\].colour: no such field here"),
        ({"BUSES": one_bus(), "TICK_MS": "soon"}, "TICK_MS: .*integer"),
    ],
)
async def test_settings_that_are_wrong_end_the_agent_and_are_found_by_check(
    variables: Mapping[str, str], sentence: str, tmp_path: Path
) -> None:
    for arguments, prefix in ((("run",), "error: "), (("check", "--settings"), "mistake ")):
        code, said = await command(*arguments, cwd=tmp_path, variables={**variables, **NO_HUB})
        assert code == 1
        assert re.search(prefix + sentence, said), said
        assert "Traceback" not in said


async def test_an_environment_without_a_hub_ends_the_agent_with_the_names_it_needs(tmp_path: Path) -> None:
    variables = {"BUSES": one_bus(), "DATA_FOLDER": "data"}
    code, said = await command("run", cwd=tmp_path, variables=variables)

    assert code == 1
    assert "EdgeHubConnectionString" in said
    assert "IOTEDGE_WORKLOADURI" in said
    assert "Traceback" not in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("arguments", [("twin", "get"), ("twin", "set", "-"), ("method", "status")])
async def test_asking_a_hub_that_does_not_run_fails_with_its_folder(arguments: tuple[str, ...], tmp_path: Path) -> None:
    code, said = await command(*arguments, "--folder", "nowhere", cwd=tmp_path)

    assert code == 1
    assert re.search(r"error: no local hub runs on nowhere: .*Start one on it first", said), said


@pytest.mark.parametrize("content", [b"", b"{}", b"\x1f\x8bbroken", b"not json\n", b'{"n":1}\n', b"\xff\xfe"])
async def test_showing_a_broken_file_fails_with_the_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "arrived.jsonl").write_bytes(content)
    code, said = await command("show", "arrived.jsonl", cwd=tmp_path)

    if not content:
        assert (code, said) == (0, "arrived.jsonl: nothing in it\n")
        return
    assert code == 1
    assert re.match("error: arrived.jsonl", said), said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("decode", "drive.log", "--output", "absent/x.csv"), "absent/x.csv: cannot be written: No such file"),
        (("decode", "drive.log", "--output", "folder"), "folder: cannot be written: Is a directory"),
        (("decode", "drive.log", "--output", "./drive.log"), "drive.log: is what is read here; name another file"),
        (("decode", "drive.log", "--dbc", "a.dbc", "--output", "a.dbc"), "a.dbc: is what is read here; name another"),
        (("decode", "folder"), "folder: Is a directory"),
        (("decode", "folder.log"), "folder.log: Is a directory"),
        (("decode", "drive.log", "--dbc", "a.txt"), "a.txt: no known database format: .txt, known are .dbc .kcd "),
        (("replay", "drive.log", "--interface", "foo"), r"bus 'vcan0' cannot be opened: .*foo.*Known are .*socketcan"),
        (("demo", "--folder", "drive.log"), "drive.log: cannot be used as a folder: File exists"),
        (("hub", "--folder", "drive.log"), "/.*/drive.log: cannot be used: File exists"),
        (("decode", "drive.log", "--signal", ""), "--signal '': no such signal"),
        (("twin", "set", "nope"), "nope: cannot be read: No such file or directory"),
        (("hub", "--env-file", "absent/hub.env", "--address", ADDRESS), "absent/hub.env: cannot be written: No such"),
    ],
)
async def test_a_file_or_a_name_mistyped_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    write_drive(tmp_path / "drive.log", seed=1, seconds=1)
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "a.dbc").write_bytes(database_path().read_bytes())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.log").mkdir()
    database = ("--dbc", str(database_path())) if arguments[0] == "decode" and "--dbc" not in arguments else ()
    code, said = await command(*arguments, *database, cwd=tmp_path)

    assert code == 1
    assert re.search(f"error: {sentence}", said), said
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if "error" in line]) == 1


async def test_a_patch_that_is_not_utf_8_is_told_by_its_byte(tmp_path: Path) -> None:
    (tmp_path / "patch.json").write_bytes(b'{"\xff": 1}')
    code, said = await command("twin", "set", "patch.json", cwd=tmp_path)
    assert (code, said) == (1, "error: patch.json: is not UTF-8 at byte 2\n")

    typed = f"{sys.executable} -m edge_agent twin set - < patch.json"
    code, said = await shell(typed, cwd=tmp_path)
    assert (code, said) == (1, "error: standard input: is not UTF-8 at byte 2\n")


async def test_a_table_that_was_there_stays_where_the_log_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "drive.csv").write_text("old")
    arguments = ("decode", "absent.log", "--dbc", str(database_path()))
    code, _ = await command(*arguments, "--output", "drive.csv", cwd=tmp_path)
    assert (code, (tmp_path / "drive.csv").read_text()) == (1, "old")

    code, said = await command(*arguments, cwd=tmp_path)
    assert code == 1
    assert "t_ns" not in said


async def test_showing_a_missing_file_fails_with_its_name(tmp_path: Path) -> None:
    code, said = await command("show", "absent.jsonl", cwd=tmp_path)

    assert code == 1
    assert said.startswith("error: absent.jsonl: cannot be read: No such file")


async def test_nothing_is_connected_any_more_when_the_agent_ends(tmp_path: Path) -> None:
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        async with agent_process(tmp_path, {"BUSES": one_bus(), **hub.environment("workload")}) as agent:
            await until(lambda: bool(hub.connected))
            agent.terminate()
            assert await agent.ended(8) == 0
        await until(lambda: not hub.connected)

import subprocess
from pathlib import Path

import pytest

from edge_agent.desk.hub_variables import exports, judge_ids, judge_place, write_exports
from edge_agent.errors import BadSettings, FileRefused
from edge_agent.localhub.hub import LocalHub, Way

VARIABLES = {"A": 'x;y=it\'s "$HOME"', "B": "", "C": "plain"}


@pytest.mark.parametrize("text", ["demo-vehicle", "$edgeAgent", "a:b.c%_*?!(),=@'", "x" * 128])
def test_ids_that_an_iot_hub_takes_are_taken(text: str) -> None:
    judge_ids({"--device": text})


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a/b", "a+b", "a#b", "ä", "a\n", "a;b", 'a"b'])
def test_other_ids_are_refused_by_their_option(text: str) -> None:
    with pytest.raises(BadSettings) as refused:
        judge_ids({"--device": "car", "--module": text})
    assert [fault.loc for fault in refused.value.faults] == ["--module"]


def test_a_shell_reads_each_value_as_it_is(tmp_path: Path) -> None:
    write_exports(tmp_path / "hub.env", VARIABLES)
    assert (tmp_path / "hub.env").read_text() == exports(VARIABLES)
    assert (tmp_path / "hub.env").stat().st_mode & 0o777 == 0o600
    script = '. ./hub.env; printf "%s\\n" "$A" "$B" "$C"'
    said = subprocess.check_output(["/bin/sh", "-c", script], cwd=tmp_path, text=True)  # noqa: S603  fixed text
    assert said.splitlines() == list(VARIABLES.values())


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be written: No such file or directory"):
        write_exports(tmp_path / "absent" / "hub.env", VARIABLES)


SIMULATORS = "export EdgeHubConnectionString=mine\nexport EdgeModuleCACertificateFile=ca.pem\n"


@pytest.mark.parametrize("text", ["SECRET=y\n", "export A=1\n", SIMULATORS, "\xff"])
def test_a_file_of_somebody_else_is_no_place_for_the_environment(text: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(text.encode("latin-1"))

    for place in (tmp_path / ".env", tmp_path):
        with pytest.raises(BadSettings) as refused:
            judge_place(place)
        assert str(refused.value) == (
            f"--env-file: {place} is there already and is not an environment this command wrote"
        )


@pytest.mark.parametrize("way", ["connection_string", "workload"])
async def test_what_a_killed_hub_has_left_is_replaced_and_so_is_an_empty_file(way: Way, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    hub = LocalHub(tmp_path / "hub", address="127.0.0.213", device="car", module="telematics")
    await hub.start()
    write_exports(tmp_path / "hub.env", hub.environment(way))
    await hub.stop()

    for name in ("hub.env", "empty", "absent"):
        judge_place(tmp_path / name)

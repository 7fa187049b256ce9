"""The command as it is typed; what it does is tested where it is done."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge_agent.cli import app
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import FileRefused
from tests.desk.manifests import TEMPLATE, options, project, template, twin

REGISTRY = "CONTAINER_REGISTRY=registry.example"


def typed(*words: str | Path, **variables: str) -> Result:
    return CliRunner().invoke(app, ["manifest", *map(str, words)], env={"CONTAINER_REGISTRY": None, **variables})


def test_a_deployment_is_written_or_printed(tmp_path: Path) -> None:
    printed = typed(TEMPLATE, "--var", REGISTRY)
    written = typed(TEMPLATE, "--var", REGISTRY, "--out", tmp_path / "d.json", "--dbc", database_path())
    assert (printed.exit_code, written.exit_code, written.output) == (0, 0, "")
    assert (tmp_path / "d.json").read_text() == printed.stdout
    assert set(json.loads(printed.stdout)) == {"modulesContent"}


def test_variables_are_the_environments_too() -> None:
    assert "other.example/telematics" in typed(TEMPLATE, CONTAINER_REGISTRY="other.example").stdout


def test_every_mistake_is_a_line_and_nothing_is_written(tmp_path: Path) -> None:
    file = project(tmp_path, template(lambda d: options(d)["HostConfig"].update(Binds=["a[0]"], Privileged=1)))
    result = typed(file, "--var", REGISTRY, "--out", tmp_path / "d.json")
    place = "modulesContent.$edgeAgent.properties.desired.modules.telematics.settings.createOptions.HostConfig"
    assert result.exit_code == 1
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        f"mistake {place}.Binds[0]",
        f"mistake {place}.Privileged",
    ]
    assert not (tmp_path / "d.json").exists()


def test_the_template_is_not_written_over(tmp_path: Path) -> None:
    file = project(tmp_path, template())
    before = file.read_text()
    result = typed(file, "--var", REGISTRY, "--out", file)
    assert isinstance(result.exception, FileRefused)
    assert file.read_text() == before


def test_a_platform_without_an_image_is_a_mistake() -> None:
    result = typed(TEMPLATE, "--var", REGISTRY, "--platform", "arm32v7")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "${MODULES.telematics} is no image" in result.stderr


def test_names_of_vss_are_judged_with_the_mapping_that_gives_them(tmp_path: Path) -> None:
    file = project(tmp_path, template(lambda d: twin(d)["rules"]["trip"].update(signals=["Vehicle.Speed"])))
    words = (file, "--var", REGISTRY, "--check", "--dbc", database_path())
    assert "no signal 'Vehicle.Speed'" in typed(*words).stderr
    assert typed(*words, "--vss", database_path().with_suffix(".vss.json")).exit_code == 0


def test_a_mapping_without_databases_maps_nothing_and_is_refused() -> None:
    result = typed(TEMPLATE, "--var", REGISTRY, "--check", "--vss", database_path().with_suffix(".vss.json"))
    assert result.exit_code == 2
    assert "give --dbc too" in " ".join(result.stderr.split())


def test_judging_writes_nothing() -> None:
    result = typed(TEMPLATE, "--var", REGISTRY, "--check")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{TEMPLATE}: no mistake\n")


@pytest.mark.parametrize(
    ("root", "folder"), [((), "/var/lib/edge-agent"), (("--root", "/x"), "/x/srv/edge-agent/data")]
)
def test_a_modules_environment_is_for_a_shell(root: tuple[str, ...], folder: str) -> None:
    result = typed(TEMPLATE, "--var", REGISTRY, "--environment", "telematics", *root, IOTEDGE_DEVICEID="car")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert f"export DATA_FOLDER={folder}" in lines
    assert "export IOTEDGE_DEVICEID=car" in lines


def test_the_module_that_is_edge_agent_may_have_another_name() -> None:
    result = typed(TEMPLATE, "--var", REGISTRY, "--module", "gateway", "--check")
    assert result.exit_code == 1
    assert "gateway must be given: it is the module that is Edge Agent" in result.stderr

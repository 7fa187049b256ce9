"""The Dockerfiles against each other, and against what the rest of the project says of the images."""

import json
import re
from itertools import zip_longest
from typing import Any

import pytest

from bench.footprint import IMPORTED
from cabin import health_probe
from tests.image.modules import CABIN, MODULES, ROOT, TELEMATICS, Module

PLATFORMS = ("arm64v8", "amd64")

each_module = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)


def instructions(module: Module, platform: str = "arm64v8") -> list[tuple[str, str]]:
    """(instruction, its words), each on one line."""
    text = (ROOT / module.dockerfile(platform)).read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def final(module: Module, instruction: str) -> list[str]:
    """Of the last stage alone."""
    told = instructions(module)
    begin = max(n for n, (name, _) in enumerate(told) if name == "FROM")
    return [rest for name, rest in told[begin:] if name == instruction]


def deployed(module: Module) -> Any:
    template = json.loads((ROOT / module.template).read_text())
    return template["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"][module.name]


@each_module
def test_the_dockerfiles_differ_in_the_base_alone(module: Module) -> None:
    arm64, amd64 = ((ROOT / module.dockerfile(platform)).read_text().splitlines() for platform in PLATFORMS)

    assert [pair for pair in zip_longest(arm64, amd64) if pair[0] != pair[1]] == [
        ("ARG BASE=docker.io/arm64v8/python:3.11-slim-bookworm", "ARG BASE=docker.io/amd64/python:3.11-slim-bookworm")
    ]


@each_module
def test_module_json_builds_both_with_the_root_of_the_project_as_context(module: Module) -> None:
    folder = ROOT / "modules" / module.name
    image = json.loads((folder / "module.json").read_text())["image"]
    built = {platform: (folder / path).resolve() for platform, path in image["tag"]["platforms"].items()}

    assert built == {platform: ROOT / module.dockerfile(platform) for platform in PLATFORMS}
    assert (folder / image["contextPath"]).resolve() == ROOT


@pytest.mark.parametrize("platform", PLATFORMS)
@each_module
def test_what_is_copied_from_the_project_is_there_and_let_through(module: Module, platform: str) -> None:
    ignored = (ROOT / module.ignored(platform)).read_text().splitlines()
    copied = {
        source
        for name, rest in instructions(module, platform)
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }

    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert all((ROOT / path).exists() for path in copied)


@each_module
def test_the_final_stage_gets_what_was_built_and_no_argument_of_the_build(module: Module) -> None:
    there = module.installed_at

    assert final(module, "ARG") == []
    assert [copied for copied in final(module, "COPY") if "--from" in copied] == [f"--from=build {there} {there}"]
    assert not re.search(r"\b(apt|apt-get|pip|uv|curl|wget)\b", " ".join(final(module, "RUN")))


@each_module
def test_its_user_is_a_number_that_owns_the_volume(module: Module) -> None:
    [user], [volume], [accounts] = (final(module, word) for word in ("USER", "VOLUME", "RUN"))
    uid, gid = user.split(":")

    assert volume == module.volume
    assert int(uid) > 0 < int(gid)
    assert f"--owner {uid} --group {gid} --mode 0700 {volume}" in accounts


@pytest.mark.parametrize(
    ("module", "imported"), [(TELEMATICS, IMPORTED), (CABIN, "cabin.app, cabin.iotedge, cabin.logs")]
)
def test_what_a_start_imports_is_compiled_as_the_entry_point_runs_it(module: Module, imported: str) -> None:
    [entry], [run] = final(module, "ENTRYPOINT"), final(module, "RUN")

    assert json.loads(entry) == ["python", "-OO", "-m", module.package]
    assert f'{module.installed_at}/bin/python -OO -c "import {imported}"' in run


@each_module
def test_a_container_of_the_template_mounts_the_volume(module: Module) -> None:
    binds = deployed(module)["settings"]["createOptions"]["HostConfig"]["Binds"]

    assert module.volume in [bind.split(":")[1] for bind in binds]


def test_a_container_of_the_template_serves_metrics_where_the_image_would() -> None:
    env = deployed(TELEMATICS)["env"]
    variables = dict(pair.split("=", 1) for pair in final(TELEMATICS, "ENV")[0].split())

    assert variables["METRICS_PORT"] == env["METRICS_PORT"]["value"]
    assert env["METRICS_ADDRESS"]["value"] == "127.0.0.1"
    assert "METRICS_ADDRESS" not in variables


def test_a_container_of_the_template_serves_the_page_where_the_image_would() -> None:
    env = deployed(CABIN)["env"]

    assert (env["CABIN_WEB_ADDRESS"]["value"], env["CABIN_WEB_PORT"]["value"]) == (
        health_probe.ADDRESS,
        health_probe.PORT,
    )
    assert "CABIN_" not in " ".join(final(CABIN, "ENV"))


@each_module
def test_it_is_asked_for_its_health_as_the_documentation_says_and_stopped_by_the_signal_that_drains(
    module: Module,
) -> None:
    [health], [stop] = final(module, "HEALTHCHECK"), final(module, "STOPSIGNAL")
    page = {TELEMATICS: "docs/observe.md", CABIN: "modules/cabin/README.md"}[module]

    assert f"HEALTHCHECK {health}" in (ROOT / page).read_text()
    assert stop == "SIGTERM"

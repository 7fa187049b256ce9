"""The two Dockerfiles against each other, and against what the rest of the project says of the image."""

import json
import re
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARM64, AMD64 = (ROOT / "Dockerfile.arm64v8", ROOT / "Dockerfile.amd64")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(instruction, its words), each on one line."""
    lines = [line for line in dockerfile.read_text().splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def words(instruction: str) -> list[str]:
    return [rest for name, rest in instructions(ARM64) if name == instruction]


def final(instruction: str) -> list[str]:
    """Of the last stage alone."""
    told = instructions(ARM64)
    begin = max(n for n, (name, _) in enumerate(told) if name == "FROM")
    return [rest for name, rest in told[begin:] if name == instruction]


def test_the_dockerfiles_differ_in_the_base_alone() -> None:
    lines = zip_longest(ARM64.read_text().splitlines(), AMD64.read_text().splitlines())

    assert [pair for pair in lines if pair[0] != pair[1]] == [
        ("ARG BASE=docker.io/arm64v8/python:3.11-slim-bookworm", "ARG BASE=docker.io/amd64/python:3.11-slim-bookworm")
    ]


def test_module_json_builds_both_with_the_root_of_the_project_as_context() -> None:
    module = ROOT / "modules" / "telematics" / "module.json"
    image = json.loads(module.read_text())["image"]
    named = {module.parent / path for path in (*image["tag"]["platforms"].values(), image["contextPath"])}

    assert {path.resolve() for path in named} == {ARM64, AMD64, ROOT}


@pytest.mark.parametrize("dockerfile", [ARM64, AMD64], ids=lambda path: path.name)
def test_what_is_copied_from_the_project_is_there_and_let_through(dockerfile: Path) -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for name, rest in instructions(dockerfile)
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }

    assert copied == let_through
    assert all((ROOT / path).exists() for path in copied)


def test_the_final_stage_gets_what_was_built_and_no_argument_of_the_build() -> None:
    assert final("ARG") == []
    assert [copied for copied in final("COPY") if "--from" in copied] == [
        "--from=build /opt/edge-agent /opt/edge-agent"
    ]
    assert not re.search(r"\b(apt|apt-get|pip|uv|curl|wget)\b", " ".join(final("RUN")))


def test_its_user_is_a_number_that_owns_the_volume() -> None:
    [user], [volume], [accounts] = final("USER"), final("VOLUME"), final("RUN")
    uid, gid = user.split(":")

    assert int(uid) > 0 < int(gid)
    assert f"--owner {uid} --group {gid} --mode 0700 {volume}" in accounts


def test_a_container_of_the_template_mounts_the_volume_and_serves_metrics_where_the_image_would() -> None:
    template = json.loads((ROOT / "deployment.template.json").read_text())
    module = template["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]["telematics"]
    mounted = [bind.split(":")[1] for bind in module["settings"]["createOptions"]["HostConfig"]["Binds"]]
    variables = dict(pair.split("=", 1) for pair in final("ENV")[0].split())

    assert final("VOLUME")[0] in mounted
    assert variables["METRICS_PORT"] == module["env"]["METRICS_PORT"]["value"]
    assert module["env"]["METRICS_ADDRESS"]["value"] == "127.0.0.1"
    assert "METRICS_ADDRESS" not in variables


def test_it_is_asked_for_its_health_as_the_documentation_says_and_stopped_by_the_signal_that_drains() -> None:
    [health], [stop] = final("HEALTHCHECK"), final("STOPSIGNAL")

    assert f"HEALTHCHECK {health}" in (ROOT / "docs" / "observe.md").read_text()
    assert stop == "SIGTERM"

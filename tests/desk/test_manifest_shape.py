import json
from typing import Any

import pytest

from edge_agent.desk.manifest_shape import Manifest, ModuleFile, shaped
from edge_agent.errors import DocumentRefused
from tests.desk.manifests import ROOT, Change, agent, hub, telematics, template


def plain(*changes: Change) -> dict[str, Any]:
    return template(lambda d: telematics(d)["settings"].update(image="registry.example/telematics:1"), *changes)


def faults(document: dict[str, Any], *, is_module: bool = False) -> list[str]:
    with pytest.raises(DocumentRefused) as refused:
        shaped(document, ModuleFile) if is_module else shaped(document, Manifest)
    return [str(fault) for fault in refused.value.faults]


def test_a_route_is_a_text_or_an_object() -> None:
    text = "FROM /* INTO $upstream"
    manifest = shaped(
        plain(lambda d: hub(d)["routes"].update(all=text, ranked={"route": text, "priority": 3})), Manifest
    )
    assert manifest.hub.routes["all"].route == manifest.hub.routes["ranked"].route == text
    assert (manifest.hub.routes["all"].priority, manifest.hub.routes["ranked"].priority) == (None, 3)


def test_every_module_beside_the_runtimes_two_has_a_twin_of_its_own_shape() -> None:
    manifest = shaped(plain(lambda d: d["modulesContent"].update(other={"properties.desired": {"a": [1]}})), Manifest)
    assert set(manifest.modules_content.twins) == {"telematics", "other"}
    assert manifest.modules_content.twins["other"].desired == {"a": [1]}


@pytest.mark.parametrize(
    "image",
    [
        "alpine",
        "alpine:3",
        "registry.example:5000/a/b_c:1.0-arm64v8",
        "mcr.microsoft.com/azureiotedge-hub:1.6",
        f"a/b@sha256:{'0' * 64}",
    ],
)
def test_an_image_is_named_as_docker_names_it(image: str) -> None:
    manifest = shaped(plain(lambda d: telematics(d)["settings"].update(image=image)), Manifest)
    assert manifest.agent.modules["telematics"].settings.image == image


@pytest.mark.parametrize("image", ["", "/telematics:1", "a/B:1", "a b", "a:", "a/b:1:2", "${X}/a", "a@sha256:0"])
def test_another_text_names_no_image(image: str) -> None:
    place = "modulesContent.$edgeAgent.properties.desired.modules.telematics.settings.image"
    (fault,) = faults(plain(lambda d: telematics(d)["settings"].update(image=image)))
    assert fault.startswith(f"{place}: {image!r} is no image")


def test_the_runtime_is_neither_stopped_nor_left_alone_when_it_fails() -> None:
    edge_hub = {"status": "stopped", "restartPolicy": "never"}
    found = faults(plain(lambda d: agent(d)["systemModules"]["edgeHub"].update(edge_hub)))
    place = "modulesContent.$edgeAgent.properties.desired.systemModules.edgeHub"
    assert found == [f"{place}.status: input should be 'running'", f"{place}.restartPolicy: input should be 'always'"]


def test_a_name_that_no_module_can_have_is_told_at_the_name() -> None:
    (fault,) = faults(plain(lambda d: agent(d)["modules"].update({"a b": telematics(d)})))
    place = "modulesContent.$edgeAgent.properties.desired.modules.a b"
    assert fault == f"{place}: a module's name has 1 to 128 ASCII letters, digits and - . _ :"


def test_a_module_file_that_nothing_is_wrong_with_is_taken() -> None:
    document = json.loads((ROOT / "modules" / "telematics" / "module.json").read_text())
    assert set(shaped(document, ModuleFile).image.tag.platforms) == {"amd64", "arm64v8"}
    document["image"]["tag"]["platforms"] = {}
    document["image"]["repo"] = document["image"].pop("repository")
    assert faults(document, is_module=True) == [
        "image: repository must be given",
        "image.tag.platforms: must not be empty",
        "image.repo: no such field here",
    ]

"""The schemas that are shipped: made from the models, and of one mind with them on what has another shape."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edge_agent.desk.manifest_schema import schema_text
from edge_agent.desk.manifest_shape import Manifest, ModuleFile
from tests.desk.manifests import ROOT, TEMPLATE, Change, agent, deployed, hub, options, telematics, template

MODULE = ROOT / "modules" / "telematics" / "module.json"
SHIPPED = [(ROOT / "docs" / "deployment.schema.json", Manifest), (ROOT / "docs" / "module.schema.json", ModuleFile)]
VALIDATOR = Draft202012Validator(json.loads(schema_text(Manifest)))


@pytest.mark.parametrize(("path", "model"), SHIPPED, ids=[path.name for path, _ in SHIPPED])
def test_the_schemas_that_are_shipped_are_what_the_models_give(
    path: Path, model: type[Manifest] | type[ModuleFile]
) -> None:
    """`schema_text` makes them anew."""
    assert path.read_text() == schema_text(model)


@pytest.mark.parametrize("file", [TEMPLATE, MODULE], ids=lambda file: file.name)
def test_the_projects_own_files_name_the_schema_and_follow_it(file: Path) -> None:
    document = json.loads(file.read_text())
    schema = json.loads((file.parent / document["$schema"]).read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)


def test_a_rendered_manifest_follows_the_schema_too(tmp_path: Path) -> None:
    long = deployed(tmp_path, lambda d: options(d).update(Labels={"long": "x" * 2000}))
    assert '"createOptions04"' in long.text()
    VALIDATOR.validate(json.loads(long.text()))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["modulesContent"].pop("$edgeHub"),
        lambda d: d["modulesContent"].update(other={}),
        lambda d: agent(d).update(schemaVersion="1.2"),
        lambda d: agent(d)["modules"].update({"a b": telematics(d)}),
        lambda d: telematics(d).update(restartPolicy="Always"),
        lambda d: telematics(d)["env"].update(A={"value": 1}),
        lambda d: telematics(d)["settings"].update(image="A/B"),
        lambda d: options(d)["HostConfig"].update(Binds=["/a"]),
        lambda d: options(d)["HostConfig"].update(Bind=["/a:/b"]),
        lambda d: hub(d)["routes"].update(a={"route": "x", "priority": 10}),
        lambda d: hub(d)["routes"].update(a=1),
    ],
)
def test_what_has_another_shape_follows_it_not(change: Change) -> None:
    assert not VALIDATOR.is_valid(template(change))

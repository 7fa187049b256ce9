"""The container of the images' runs against the templates'."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.desk.manifests import options, template
from tests.image.deployed import restrictions
from tests.image.modules import MODULES, ROOT, Module


def written(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = folder / "deployment.template.json"
    path.write_text(json.dumps(template(lambda document: change(options(document)["HostConfig"]))))
    return path


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_the_projects_templates_ask_for_what_the_container_does(module: Module) -> None:
    assert restrictions(ROOT / module.template, module.name).tmpfs == "size=16m"


@pytest.mark.parametrize(
    "change",
    [
        lambda host: host.update(CapAdd=["NET_ADMIN"]),
        lambda host: host.update(CapDrop=["CHOWN"]),
        lambda host: host.update(SecurityOpt=[]),
        lambda host: host.update(ReadonlyRootfs=False),
        lambda host: host.update(Privileged=True),
        lambda host: host["Tmpfs"].update({"/run": ""}),
    ],
    ids=["more", "less dropped", "new privileges", "writable", "privileged", "another tmpfs"],
)
def test_a_template_that_allows_something_else_is_not_taken_for_tested(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(AssertionError, match="the script's container"):
        restrictions(written(tmp_path, change), "telematics")

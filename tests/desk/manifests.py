"""The project's own template, changed here and there, as files that somebody wrote."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from edge_agent.desk.manifest import Deployment, read_deployment

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deployment.template.json"
REGISTRY = {"CONTAINER_REGISTRY": "registry.example"}

Change = Callable[[dict[str, Any]], object]


def template(*changes: Change) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(TEMPLATE.read_text())
    for change in changes:
        change(document)
    return document


def agent(document: dict[str, Any]) -> dict[str, Any]:
    desired: dict[str, Any] = document["modulesContent"]["$edgeAgent"]["properties.desired"]
    return desired


def hub(document: dict[str, Any]) -> dict[str, Any]:
    desired: dict[str, Any] = document["modulesContent"]["$edgeHub"]["properties.desired"]
    return desired


def telematics(document: dict[str, Any]) -> dict[str, Any]:
    module: dict[str, Any] = agent(document)["modules"]["telematics"]
    return module


def options(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = telematics(document)["settings"]["createOptions"]
    return found


def twin(document: dict[str, Any]) -> dict[str, Any]:
    desired: dict[str, Any] = document["modulesContent"]["telematics"]["properties.desired"]
    return desired


def project(folder: Path, document: object) -> Path:
    """A folder with this template, and the module beside it."""
    modules = folder / "modules" / "telematics"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "module.json").write_text((ROOT / "modules" / "telematics" / "module.json").read_text())
    file = folder / "deployment.template.json"
    file.write_text(json.dumps(document))
    return file


def deployed(folder: Path, *changes: Change) -> Deployment:
    """Rendered from a changed template."""
    return read_deployment(project(folder, template(*changes)), REGISTRY, "arm64v8")


def has(body: object, place: str) -> bool:
    """Whether a dotted path leads to something; names may have dots of their own."""
    if not place:
        return True
    if index := re.match(r"\[(\d+)\]", place):
        return isinstance(body, list) and int(index[1]) < len(body) and has(body[int(index[1])], place[index.end() :])
    place = place.removeprefix(".")
    names = [name for name in body if re.match(rf"{re.escape(name)}($|[.\[])", place)] if isinstance(body, dict) else []
    return any(has(body[name], place[len(name) :]) for name in names) if isinstance(body, dict) else False


def rendered(document: dict[str, Any]) -> dict[str, Any]:
    """With createOptions as objects, which paths lead into."""
    found = deepcopy(document)
    for group in ("systemModules", "modules"):
        for module in agent(found).get(group, {}).values():
            if isinstance(text := module.get("settings", {}).get("createOptions"), str):
                module["settings"]["createOptions"] = json.loads(text)
    return found

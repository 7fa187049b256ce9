"""JSON Schemas of a deployment and of a module.json, so that an editor completes them and marks what is wrong.

Made from the models that `edge-agent manifest` judges them by; what goes beyond a shape is that command's to find.
"""

import json
from typing import Any

from edge_agent.desk.manifest_shape import Manifest, ModuleFile
from edge_agent.desk.twin_schema import DIALECT, without_noise

TITLES = {Manifest: "Edge Agent: deployment of IoT Edge", ModuleFile: "Edge Agent: module.json"}


def schema_text(model: type[Manifest] | type[ModuleFile]) -> str:
    """The schema as `docs/deployment.schema.json` or `docs/module.schema.json` has it."""
    plain = _closed(without_noise(model.model_json_schema()))
    return json.dumps({"$schema": DIALECT, **plain, "title": TITLES[model]}, indent=2, ensure_ascii=False) + "\n"


def _closed(value: Any) -> Any:
    """With maps whose names follow a pattern taking no others, as the models do."""
    match value:
        case dict():
            closed = {name: _closed(one) for name, one in value.items()}
            return {"additionalProperties": False} | closed if "patternProperties" in value else closed
        case list():
            return [_closed(one) for one in value]
    return value

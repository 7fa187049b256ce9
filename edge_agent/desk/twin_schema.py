"""JSON Schema of the desired properties, so that an editor completes a document and marks what is wrong in it.

Made from the models that judge a document in the vehicle; their docstrings are what an editor shows. What only the
vehicle can know (which signals there are, whether a condition can be read) is `edge-agent check`'s to find.
"""

import json
from collections.abc import Mapping
from typing import Any

from edge_agent.desk.field_texts import field_texts
from edge_agent.twin import document
from edge_agent.twin.document import RULE_NAME, Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def twin_schema() -> dict[str, Any]:
    """The schema, as a JSON object."""
    schema = Document.model_json_schema()
    definitions = schema["$defs"] | {"Document": schema}
    for model, field, text in field_texts(document):
        properties = definitions.get(model, {}).get("properties", {})
        if field in properties:
            properties[field]["description"] = text
    schema["properties"]["rules"]["propertyNames"] = {"pattern": f"^{RULE_NAME}$"}
    schema["patternProperties"] = {r"^\$": True}  # a twin's own `$version` and `$metadata`
    plain = without_noise(schema)
    return {"$schema": DIALECT, **plain, "title": "Edge Agent: desired properties"}


def twin_schema_text() -> str:
    """The schema as `docs/twin.schema.json` has it."""
    return json.dumps(twin_schema(), indent=2, ensure_ascii=False) + "\n"


def without_noise(value: Any) -> Any:
    """Without the titles pydantic makes of names, which an editor would show first, and defaults that say nothing."""
    match value:
        case {"properties": Mapping() as properties, **rest}:
            fields = {name: without_noise(field) for name, field in properties.items()}
            return {**without_noise(rest), "properties": fields}
        case dict():
            return {key: without_noise(one) for key, one in value.items() if not _is_noise(key, one)}
        case list():
            return [without_noise(one) for one in value]
    return value


def _is_noise(key: str, value: object) -> bool:
    return key in {"title", "discriminator"} or (key == "default" and value in (None, {"from": None, "until": None}))

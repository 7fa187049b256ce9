"""What a field takes, in words for a table, from its JSON Schema; and what its number counts, from its name. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
"""as pydantic writes one"""

UNITS = (
    (r"(^|_)bytes(_|$)|_cap_bytes$", "bytes"),
    (r"(^|_)blocks_per_", "blocks of 4 KB"),
    (r"_ms$", "ms"),
    (r"_min$", "minutes"),
    (r"_s$", "s"),
    (r"bitrate$", "bit/s"),
    (r"^(deadband|max_error)$", "the signal's"),
    (r"_speed$", "times as fast"),
)
"""what a name ends with, or holds, says what its number counts"""


def unit(name: str) -> str:
    """Of a field's number; empty where it has none."""
    return next((words for pattern, words in UNITS if re.search(pattern, name.lower())), "")


def takes(schema: Schema, places: Mapping[str, str]) -> str:
    """The values that are taken; `places` says of a model where its own fields stand."""
    forms = schema.get("oneOf") or schema.get("anyOf")
    if forms:
        return ", or ".join(dict.fromkeys(takes(one, places) for one in forms if one.get("type") != "null"))
    if "$ref" in schema:
        return places[model_of(schema)]
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return " ".join(code(one) for one in schema["enum"])
    return _plain(schema, places)


def _plain(schema: Schema, places: Mapping[str, str]) -> str:
    match schema.get("type"):
        case "boolean":
            return "`true` `false`"
        case "integer" | "number":
            kind = "integer" if schema["type"] == "integer" else "number"
            return ", ".join(filter(None, (kind, _bounds(schema))))
        case "array":
            many = (
                "any of "
                if "enum" in schema["items"]
                else f"up to {schema['maxItems']} "
                if "maxItems" in schema
                else ""
            )
            return f"list of {many}{takes(schema['items'], places)}"
        case "object":
            return f"map from names to {takes(schema['additionalProperties'], places)}s"
    return _text(schema)


def _text(schema: Schema) -> str:
    kind = {"path": "path", "password": "secret text"}.get(schema.get("format", ""), "text")
    return f"{kind}, at most {schema['maxLength']} characters" if "maxLength" in schema else kind


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    parts = (("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"))
    return ", ".join(f"{word} {schema[key]:,}" for key, word in parts if key in schema)


def model_of(schema: Schema) -> str:
    """Name of the model that a reference means."""
    return str(schema["$ref"]).rpartition("/")[2]


def code(value: object) -> str:
    """As it is written in a document."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"`{json.dumps(whole, ensure_ascii=False)}`"

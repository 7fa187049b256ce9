"""The complex schemas of DTDL v3, and one made from a JSON Schema. Pure.

DTDL knows no alternatives: of several forms of one value the first is described, and objects that stand for one another
become one Object with the fields of all.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from edge_agent.twin.fitting import JsonObject, JsonValue

Schema = str | JsonObject

INT_32 = range(-(1 << 31), 1 << 31)
_PRIMITIVES = {"number": "double", "string": "string", "boolean": "boolean"}


def object_of(fields: Mapping[str, Schema], comments: Mapping[str, str] | None = None) -> JsonObject:
    """An Object; `comments` are of its fields."""
    said = comments or {}
    return {
        "@type": "Object",
        "fields": [
            {"name": name, "schema": schema} | ({"comment": said[name]} if name in said else {})
            for name, schema in fields.items()
        ],
    }


def array_of(element: Schema) -> JsonObject:
    """An Array."""
    return {"@type": "Array", "elementSchema": element}


def map_of(key: str, value: str, schema: Schema) -> JsonObject:
    """A Map; `key` and `value` only name what is in it."""
    return {
        "@type": "Map",
        "mapKey": {"name": key, "schema": "string"},
        "mapValue": {"name": value, "schema": schema},
    }


def enum_of(names: Sequence[str]) -> JsonObject:
    """An Enum of texts that are names themselves."""
    return {
        "@type": "Enum",
        "valueSchema": "string",
        "enumValues": [{"name": name, "enumValue": name} for name in names],
    }


def schema_of(node: JsonObject, definitions: Mapping[str, JsonObject]) -> Schema:
    """The DTDL schema of a JSON Schema's node, whose references are to `definitions`."""
    forms = _forms(node, definitions)
    texts = [text for form in forms for text in _texts(form)]
    if texts and len(texts) >= len(forms):
        return enum_of(list(dict.fromkeys(texts)))
    first = forms[0]
    match first.get("type"):
        case "object" if "properties" in first:
            return _merged([form for form in forms if "properties" in form], definitions)
        case "object":
            return map_of("name", "value", schema_of(_node(first["additionalProperties"]), definitions))
        case "array":
            return array_of(schema_of(_node(first["items"]), definitions))
        case "integer":
            return "integer" if cast("int", first.get("maximum", 1 << 62)) in INT_32 else "long"
        case kind:
            return _PRIMITIVES[str(kind)]


def _merged(forms: Sequence[JsonObject], definitions: Mapping[str, JsonObject]) -> JsonObject:
    variants: dict[str, list[JsonValue]] = {}
    for form in forms:
        for name, field in _node(form["properties"]).items():
            variants.setdefault(name, []).append(field)
    said = {name: _node(field[0]).get("description") for name, field in variants.items()}
    return object_of(
        {name: schema_of({"oneOf": field}, definitions) for name, field in variants.items()},
        {name: str(text) for name, text in said.items() if text},
    )


def _forms(node: JsonObject, definitions: Mapping[str, JsonObject]) -> list[JsonObject]:
    """The alternatives of a node without references, and without null."""
    if "$ref" in node:
        return _forms(definitions[str(node["$ref"]).rpartition("/")[2]], definitions)
    for key in ("oneOf", "anyOf"):
        if key in node:
            return [
                form
                for one in cast("Sequence[JsonObject]", node[key])
                for form in _forms(one, definitions)
                if form.get("type") != "null"
            ]
    return [node]


def _texts(form: JsonObject) -> list[str]:
    """The texts that a value is one of."""
    if form.get("type") != "string":
        return []
    return [str(text) for text in cast("Sequence[str]", form.get("enum", [form["const"]] if "const" in form else []))]


def _node(value: JsonValue) -> JsonObject:
    return cast("JsonObject", value)
